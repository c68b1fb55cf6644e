"""`archbench check`: the gate of a pull request."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.cli.options import (
    CellBatch,
    Cells,
    ChannelsLast,
    Config,
    Debug,
    Device,
    Form,
    InputSize,
    ModelKwargs,
    Optimizer,
    Output,
    Precision,
    RunMode,
    SideThreads,
    changed_settings,
)
from archbench.cli.output import destination, prints_set_aside, warn
from archbench.cli.progress import progress
from archbench.cli.time_gate import leave, time_gate, warn_of_undecided
from archbench.errors import ArchbenchError, NothingMeasured

if TYPE_CHECKING:
    from archbench.records.gates import Check

LockFile = Annotated[
    Path | None,
    typer.Option(
        "--lock",
        help="the lock (default: archbench.lock.json beside the configuration)",
        show_default=False,
    ),
]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow",
        metavar="FIGURE:+1%",
        help="growth that is let pass, repeatable",
        show_default=False,
    ),
]
Strict = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="exit 4 if a cell is missing, undecided, not comparable or not all counted",
    ),
]

Time = Annotated[bool, typer.Option("--time", help="gate the time, with --base or --against")]
Base = Annotated[
    str | None,
    typer.Option("--base", metavar="REF", help="a commit to be timed beside this tree"),
]
Against = Annotated[
    str | None, typer.Option("--against", metavar="MODEL", help="a model to be timed beside it")
]
Setup = Annotated[
    str, typer.Option("--setup", metavar="COMMAND", help="what a tree needs before it can be run")
]
MaxTime = Annotated[
    float | None,
    typer.Option("--max-time", min=1.0, help="seconds, for all cells", show_default=False),
]
Record = Annotated[
    Path | None, typer.Option("--record", help="keep every pair, for `archbench judge`")
]


# what only a timed check knows, and what only an exact one
OF_TIME = "setup max_time record device precision mode optimizer channels_last threads".split()
OF_STRUCTURE = ["allow"]


def check(
    ctx: typer.Context,
    cells: Cells = None,
    lock: LockFile = None,
    config: Config = None,
    input_size: InputSize = None,
    batch_size: CellBatch = None,
    model_kwargs: ModelKwargs = None,
    allow: Allow = None,
    strict: Strict = False,
    timed: Time = False,
    base: Base = None,
    against: Against = None,
    setup: Setup = "",
    max_time: MaxTime = None,
    record: Record = None,
    device: Device = "cpu",
    precision: Precision = "fp32",
    mode: RunMode = "infer",
    optimizer: Optimizer = "momentum",
    channels_last: ChannelsLast = False,
    threads: SideThreads = 1,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Compute the structure of networks again and hold it to the lock, to the digit.

    With --time: measure head beside its base commit, or a model beside another.
    Exits with 1 where a figure grew, is beyond its budget, or a cell is slower.
    """
    timed = timed or base is not None or against is not None
    if timed and (base is None) == (against is None):
        raise ArchbenchError(
            "--time needs something to be compared with, one of two",
            "--base main for a commit, --against resnet34 for a model",
        )
    _refuse_idle_options(ctx, timed, against is not None)
    with destination(form, output) as out, prints_set_aside():
        from archbench.api.chosen import Chosen
        from archbench.api.gate import run_check
        from archbench.report.check import check_report
        from archbench.report.time_gate import time_gate_report

        settings, said = changed_settings(cells, input_size, batch_size, model_kwargs)
        chosen = Chosen(cells or [], lock, config, settings, said)
        chosen.refuse_as_output(output)
        if timed:
            from archbench.api.cells import Ways

            ways = Ways((1,), device, (precision,), (mode,), channels_last, optimizer=optimizer)
            ways = replace(ways, threads=threads)
            gate = time_gate(chosen, ways, base, against, setup, max_time, record, strict)
            out.write(time_gate_report(gate))
        else:
            with progress("checking") as tell:
                result = run_check(chosen, allow or [], strict, tell)
            out.write(check_report(result))
    if timed:
        leave(gate)
    if not result.cells:
        raise NothingMeasured(
            "there are no cells to check",
            "[[cells]] with model = ... in archbench.toml declares one",
        )
    _leave(result)


def _refuse_idle_options(ctx: typer.Context, timed: bool, against: bool) -> None:
    """Refuse options that would do nothing here: whoever gives one believes that it does.

    Raises:
        ArchbenchError: with where it belongs.
    """
    idle = OF_STRUCTURE if timed else OF_TIME
    idle = [*idle, "setup"] if against else idle
    for name in idle:
        source = ctx.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            why = "has no part in this check of time" if timed else "is for checks of time"
            hint = "leave it out" if timed else "--base main or --against MODEL makes it one"
            raise ArchbenchError(f"--{name.replace('_', '-')} {why}", hint)


def _leave(result: "Check") -> None:
    """Warn of what --strict would not let pass, and end with the code of the worst verdict."""
    if not result.strict:
        warn_of_undecided(list(result.words.values()))
        if result.uncounted:
            warn("some operations have no counting rule; --strict would exit 4")
    if result.exit_code:
        raise typer.Exit(result.exit_code)
