"""`archbench claims`: statements of the papers and lecture notes, put to the test."""

from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.cli import interrupt
from archbench.cli.options import Debug, Form, Output
from archbench.cli.output import destination, replacing, warn
from archbench.cli.progress import progress
from archbench.errors import ArchbenchError, OutputRefused
from archbench.papers.statements import statements
from archbench.report.claims import claims_report, finding_report, findings_report
from archbench.report.render import Format
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.records.claims import Claim, Finding


def _complete_claim(incomplete: str) -> list[str]:
    return [claim.id for claim in statements() if claim.id.startswith(incomplete)]


Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[CLAIM]...",
        help="such as gradient.norms, or 'resnet.*'; all of them where none is named",
        autocompletion=_complete_claim,
        show_default=False,
    ),
]
ListThem = Annotated[bool, typer.Option("--list", help="list the claims, and test none")]
Plot = Annotated[
    Path | None,
    typer.Option("--plot", metavar="DIR", help="draw what is worth looking at into a folder"),
]


def claims(
    names: Names = None,
    list_them: ListThem = False,
    plot: Plot = None,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Put what the papers and lecture notes say to the test, one small experiment each.

    Exits with 1 where an outcome is not the expected one.
    """
    chosen = _selected(names or [])
    with destination(form, output) as out:
        if list_them:
            out.write(claims_report(chosen))
            return
        folder = _folder(plot)
        findings = _tested(chosen)
        if out.form is Format.TABLE and names and not any(set("*?[") & set(n) for n in names):
            for finding in findings:
                out.write(finding_report(finding))
        else:
            out.write(findings_report(findings))
    if folder is not None:
        _draw(findings, folder)
    surprises = [finding.claim.id for finding in findings if not finding.as_expected]
    if surprises:
        warn(f"{counted(len(surprises), 'claim')} not as expected: {', '.join(surprises)}")
        raise typer.Exit(1)


def _selected(names: Sequence[str]) -> tuple["Claim", ...]:
    """Return the claims of those names, with * for any text; all where none is named.

    Raises:
        ArchbenchError: there is no such claim.
    """
    known = [claim.id for claim in statements()]
    for name in names:
        if not any(fnmatchcase(claim, name) for claim in known):
            near = get_close_matches(name.lower(), known, n=1, cutoff=0.4)
            guess = f"did you mean '{near[0]}'? " if near else ""
            raise ArchbenchError(
                f"there is no claim '{name}'", f"{guess}`archbench claims --list` names them all"
            )
    return tuple(
        claim
        for claim in statements()
        if not names or any(fnmatchcase(claim.id, name) for name in names)
    )


def _folder(plot: Path | None) -> Path | None:
    """Make the folder of the pictures before the work starts, so that none is done in vain."""
    if plot is None:
        return None
    try:
        plot.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputRefused(
            f"'{plot}' cannot be a folder: {reason}", "--plot names a folder"
        ) from error
    from archbench.report.picture import require_matplotlib

    require_matplotlib()
    return plot


def _tested(chosen: Sequence["Claim"]) -> tuple["Finding", ...]:
    """Run the experiments, under a progress bar."""
    from archbench.papers.claims.experiments import put_to_the_test

    findings = []
    with progress("testing") as tell:
        for finding in put_to_the_test(chosen):
            interrupt.check()
            findings.append(finding)
            tell(len(findings) / len(chosen))
    return tuple(findings)


def _draw(findings: Sequence["Finding"], folder: Path) -> None:
    """Write a file per picture, and say where they are."""
    from archbench.report.picture import as_svg

    pictures = [picture for finding in findings for picture in finding.evidence.pictures]
    for picture in pictures:
        with replacing(folder / f"{picture.name}.svg") as stream:
            stream.write(as_svg(picture))
    if pictures:
        warn(f"{counted(len(pictures), 'picture')} in {folder}")
    else:
        warn("none of these claims has a picture")
