"""`archbench summary MODEL`: what a network holds and does, row by row."""

from typing import Annotated

import typer

from archbench.cli.options import (
    Aux,
    BatchSize,
    Debug,
    Device,
    Form,
    InputSize,
    Model,
    ModelKwargs,
    Output,
    Strict,
)
from archbench.cli.output import destination, warn

DEFAULT_DEPTH = 2  # of the module tree, for a network that has no table in a paper

Depth = Annotated[
    int | None,
    typer.Option("--depth", min=0, help="show the module tree to this depth", show_default=False),
]
Layers = Annotated[bool, typer.Option("--layers", help="show every layer")]
CrossCheck = Annotated[
    bool, typer.Option("--cross-check", help="count with fvcore too, and explain the difference")
]


def summary(
    model: Model,
    input_size: InputSize = None,
    batch_size: BatchSize = 1,
    model_kwargs: ModelKwargs = None,
    aux: Aux = False,
    depth: Depth = None,
    layers: Layers = False,
    cross_check: CrossCheck = False,
    device: Device = "auto",
    form: Form = None,
    output: Output = None,
    strict: Strict = False,
    debug: Debug = False,
) -> None:
    """Count params, MACs and output sizes, in the shape of the paper's own table."""
    with destination(form, output) as out:
        from archbench.analyze.profile import profile_loaded, refuse_incomplete
        from archbench.models import shelf
        from archbench.models.device import check_device
        from archbench.models.resolve import load, parse_kwargs, plan_for
        from archbench.report.summary import summary_report

        check_device(device)
        kwargs = parse_kwargs(model_kwargs or []) | ({"aux": True} if aux else {})
        sizes = input_size or None
        loaded = load(model, kwargs, blank=not cross_check)  # fvcore runs it, and needs weights
        result = profile_loaded(loaded, sizes, batch_size)
        paper = None
        if loaded.architecture is not None:
            paper = shelf.paper_table(loaded.architecture, kwargs)
        elif depth is None and not layers:
            depth = DEFAULT_DEPTH
        if cross_check:
            from archbench.analyze.cross_check import cross_check as count_with_fvcore
            from archbench.report.cross_check import cross_check_report

            check = count_with_fvcore(loaded, plan_for(loaded, sizes, batch_size), result)
            out.write(cross_check_report(result, check))
        else:
            out.write(summary_report(result, loaded.architecture, paper, depth, layers))
        if strict:
            refuse_incomplete(result)
        elif result.uncounted:
            warn(f"{len(result.uncounted)} operations have no rule; --strict would exit 4")
