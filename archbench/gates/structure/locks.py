"""A lock: what the networks of a project hold and do, as last accepted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbench.analysis.records import BOUNDED, LayerCost, StageCost
from archbench.gates.structure.records import METRICS, Metric


@dataclass(frozen=True, slots=True)
class Structure:
    """All that a lock holds of one network, to the digit and on any machine."""

    params: int  #: elements of all parameters, frozen ones included, each tensor once
    trainable_params: int  #: those with requires_grad
    buffers: int  #: elements of all buffers
    macs: int  #: multiply-adds of one forward pass of the batch
    activations: int  #: output elements of the operations that have MACs
    weight_bytes: int | None  #: of all parameters; None where the model could not be run for it
    #: most bytes of tensors that are alive at once in a forward pass, without weights and inputs;
    #: None likewise
    peak_activation_bytes: int | None
    operators: Mapping[str, int]  #: calls of each operation that ran
    stages: tuple[StageCost, ...]  #: top-level children in the order in which they ran
    layers: tuple[LayerCost, ...]  #: every module path that ran
    torch: str  #: its release, on which operators and peak depend
    complete: bool = True  #: False: MACs and activations are lower bounds

    def is_complete(self, metric: str) -> bool:
        """Tell whether a figure is exact; else it is a lower bound."""
        return self.complete or metric not in BOUNDED

    def figure(self, metric: Metric) -> int | None:
        """Return one figure; that of "operators" is all calls together."""
        if metric == "operators":
            return sum(self.operators.values())
        value: int | None = getattr(self, metric)
        return value

    def figures(self) -> dict[str, int | None]:
        """Return every figure."""
        return {metric: self.figure(metric) for metric in METRICS}


@dataclass(frozen=True, slots=True)
class LockedCell:
    """A cell with its structure."""

    name: str  #: the user's
    model: str  #: a MODEL string
    inputs: tuple[str, ...]  #: as they were resolved: "float32:3x224x224"
    batch_size: int  #: samples in one pass
    model_kwargs: Mapping[str, Any]  #: arguments of the network or factory
    structure: Structure  #: what was computed
    reason: str = ""  #: why it is as it is, in the words of whoever accepted it; may be empty
    #: every tensor that a function of the user's returned, "x:float32:8x3x32x32", with the batch;
    #: empty where the inputs are sizes
    tensors: tuple[str, ...] = ()

    def setting(self) -> dict[str, Any]:
        """Return all that must be equal for figures to be comparable, by the keys of a lock."""
        return {
            "model": self.model,
            "inputs": self.inputs,
            "batch_size": self.batch_size,
            "model_kwargs": self.model_kwargs,
            "tensors": self.tensors,
        }


@dataclass(frozen=True, slots=True)
class Lock:
    """The accepted cells, sorted by name."""

    convention: int  #: version of what counts as what
    cells: tuple[LockedCell, ...] = ()  #: unique names
    removed: tuple[tuple[str, str], ...] = ()  #: (name, reason) of cells that were taken out

    def cell(self, name: str) -> LockedCell | None:
        """Return the cell of that name, or None."""
        return next((cell for cell in self.cells if cell.name == name), None)
