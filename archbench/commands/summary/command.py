"""`archbench summary MODEL`: what a network holds and does, row by row."""

from typing import Annotated

import typer

from archbench.errors import ArchbenchError
from archbench.shell.options import Aux, BatchSize, Model, ModelOptions, ResultOptions
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.streams import warn

Depth = Annotated[
    int | None,
    typer.Option("--depth", min=0, help="show the module tree to this depth", show_default=False),
]
Layers = Annotated[bool, typer.Option("--layers", help="show every layer")]
CrossCheck = Annotated[
    bool, typer.Option("--cross-check", help="count with fvcore too, and explain the difference")
]
Device = Annotated[
    str,
    typer.Option("-d", "--device", help="where a model runs that cannot be counted without values"),
]

Strict = Annotated[bool, typer.Option("--strict", help="exit 4 if anything stayed uncounted")]


def summary(
    model: Model,
    *,
    options: ModelOptions,
    batch_size: BatchSize = 1,
    aux: Aux = False,
    depth: Depth = None,
    layers: Layers = False,
    cross_check: CrossCheck = False,
    device: Device = "auto",
    strict: Strict = False,
    result: ResultOptions,
) -> None:
    """Count params, MACs and output sizes, in the shape of the paper's own table."""
    if layers and depth is not None:
        raise ArchbenchError("--layers shows everything that --depth would leave out", "choose one")
    with destination(result.form, result.output) as out, prints_set_aside():
        from archbench.analysis.profile import refuse_incomplete
        from archbench.commands.summary.report import cross_check_report, summary_report
        from archbench.commands.summary.run import summarise

        kwargs = options.arguments() | ({"aux": True} if aux else {})
        found = summarise(model, options.sizes(), batch_size, kwargs, device, cross_check)
        profile = found.profile
        if found.cross_check is not None:
            out.write(cross_check_report(profile, found.cross_check))
        else:
            out.write(summary_report(found, depth, layers))
    if strict:
        refuse_incomplete(profile)
    elif profile.gaps:
        warn(f"the counts are lower bounds: {'; '.join(profile.gaps)}; --strict would exit 4")
