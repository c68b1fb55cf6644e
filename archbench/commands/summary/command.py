"""`archbench summary MODEL`: what a network holds and does, row by row."""

from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import ArchbenchError
from archbench.shell.options import (
    Aux,
    BatchSize,
    Debug,
    Form,
    InputSize,
    Model,
    ModelKwargs,
    Output,
    Strict,
)
from archbench.shell.output import destination, prints_set_aside, warn
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.analysis.records import Profile
    from archbench.networks.inputs import InputPlan
    from archbench.networks.resolve import Loaded
    from archbench.tables.table import Report

DEFAULT_DEPTH = 2  # of the module tree, for a network that has no table in a paper

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
    if layers and depth is not None:
        raise ArchbenchError("--layers shows everything that --depth would leave out", "choose one")
    with destination(form, output) as out, prints_set_aside():
        from archbench.analysis.profile import profile_loaded, refuse_incomplete
        from archbench.networks.device import check_device
        from archbench.networks.resolve import load, parse_kwargs, plan_for

        where = check_device(device)
        kwargs = parse_kwargs(model_kwargs or []) | ({"aux": True} if aux else {})
        loaded = load(model, kwargs, blank=not cross_check)  # fvcore runs it, and needs weights
        if loaded.architecture is None and device != "auto":
            loaded.module.to(where)
        plan = plan_for(loaded, input_size or None, batch_size)
        profile = profile_loaded(loaded, plan)
        if cross_check:
            report = _cross_checked(loaded, plan, profile)
        else:
            report = _laid_out(loaded, profile, depth, layers)
        out.write(report)
    if strict:
        refuse_incomplete(profile)
    elif profile.uncounted:
        warn(
            f"{counted(len(profile.uncounted), 'kind of operation', 'kinds of operation')} "
            "without a rule; --strict would exit 4"
        )


def _laid_out(loaded: "Loaded", profile: "Profile", depth: int | None, layers: bool) -> "Report":
    """Choose the paper's table, the module tree or every layer."""
    from archbench.commands.summary.report import summary_report
    from archbench.networks.construct import paper_table

    if loaded.architecture is not None:
        paper = paper_table(loaded.architecture, loaded.arguments)
        return summary_report(profile, loaded.architecture, paper, depth, layers)
    if depth is None and not layers:
        depth = DEFAULT_DEPTH
    return summary_report(profile, depth=depth, layers=layers)


def _cross_checked(loaded: "Loaded", plan: "InputPlan", profile: "Profile") -> "Report":
    """Set fvcore's count beside the profile."""
    from archbench.commands.summary.cross_check import cross_check
    from archbench.commands.summary.cross_check_report import cross_check_report

    return cross_check_report(profile, cross_check(loaded, plan, profile))
