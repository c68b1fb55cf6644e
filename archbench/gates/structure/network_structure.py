"""The structure of a network as it is now, computed apart from other networks' code."""

from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from archbench.errors import ArchbenchError
from archbench.gates.structure.arguments import argument_to_json
from archbench.gates.structure.locks import LockedCell, Structure
from archbench.gates.structure.records import GateCell

if TYPE_CHECKING:
    from archbench.analysis.records import Profile
    from archbench.networks.inputs import InputPlan
    from archbench.networks.resolve import Loaded


def locked_cell(cell: GateCell) -> tuple[LockedCell, "Profile"]:
    """Return the structure of one cell, and the profile that it was taken from.

    Raises:
        ArchbenchError: there is no such model, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
    """
    from archbench.analysis.profile import profile_loaded
    from archbench.networks.resolve import load, plan_for

    _check_arguments(cell)
    with _isolation():
        loaded = load(cell.model, cell.model_kwargs, blank=True)
        plan = plan_for(loaded, list(cell.input_size) or None, cell.batch_size)
        profile = profile_loaded(loaded, plan)
        locked = LockedCell(
            cell.name,
            cell.model,
            plan.network_texts(),
            plan.batch_size,
            cell.model_kwargs,
            _structure(loaded, plan, profile),
            tensors=plan.tensor_texts(),
        )
    return locked, profile


@contextmanager
def _isolation() -> Iterator[None]:
    """Keep what one network's code sets from reaching the next network.

    The current folder and torch's default type are restored afterwards.
    """
    import torch

    dtype = torch.get_default_dtype()
    with chdir(Path.cwd()):
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)


def _structure(loaded: "Loaded", plan: "InputPlan", profile: "Profile") -> Structure:
    import torch

    from archbench.analysis.memory.estimate import estimate_memory

    weights = peak = None
    with suppress(ArchbenchError):  # some networks can be counted, and their memory not estimated
        estimate = estimate_memory(loaded, plan, device="meta")
        weights = estimate.weights_bytes
        peak = None if estimate.unknown else estimate.activations_peak_bytes
    stages = list(dict.fromkeys(layer.path.partition(".")[0] for layer in profile.layers))
    totals = profile.totals
    return Structure(
        totals.params,
        totals.trainable_params,
        totals.buffers,
        totals.macs,
        totals.activations,
        weights,
        peak,
        {operation.op: operation.calls for operation in profile.operations},
        profile.stages,
        tuple(sorted(profile.layers, key=lambda row: stages.index(row.path.partition(".")[0]))),
        torch.__version__.partition("+")[0],
        totals.complete,
    )


def _check_arguments(cell: GateCell) -> None:
    for name, value in cell.model_kwargs.items():
        try:
            argument_to_json(value)
        except (ValueError, SyntaxError) as error:
            raise ArchbenchError(
                f"argument {name}={value!r} of '{cell.name}' cannot be kept in a lock",
                "take finite numbers, texts, lists, tuples and dicts",
            ) from error
