"""From a cell to a call that has run once: load the model, prepare it, run it."""

import pickle
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError, OutOfMemory
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.networks.user_code import user_code
from archbench.timing.cells import Cell
from archbench.timing.machine.caches import last_cache_bytes
from archbench.timing.records import Flag
from archbench.timing.worker.clock import Call, time_of
from archbench.timing.worker.prepare import Prepared, prepare, run_untimed, timed_call
from archbench.timing.worker.process_setup import Place, configure_process, gradient_mode


@dataclass(frozen=True, slots=True)
class ReadyCell:
    """A cell that has run once and can be timed."""

    prepared: Prepared
    call: Call  #: to be timed
    first_ns: int  #: time of the first run, in which torch.compile does its work
    inference: bool  #: whether it runs in inference mode; False: under no_grad() only
    #: every tensor that the user's function of inputs returned; empty where the inputs are sizes
    tensors: tuple[str, ...]

    @property
    def flags(self) -> tuple[Flag, ...]:
        """What a reader should know of its values, and of the mode that it runs in."""
        return self.prepared.flags if self.inference else (*self.prepared.flags, "no_grad")


def load_cell(cell: Cell, file: str | None, place: Place, seed: int) -> ReadyCell:
    """Load a cell's model, or unpickle it from a file; prepare it and run it once.

    The seed is of the weights and of the inputs: equal models get equal ones.

    Raises:
        ArchbenchError: it cannot be loaded, run, compiled or captured, or does not fit.
    """
    if file is None:
        loaded = load(cell.model, cell.arguments, seed=seed)
    else:
        with user_code(f"unpickling '{cell.model}'"):
            loaded = Loaded(cell.model, pickle.loads(Path(file).read_bytes()))
    plan = plan_for(loaded, list(cell.inputs) or None, cell.batch_size)
    return prepare_cell(loaded, replace(plan, seed=seed), cell, place)


def prepare_cell(loaded: Loaded, plan: InputPlan, cell: Cell, place: Place) -> ReadyCell:
    """Prepare a loaded model and run it once.

    Raises:
        ArchbenchError: it cannot be run, compiled or captured, or does not fit.
    """
    configure_process(cell)  # once more: the user's own code may have set something else
    cache_bytes = last_cache_bytes(place.device) if cell.cold_cache else 0
    prepared = prepare(loaded, plan, cell, place.device, cache_bytes)
    first_ns, inference = _run_first(prepared, cell, place)
    with gradient_mode(cell, inference):
        if cell.mode == "train":  # the optimizer has its state from the second step on
            run_untimed(prepared, cell)
        call, tensors = timed_call(prepared, cell), plan.tensor_texts()
        return ReadyCell(prepared, call, first_ns, inference, tensors)


def _run_first(prepared: Prepared, cell: Cell, place: Place) -> tuple[int, bool]:
    """Run the call once; return its nanoseconds, and whether it ran in inference mode.

    A network that differentiates inside forward() fails in that mode and runs under no_grad().
    """
    run = partial(run_untimed, prepared, cell)
    try:
        with gradient_mode(cell):
            return time_of(run, place.clock), True
    except ArchbenchError as error:
        if cell.mode == "train" or isinstance(error, OutOfMemory):
            raise
    with gradient_mode(cell, inference=False):
        return time_of(run, place.clock), False
