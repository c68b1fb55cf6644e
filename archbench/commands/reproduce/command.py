"""`archbench reproduce`: the printed figures beside the computed ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.commands.reproduce import expectations
from archbench.commands.reproduce.report import summary_report, table_reports, tables_report
from archbench.errors import ArchbenchError
from archbench.papers.figures import figures, select
from archbench.papers.figures import tables as table_names
from archbench.papers.records import VERDICTS, Verdict, VerdictChange
from archbench.papers.verdict_looks import LOOKS
from archbench.shell.atomic_files import atomic_write
from archbench.shell.files_in_use import in_use
from archbench.shell.options import ResultOptions, complete_model, verdicts_named
from archbench.shell.output import destination
from archbench.shell.progress import collect
from archbench.shell.streams import warn
from archbench.tables.render import Format
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.papers.records import PublishedFigure, Reproduction
    from archbench.shell.output import Destination

SHOWN = 5  # changed verdicts that standard error names; JSON has them all


def _complete_table(incomplete: str) -> list[str]:
    return [name for name in table_names() if name.startswith(incomplete)]


Tables = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TABLE",
        help="such as googlenet-table1, or 'resnet-*'; all where none is named",
        autocompletion=_complete_table,
        show_default=False,
    ),
]
ListThem = Annotated[bool, typer.Option("--list", help="list the tables")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="VERDICT", help=f"{', '.join(VERDICTS)}; repeatable", show_default=False
    ),
]
Network = Annotated[
    str | None,
    typer.Option(
        "--architecture",
        metavar="NAME",
        help="figures of one network alone",
        autocompletion=complete_model,
    ),
]
Expectations = Annotated[
    Path | None,
    typer.Option(
        "--expectations", help="a file of verdicts to hold to, instead of archbench's own"
    ),
]
Update = Annotated[
    bool, typer.Option("--update", help="write the verdicts of now into the file of --expectations")
]


def reproduce(
    tables: Tables = None,
    *,
    list_them: ListThem = False,
    only: Only = None,
    architecture: Network = None,
    expected: Expectations = None,
    update: Update = False,
    result: ResultOptions,
) -> None:
    """Compute what the papers print again, and confirm or explain every figure.

    Exits with 1 where a verdict is not the expected one.
    """
    verdicts = _verdicts(only or [])
    selected = select(tables or [], architecture)
    if list_them and (only or expected or update):
        raise ArchbenchError(
            "--list computes no verdict", "leave --only, --expectations and --update out"
        )
    if list_them:
        with destination(result.form, result.output) as out:
            out.write(tables_report(selected))
        return
    if update and (result.form or result.output):
        raise ArchbenchError("--update writes verdicts, and no report", "leave -f and -o out")
    if update:
        _update(expected, partial=len(selected) < len(figures()) or bool(only))
        return
    with destination(result.form, result.output) as out, in_use(expected):
        known = expectations.expected(expected)
        found = _recomputed(selected)
        changed = expectations.changes(found, known)
        shown = tuple(r for r in found if not verdicts or r.verdict in verdicts)
        _write(out, shown, changed, listed=bool(verdicts))
    if changed:
        warn(_changes_line(changed))
        raise typer.Exit(1)


def _verdicts(words: list[str]) -> tuple[Verdict, ...]:
    spellings = {name: verdict for verdict in VERDICTS for name in (verdict, LOOKS[verdict].word)}
    return verdicts_named(words, spellings)


def _recomputed(selected: Sequence["PublishedFigure"]) -> tuple["Reproduction", ...]:
    from archbench.papers.reproduce import recomputed

    return collect("recomputing", recomputed(selected), len(selected))


def _write(
    out: "Destination",
    shown: Sequence["Reproduction"],
    changed: Sequence[VerdictChange],
    listed: bool,
) -> None:
    """Write table by table and the sum for people; machines get one list of figures."""
    if shown and out.form in (Format.TABLE, Format.MD):
        for report in table_reports(shown, listed):
            out.write(report)
    else:
        out.write(summary_report(shown, changed))


def _changes_line(changed: Sequence[VerdictChange]) -> str:
    """Say which verdicts are not the expected ones."""
    first = "; ".join(
        f"{change.id} is {change.verdict}, not {change.expected or 'recorded'}"
        for change in changed[:SHOWN]
    )
    more = f"; and {len(changed) - SHOWN:,} more" if len(changed) > SHOWN else ""
    return f"{counted(len(changed), 'verdict')} not as expected: {first}{more}"


def _update(path: Path | None, partial: bool) -> None:
    """Write the verdicts of all figures into a file."""
    if path is None:
        raise ArchbenchError(
            "--update needs to know where to write", "--expectations FILE names the file"
        )
    if partial:
        raise ArchbenchError(
            "--update writes the verdicts of all figures",
            "leave tables, --architecture, --only out",
        )
    expectations.refuse_installed(path)
    with atomic_write(path) as stream:
        found = _recomputed(figures())
        stream.write(expectations.as_text(found))
    warn(f"the verdicts of {counted(len(found), 'figure')} are in {path}")
