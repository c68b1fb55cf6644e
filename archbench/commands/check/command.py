"""`archbench check`: the gate of a pull request."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gates.ci.places import Annotate, JUnit, Summary, again, places
from archbench.gates.records import UNDECIDED_WORDS, Word
from archbench.gates.saved_runs.command import judged
from archbench.gates.structure.records import Check
from archbench.gates.time.command import time_gate
from archbench.gates.time.records import TimeGate
from archbench.shell.files_in_use import in_use
from archbench.shell.options import (
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
from archbench.shell.output import destination, prints_set_aside, warn
from archbench.shell.progress import progress
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.gates.saved_runs.records import SavedCheck
    from archbench.gates.structure.selection import Selection
    from archbench.tables.table import Report

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
Saved = Annotated[
    bool,
    typer.Option("--pytest-benchmark", help="judge saved runs: BEFORE.json... -- AFTER.json..."),
]

# what only a timed check knows, only an exact one, and what both do
OF_TIME = "setup max_time record device precision mode optimizer channels_last threads".split()
OF_STRUCTURE = ["allow"]
OF_CELLS = "lock config input_size batch_size model_kwargs".split()
MERGED = "No time is stored, so there is nothing to update: what is merged is the next base."


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
    saved: Saved = False,
    setup: Setup = "",
    max_time: MaxTime = None,
    record: Record = None,
    device: Device = "cpu",
    precision: Precision = "fp32",
    mode: RunMode = "infer",
    optimizer: Optimizer = "momentum",
    channels_last: ChannelsLast = False,
    threads: SideThreads = 1,
    summary: Summary = None,
    annotate: Annotate = False,
    junit: JUnit = None,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Compute the structure of networks again and hold it to the lock, to the digit.

    With --time: measure head beside its base commit, or a model beside another.
    With --pytest-benchmark: judge what was saved, several files a side.
    Exits with 1 where a figure grew, is beyond its budget, or a cell is slower.
    """
    timed = timed or base is not None or against is not None
    if timed and (base is None) == (against is None):
        raise ArchbenchError(
            "--time needs something to be compared with, one of two",
            "--base main for a commit, --against resnet34 for a model",
        )
    _refuse_idle_options(ctx, timed, against is not None, saved)
    found: Check | TimeGate | SavedCheck
    with destination(form, output) as out:
        # closed before anything is printed: who reads that may stop reading
        with places(summary, annotate, junit) as others, prints_set_aside():
            if saved:
                from archbench.gates.saved_runs.report import saved_report

                found = judged(cells or [], strict)
                report, accept = saved_report(found), ""
            else:
                from archbench.gates.structure.selection import select_cells

                settings, said = changed_settings(cells, input_size, batch_size, model_kwargs)
                selection = select_cells(cells or [], lock, config, settings, said)
                if timed:
                    from archbench.gates.time.report import time_gate_report
                    from archbench.timing.sessions.subjects import Ways

                    ways = Ways(
                        (1,),
                        device,
                        (precision,),
                        (mode,),
                        channels_last,
                        optimizer=optimizer,
                        threads=threads,
                    )
                    found = time_gate(
                        selection, ways, base, against, setup, max_time, record, strict
                    )
                    report, accept = time_gate_report(found), MERGED if found.exit_code == 1 else ""
                else:
                    found, report, accept = _structure(selection, allow or [], strict)
            meant = {"base": found.plan.base} if isinstance(found, TimeGate) and base else {}
            others.write(found, report, again(ctx, **meant), accept)
        out.write(report)
    _leave(found)


def _structure(
    selection: "Selection", allow: list[str], strict: bool
) -> tuple["Check", "Report", str]:
    """Hold the selected cells to their lock."""
    from archbench.gates.structure.report import check_report
    from archbench.gates.structure.run import run_check
    from archbench.tables.markdown import code_markdown

    with in_use(*selection.files), progress("checking") as tell:
        found = run_check(selection, allow, strict, tell)
    accept = f"run, and commit {selection.path}"
    return (
        found,
        check_report(found),
        code_markdown(accept, found.accept) if found.accept else "",
    )


def _refuse_idle_options(ctx: typer.Context, timed: bool, against: bool, saved: bool) -> None:
    """Refuse options that would do nothing here: whoever gives one believes that it does.

    Raises:
        ArchbenchError: with where it belongs.
    """
    idle = OF_STRUCTURE if timed else OF_TIME
    idle = [*idle, "setup"] if against else idle
    if saved:
        idle = ["timed", "base", "against", *OF_STRUCTURE, *OF_CELLS, *OF_TIME]
    for name in idle:
        source = ctx.get_parameter_source(name)
        if source is None or source.name != "COMMANDLINE":
            continue
        option = "--time" if name == "timed" else f"--{name.replace('_', '-')}"
        if saved:
            raise ArchbenchError(f"{option} has no part in judging saved runs", "leave it out")
        why = "has no part in this check of time" if timed else "is for checks of time"
        hint = "leave it out" if timed else "--base main or --against MODEL makes it one"
        raise ArchbenchError(f"{option} {why}", hint)


def _leave(found: "Check | TimeGate | SavedCheck") -> None:
    """Warn of what --strict would not let pass, and end with the code of the worst verdict."""
    if isinstance(found, Check) and not found.cells:
        raise NothingMeasured(
            "there are no cells to check",
            "[[cells]] with model = ... in archbench.toml declares one",
        )
    if not found.strict:
        _warn_of_undecided(list(found.words.values()))
        if isinstance(found, Check) and found.uncounted:
            warn("some operations have no counting rule; --strict would exit 4")
        if isinstance(found, TimeGate) and found.control_failure is not None:
            warn("base could not be measured against itself; --strict would exit 4")
    if found.exit_code:
        raise typer.Exit(found.exit_code)


def _warn_of_undecided(words: list[Word]) -> None:
    """Say which verdicts --strict would not let pass."""
    for word in UNDECIDED_WORDS:
        if word in words:
            cells = counted(words.count(word), "cell is", "cells are")
            warn(f"{cells} {word.replace('_', ' ')}; --strict would exit 4")
