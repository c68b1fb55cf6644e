"""`archbench claims`: statements of the papers and lecture notes, put to the test."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.commands.claims.report import LOOKS, claims_report, finding_report, findings_report
from archbench.errors import ArchbenchError, OutputRefused, why_refused
from archbench.libraries import require
from archbench.papers.statements import select, statements
from archbench.shell.atomic_files import atomic_write
from archbench.shell.options import ResultOptions, verdicts_named
from archbench.shell.output import destination
from archbench.shell.progress import collect
from archbench.shell.streams import warn
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.papers.claims.records import Finding


def _complete_claim(incomplete: str) -> list[str]:
    return [claim.id for claim in statements() if claim.id.startswith(incomplete)]


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="CLAIM",
        help="such as gradient.norms, shown in full, or 'resnet.*'; all where none is named",
        autocompletion=_complete_claim,
        show_default=False,
    ),
]
ListThem = Annotated[bool, typer.Option("--list", help="list the claims, and test none")]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only", metavar="VERDICT", help=f"{', '.join(LOOKS)}; repeatable", show_default=False
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="DIR", help="draw what is worth looking at into a folder"),
]


def claims(
    names: Names = None,
    *,
    list_them: ListThem = False,
    only: Only = None,
    plot: Plot = None,
    result: ResultOptions,
) -> None:
    """Put what the papers and lecture notes say to the test, one small experiment each.

    Exits with 1 where an outcome is not the expected one.
    """
    selected = select(names or [])
    if list_them and (plot is not None or only):
        raise ArchbenchError("--list tests nothing", "leave --plot and --only out")
    verdicts = verdicts_named(only or [], {verdict: verdict for verdict in LOOKS})
    with destination(result.form, result.output) as out:
        if list_them:
            out.write(claims_report(selected))
            return
        folder = _folder(plot)
        from archbench.papers.claims.experiments import run_experiments

        findings = collect("testing", run_experiments(selected), len(selected))
        shown = tuple(f for f in findings if not verdicts or f.evidence.verdict in verdicts)
        out.write(finding_report(*shown) if len(shown) == 1 else findings_report(shown))
    if folder is not None:
        _draw(findings, folder)
    surprises = [finding.claim.id for finding in findings if not finding.as_expected]
    if surprises:
        warn(f"{counted(len(surprises), 'claim')} not as expected: {', '.join(surprises)}")
        raise typer.Exit(1)


def _folder(plot: Path | None) -> Path | None:
    """Make the folder of the pictures before the work starts, so that none is done in vain."""
    if plot is None:
        return None
    require("matplotlib", "pictures")
    try:
        plot.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputRefused(
            f"'{plot}' cannot be a folder: {why_refused(error)}", "--plot names a folder"
        ) from error
    return plot


def _draw(findings: Sequence["Finding"], folder: Path) -> None:
    """Write a file per picture, and say where they are."""
    from archbench.tables.picture import as_svg

    pictures = [picture for finding in findings for picture in finding.evidence.pictures]
    for picture in pictures:
        with atomic_write(folder / f"{picture.name}.svg") as stream:
            stream.write(as_svg(picture))
    if pictures:
        warn(f"{counted(len(pictures), 'picture')} in {folder}")
    else:
        warn("none of these claims has a picture")
