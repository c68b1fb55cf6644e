"""How a declared cell is run to be timed."""

from archbench.gates.structure.records import GateCell
from archbench.networks.model_settings import settings_of
from archbench.timing.cells import Cell
from archbench.timing.sessions.model_cells import Ways, check_device_kind, check_ways

THREADS = 1  # two threads on two cores lose all that one neighbour takes of one core


def cell_of(declared: GateCell, ways: Ways) -> Cell:
    """Return the cell that times a declared one; ways in its MODEL's brackets win.

    Raises:
        ArchbenchError: a word of the ways is not known, or there is no such device here.
    """
    own = settings_of(declared.model).ways
    ways = ways.of_model(own)
    check_ways(ways)
    device = ways.device
    if device != "cpu":  # to look for another device takes torch
        from archbench.networks.device import check_device

        device = str(check_device(device))
    check_device_kind(ways, device.partition(":")[0])
    return Cell(
        declared.model,
        declared.model_kwargs,
        own.input_size or declared.input_size,
        batch_size=own.batch_size or declared.batch_size,
        device=device,
        precision=ways.precisions[0],  # type: ignore[arg-type]  # checked above
        channels_last=ways.channels_last,
        compiled=ways.compiled,
        mode=ways.modes[0],  # type: ignore[arg-type]  # likewise
        optimizer=ways.optimizer,  # type: ignore[arg-type]  # likewise
        threads=ways.threads or THREADS,
    )
