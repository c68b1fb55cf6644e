"""`archbench list`: what is on the shelf."""

from typing import Annotated

import typer

from archbench.cli.options import Debug, Form, Output
from archbench.cli.output import destination
from archbench.errors import ArchbenchError
from archbench.registry import ARCHITECTURES, select
from archbench.report.shelf import shelf_report

Glob = Annotated[str, typer.Argument(help="names to list, such as 'resnet*'")]
Family = Annotated[str | None, typer.Option("--family", help="inception, plain or resnet")]


def list_architectures(
    glob: Glob = "*",
    family: Family = None,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """List the architectures on the shelf, by family and year."""
    families = sorted({row.family for row in ARCHITECTURES})
    if family is not None and family not in families:
        raise ArchbenchError(f"there is no family '{family}'", f"there are {', '.join(families)}")
    rows = select(glob, family)
    if not rows:
        where = f" of the family '{family}'" if family else ""
        raise ArchbenchError(
            f"no architecture{where} matches '{glob}'", "`archbench list` names them all"
        )
    with destination(form, output) as out:
        out.write(shelf_report(rows))
