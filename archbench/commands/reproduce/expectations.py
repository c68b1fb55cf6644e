"""The verdicts that are expected: expected.csv, written by a program and reviewed like code."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from archbench.csv_tables import rows_of
from archbench.errors import ArchbenchError, OutputRefused
from archbench.papers.figures import figures
from archbench.papers.records import VERDICTS, Reproduction, Verdict, VerdictChange

PACKAGED = "expected.csv"
_COLUMNS = ["id", "verdict"]
UPDATE = "`archbench reproduce --update --expectations FILE`"


def expected(path: Path | None = None) -> Mapping[str, Verdict]:
    """Read the expected verdict of every figure: archbench's own, or those of a file.

    Raises:
        ArchbenchError: the file cannot be read, or is no such file.
    """
    rows = rows_of(f"papers/{PACKAGED}") if path is None else _read(path)
    known = {figure.id for figure in figures()}
    found: dict[str, Verdict] = {}
    for line, row in enumerate(rows, 2):
        if set(row) != set(_COLUMNS) or row["verdict"] not in VERDICTS:
            raise ArchbenchError(
                f"line {line} of '{path or PACKAGED}' is not an id and a verdict",
                f"the first line is {','.join(_COLUMNS)}; verdicts are {', '.join(VERDICTS)}",
            )
        if row["id"] not in known:
            raise ArchbenchError(
                f"line {line} of '{path or PACKAGED}' names no figure: '{row['id']}'",
                f"{UPDATE} writes the file anew",
            )
        found[row["id"]] = row["verdict"]
    return found


def _read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file of expectations."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        message = f"'{path}' cannot be read: {reason.lower()}"
        raise ArchbenchError(message, f"{UPDATE} writes one") from error
    rows = list(csv.DictReader(text.splitlines()))
    if not rows:
        raise ArchbenchError(f"'{path}' holds no verdicts", f"{UPDATE} writes them")
    return rows


def changes(
    reproductions: Sequence[Reproduction], verdicts: Mapping[str, Verdict]
) -> tuple[VerdictChange, ...]:
    """Return the figures whose verdict is not the expected one."""
    return tuple(
        VerdictChange(r.figure.id, verdicts.get(r.figure.id), r.verdict)
        for r in reproductions
        if verdicts.get(r.figure.id) != r.verdict
    )


def refuse_installed(path: Path) -> None:
    """Refuse to write into an installed package, where nobody would review it.

    Raises:
        OutputRefused: the file lies where packages are installed.
    """
    if {"site-packages", "dist-packages"} & set(path.resolve().parts):
        raise OutputRefused(
            f"'{path}' belongs to an installed package", "name a file of your own repository"
        )


def as_text(reproductions: Sequence[Reproduction]) -> str:
    """Write every verdict as the file of expectations holds them."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((r.figure.id, r.verdict) for r in reproductions)
    return lines.getvalue()
