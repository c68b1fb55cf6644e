"""A lock: what the networks of a project hold and do, as last accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbench.analysis.records import LayerCost, StageCost
from archbench.gates.structure.records import Metric


@dataclass(frozen=True, slots=True)
class Structure:
    """All that a lock holds of one network, to the digit and on any machine.

    Args:
        params: elements of all parameters, frozen ones included, each tensor once.
        trainable_params: those with requires_grad.
        buffers: elements of all buffers.
        macs: multiply-adds of one forward pass of the batch.
        activations: output elements of the operations that have MACs.
        weight_bytes: of all parameters; None where the model could not be run for it.
        peak_activation_bytes: most bytes of tensors that are alive at once in a forward pass,
            without weights and inputs; None likewise.
        operators: calls of each operation that ran.
        stages: top-level children in the order in which they ran.
        layers: every module path that ran.
        torch: its release, on which operators and peak depend.
    """

    params: int
    trainable_params: int
    buffers: int
    macs: int
    activations: int
    weight_bytes: int | None
    peak_activation_bytes: int | None
    operators: Mapping[str, int]
    stages: tuple[StageCost, ...]
    layers: tuple[LayerCost, ...]
    torch: str

    def figure(self, metric: Metric) -> int | None:
        """Return one figure; that of "operators" is all calls together."""
        if metric == "operators":
            return sum(self.operators.values())
        value: int | None = getattr(self, metric)
        return value


@dataclass(frozen=True, slots=True)
class LockedCell:
    """A cell with its structure.

    Args:
        name: the user's.
        model: a MODEL string.
        inputs: as they were resolved: "float32:3x224x224".
        batch_size: samples in one pass.
        model_kwargs: arguments of the network or factory.
        structure: what was computed.
        reason: why it is as it is, in the words of whoever accepted it; may be empty.
    """

    name: str
    model: str
    inputs: tuple[str, ...]
    batch_size: int
    model_kwargs: Mapping[str, Any]
    structure: Structure
    reason: str = ""

    def setting(self) -> tuple[str, tuple[str, ...], int, Mapping[str, Any]]:
        """Return all that must be equal for figures to be comparable."""
        return self.model, self.inputs, self.batch_size, self.model_kwargs


@dataclass(frozen=True, slots=True)
class Lock:
    """The accepted cells, sorted by name.

    Args:
        convention: version of what counts as what.
        cells: unique names.
        removed: (name, reason) of cells that were taken out.
    """

    convention: int
    cells: tuple[LockedCell, ...] = ()
    removed: tuple[tuple[str, str], ...] = ()

    def cell(self, name: str) -> LockedCell | None:
        """Return the cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)
