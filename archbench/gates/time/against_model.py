"""`check --time --against MODEL`: cells against another model, both in one process."""

from collections.abc import Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from archbench.errors import ArchbenchError
from archbench.gates.records import Verdict
from archbench.gates.structure.records import GateCell
from archbench.gates.time.cells import cell_of
from archbench.gates.time.comparison import CONTROL, Comparison, Measure, control_of
from archbench.gates.time.one_process import run_in_one_process
from archbench.networks.model_settings import settings_of
from archbench.timing.sessions.job_runner import Listener, job_runner
from archbench.timing.sessions.model_cells import Ways
from archbench.units import Shape


@contextmanager
def model_comparison(
    cells: Sequence[GateCell], model: str, root: Path, ways: Ways, listener: Listener
) -> Iterator[Comparison]:
    """Yield the comparison of cells with a model; it can be measured within the context only.

    The cells are head. The model, a MODEL string, is base and takes each cell's inputs.

    Raises:
        ArchbenchError: there is no such model.
    """
    verdicts = []
    measure: dict[str, Measure] = {}
    controls: list[Measure] = []
    with chdir(root), job_runner(listener.show_output) as runner:
        for cell in cells:
            base_cell = GateCell(model, model, cell.input_size, cell.batch_size)
            base_inputs, head_inputs = _inputs_of_base(base_cell), _inputs_or_none(cell)
            base, head = cell_of(base_cell, ways), cell_of(cell, ways)
            note = ""
            if base.batch_size != head.batch_size:
                note = f"{model} runs batches of {base.batch_size}, this of {head.batch_size}"
            elif head_inputs is not None and base_inputs.shapes != head_inputs.shapes:
                note = (
                    f"{model} takes {base_inputs.words}, this {head_inputs.words}: "
                    "-i gives both the same"
                )
            if note:
                verdicts.append(Verdict(cell.name, "time", "not_comparable", note=note))
                continue
            measure[cell.name] = partial(run_in_one_process, cells=(base, head), runner=runner)
            controls.append(partial(run_in_one_process, cells=(base, base), runner=runner))
        if controls:
            measure[CONTROL] = control_of(controls)
        head_models = ", ".join(cell.model for cell in cells)
        yield Comparison(model, head_models, measure, tuple(verdicts), one_process=True)


@dataclass(frozen=True, slots=True)
class CellInputs:
    """The inputs of a cell."""

    words: str  #: as users write them: "float32:3x224x224" or "net.py:inputs"
    shapes: tuple[tuple[str, Shape], ...]  #: dtype and shape of every tensor, with the batch


def inputs_of(cell: GateCell) -> CellInputs:
    """Return the inputs of a cell's model; where the cell sets no size, the model's own.

    Raises:
        ArchbenchError, UserCodeError: the model cannot be loaded, or refuses such inputs.
    """
    from archbench.networks.resolve import load, plan_for

    loaded = load(cell.model, cell.model_kwargs, blank=True)
    plan = plan_for(loaded, list(cell.input_size) or None, cell.batch_size)
    shapes = tuple((spec.dtype, spec.of_batch(plan.batch_size)) for spec in plan.specs)
    return CellInputs(", ".join(plan.network_texts()), shapes)


def _inputs_of_base(cell: GateCell) -> CellInputs:
    """Return the inputs of the model behind --against.

    Raises:
        ArchbenchError: the model cannot be loaded; --model-kwargs are arguments of head alone.
    """
    try:
        return inputs_of(cell)
    except ArchbenchError as error:
        if "--model-kwargs" not in error.hint:
            raise
        name = settings_of(cell.model).name
        hint = f"--against takes what can be built without --model-kwargs: '{name}[name=value]'"
        raise type(error)(error.message, hint) from error


def _inputs_or_none(cell: GateCell) -> CellInputs | None:
    """Return the inputs; None where the model cannot be loaded (its worker reports the error)."""
    try:
        return inputs_of(cell)
    except ArchbenchError:
        return None
