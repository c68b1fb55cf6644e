"""Pairs of a network and the same network with a slowdown."""

from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.structure.records import GateCell
from archbench.gates.time.cells import cell_of
from archbench.gates.time.comparison import Measure, without_sources
from archbench.gates.time.one_process import run_in_one_process
from archbench.networks.model_settings import settings_of
from archbench.networks.names import parts_of
from archbench.networks.registry import find
from archbench.timing.cells import Cell
from archbench.timing.sessions.job_runner import JobRunner
from archbench.timing.sessions.model_cells import Ways
from archbench.units import shape_for_machines

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
    own = settings_of(cell.model).ways
    arguments = {"model": cell.model, "arguments": {}, "slowdown": slowdown}
    size = _inputs(cell)
    slow = GateCell(cell.name, SLOW_NETWORK, size, own.batch_size or cell.batch_size, arguments)
    return cell_of(slow, ways.of_model(own))


def _inputs(cell: GateCell) -> tuple[str, ...]:
    """Return the inputs of a cell's model.

    Without a size they are made by the function of inputs beside its factory, or have the
    architecture's own size.

    Raises:
        ArchbenchError: the model is the user's own, without a size and without such a function.
        UserCodeError: its file raised.
    """
    settings = settings_of(cell.model)
    size = settings.ways.input_size or cell.input_size
    if settings.ways.module is not None:
        return _part_inputs(cell)
    if size:
        return size
    if parts_of(settings.name) is not None:
        from archbench.networks.input_function import name_beside

        if (function := name_beside(settings.name)) is not None:
            return (function,)
        raise ArchbenchError(f"'{cell.model}' needs an input size", "-i 3x224x224")
    return (f"float32:{shape_for_machines(find(settings.name).input_shape)}",)


def _part_inputs(cell: GateCell) -> tuple[str, ...]:
    """Return the inputs that a part gets in its network."""
    from archbench.networks.resolve import load, plan_for

    loaded = load(cell.model, blank=True)
    return plan_for(loaded, list(cell.input_size) or None, cell.batch_size).texts()
