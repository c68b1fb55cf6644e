"""`archbench check`: the gate of a pull request."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gates.ci.outputs import CIOptions, ci_outputs, repeat_command
from archbench.gates.records import GateResult
from archbench.gates.saved_runs.command import check_saved_runs
from archbench.gates.structure.command import check_structure
from archbench.gates.structure.records import Check
from archbench.gates.time.command import TimeOptions, check_time
from archbench.shell.option_groups import given_options
from archbench.shell.options import CellOptions, Cells, ResultOptions
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.streams import warn

if TYPE_CHECKING:
    from archbench.gates.saved_runs.records import SavedCheck
    from archbench.gates.structure.selection import Selection
    from archbench.gates.time.records import TimeGate

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
Saved = Annotated[
    bool,
    typer.Option("--pytest-benchmark", help="judge saved runs: BEFORE.json... -- AFTER.json..."),
]


@dataclass(frozen=True, slots=True)
class LockedCellOptions(CellOptions):
    """Which cells are meant, and the lock that holds them."""

    lock: LockFile = None


@dataclass(frozen=True, slots=True)
class StructureOptions:
    """What only a check of structure takes."""

    allow: Allow = None


def check(
    context: typer.Context,
    cells: Cells = None,
    *,
    options: LockedCellOptions,
    structure: StructureOptions,
    time: TimeOptions,
    saved: Saved = False,
    strict: Strict = False,
    ci: CIOptions,
    result: ResultOptions,
) -> None:
    """Compute the structure of networks again and hold it to the lock, to the digit.

    With --time: measure head beside its base commit, or a model beside another.
    With --pytest-benchmark: judge what was saved, several files a side.
    Exits with 1 where a figure grew, is beyond its budget, or a cell is slower.
    """
    _refuse_idle_options(context, time, saved)
    gate: GateResult[Check | TimeGate | SavedCheck]
    with destination(result.form, result.output) as out:
        # closed before anything is printed: who reads that may stop reading
        with ci_outputs(ci) as outputs, prints_set_aside():
            if saved:
                gate = check_saved_runs(cells or [], strict)
            elif time.wanted:
                gate = check_time(_selection(cells, options), time, strict)
            else:
                selection = _selection(cells, options)
                gate = check_structure(selection, structure.allow or [], strict)
            outputs.write(gate, repeat_command(context, gate.meanings))
        out.write(gate.report)
    _leave(gate)


def _selection(cells: list[str] | None, options: LockedCellOptions) -> "Selection":
    from archbench.gates.structure.selection import select_cells

    settings, words = options.settings(cells), options.command_line()
    return select_cells(cells or [], options.lock, options.config, settings, words)


def _refuse_idle_options(context: typer.Context, time: TimeOptions, saved: bool) -> None:
    """Refuse options that would do nothing here: whoever gives one believes that it does.

    Raises:
        ArchbenchError: with where it belongs.
    """
    if time.wanted and (time.base is None) == (time.against is None):
        raise ArchbenchError(
            "--time needs something to be compared with, one of two",
            "--base main for a commit, --against resnet34 for a model",
        )
    if saved:
        groups = TimeOptions, StructureOptions, LockedCellOptions
        for option in given_options(context, *groups):
            raise ArchbenchError(f"{option} has no part in judging saved runs", "leave it out")
    elif time.wanted:
        idle = given_options(context, StructureOptions)
        idle += ["--setup"] if time.against is not None and time.setup else []
        for option in idle:
            raise ArchbenchError(f"{option} has no part in this check of time", "leave it out")
    else:
        for option in given_options(context, TimeOptions):
            hint = "--base main or --against MODEL makes it one"
            raise ArchbenchError(f"{option} is for checks of time", hint)


def _leave(gate: "GateResult[Check | TimeGate | SavedCheck]") -> None:
    """Warn of what --strict would not let pass, and end with the code of the worst verdict.

    Raises:
        NothingMeasured: there were no cells to check.
    """
    if isinstance(gate.found, Check) and not gate.found.cells:
        raise NothingMeasured(
            "there are no cells to check",
            "[[cells]] with model = ... in archbench.toml declares one",
        )
    if not gate.found.strict:
        for doubt in gate.doubts:
            warn(f"{doubt}; --strict would exit 4")
    if gate.found.exit_code:
        raise typer.Exit(gate.found.exit_code)
