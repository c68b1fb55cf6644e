"""`archbench list` and `archbench info NAME`: what is on the shelf."""

from typing import Annotated

import typer

from archbench.commands.registry.report import info_report, list_report
from archbench.errors import ArchbenchError
from archbench.networks.registry import ARCHITECTURES, find, related, select
from archbench.networks.registry.records import Architecture
from archbench.networks.registry.totals import kept_totals
from archbench.shell.options import ResultOptions, complete_model
from archbench.shell.output import destination

FAMILIES = sorted({row.family for row in ARCHITECTURES})

Glob = Annotated[str, typer.Argument(help="names to list, such as 'resnet*'")]
Family = Annotated[
    str | None, typer.Option("--family", help=f"{', '.join(FAMILIES[:-1])} or {FAMILIES[-1]}")
]
Year = Annotated[
    int | None, typer.Option("--year", help="of the paper, such as 2015", show_default=False)
]
Name = Annotated[str, typer.Argument(help="a registry name", autocompletion=complete_model)]


def list_architectures(
    glob: Glob = "*",
    *,
    family: Family = None,
    year: Year = None,
    result: ResultOptions,
) -> None:
    """List the architectures on the shelf, by family and year."""
    if family is not None and family not in FAMILIES:
        raise ArchbenchError(f"there is no family '{family}'", f"there are {', '.join(FAMILIES)}")
    rows = _rows(glob, family, year)
    if not rows:
        where = f" of the family '{family}'" if family else ""
        where += f" of {year}" if year is not None else ""
        hint = "`archbench list` names them all"
        if _rows(f"*{glob}*", family, year):
            hint = f"`archbench list '*{glob}*'` finds it inside of names"
        raise ArchbenchError(f"no architecture{where} matches '{glob}'", hint)
    with destination(result.form, result.output) as out:
        out.write(list_report(rows, kept_totals()))


def _rows(glob: str, family: str | None, year: int | None) -> list[Architecture]:
    return [row for row in select(glob, family) if year in (None, row.year)]


def info(
    name: Name,
    *,
    result: ResultOptions,
) -> None:
    """Tell where a network comes from: paper, published errors, conventions, variants."""
    row = find(name)
    with destination(result.form, result.output) as out:
        out.write(info_report(row, kept_totals()[row.name], related(row)))
