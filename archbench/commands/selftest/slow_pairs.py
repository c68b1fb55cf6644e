"""Pairs of a network and the same network with a slowdown."""

from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.structure.records import GateCell
from archbench.gates.time.cells import cell_of
from archbench.gates.time.comparison import Measure, without_sources
from archbench.gates.time.one_process import run_in_one_process
from archbench.networks.names import parts_of
from archbench.timing.cells import Cell
from archbench.timing.sessions.job_runner import JobRunner
from archbench.timing.sessions.model_cells import Ways

SLOW_NETWORK = "archbench.commands.selftest.slow_network:build"


def measure_of(cell: GateCell, slowdown: float, ways: Ways, runner: JobRunner | None) -> Measure:
    """Return a function that times a pair whose head is slowed down by `slowdown`, 0.05 for 5 %.

    The runner runs both sides in one process; without one, each side has its own.
    """
    from archbench.gates.time.pairing import Sides, run_pair

    base, head = _slow_cell(cell, 0.0, ways), _slow_cell(cell, slowdown, ways)
    if runner is None:
        sides = Sides((base, Path.cwd()), (head, Path.cwd()))
        measure: Measure = partial(run_pair, sides=sides)
    else:
        measure = partial(run_in_one_process, cells=(base, head), runner=runner)
    # both models come from archbench's own file, so the gate would call them not comparable
    return without_sources(measure)


def _slow_cell(cell: GateCell, slowdown: float, ways: Ways) -> Cell:
    arguments = {"model": cell.model, "arguments": {}, "slowdown": slowdown}
    size = cell.input_size or _own_size(cell.model)
    return cell_of(GateCell(cell.name, SLOW_NETWORK, size, 1, arguments), ways)


def _own_size(model: str) -> tuple[str, ...]:
    """Return the input size of an architecture, or the function of inputs beside a factory.

    Raises:
        ArchbenchError: the model is the user's own, and has no such function.
        UserCodeError: its file raised.
    """
    from archbench.networks.registry import find
    from archbench.units import shape_for_machines

    if parts_of(model) is not None:
        from archbench.networks.input_function import name_beside

        if (function := name_beside(model)) is not None:
            return (function,)
        raise ArchbenchError(f"'{model}' needs an input size", "-i 3x224x224")
    return (f"float32:{shape_for_machines(find(model).input_shape)}",)
