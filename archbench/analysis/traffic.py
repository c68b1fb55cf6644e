"""The bytes that each layer reads and writes, by the shapes of its operations.

Every operation counts as reading its operands and writing its results once. Whether a kernel reads
an operand twice, or finds it in a cache, is not known.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from archbench.analysis.failure import ForwardFailed, error_of
from archbench.analysis.layer_work import LayerWork
from archbench.analysis.operators import name_of
from archbench.analysis.trace import trace
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import unwrapped
from archbench.networks.resolve import Loaded
from archbench.networks.tensors import operands

_MOVES_NOTHING = frozenset(  # allocations, and views of the same memory
    {
        *("aten.empty", "aten.empty_like", "aten.empty_strided", "aten.new_empty"),
        *("aten._unsafe_view", "aten.detach", "aten.lift_fresh"),
    }
)


def work_of(loaded: Loaded, plan: InputPlan) -> tuple[LayerWork, ...]:
    """Return the work of each module in one forward pass of the batch, its children left out.

    A shared module has one row, under its first path, with all its calls.

    The model is in the dtype that it would run in, with weights or blank.

    Raises:
        ArchbenchError: an input does not fit.
        UserCodeError: the user's forward raised.
    """
    try:
        traced = trace(unwrapped(loaded.module), plan, moved_bytes)
    except ForwardFailed as failed:
        raise error_of(failed, loaded, plan) from failed.__cause__
    first = {path: paths[0] for paths in traced.paths.values() for path in paths}
    found: dict[str, LayerWork] = {}
    for visit in traced.visits.values():
        path = first.get(visit.path, visit.path)
        before = found.get(path) or LayerWork(path, visit.type, 0, 0, 0)
        found[path] = replace(
            before,
            macs=before.macs + visit.macs,
            bytes_moved=before.bytes_moved + visit.bytes_moved,
            operations=before.operations + visit.operations,
            complete=before.complete and visit.complete,
        )
    return tuple(found.values())


def moved_bytes(func: Any, args: Sequence[Any], kwargs: Any, out: Any) -> int:
    """Return the bytes that an operation reads and writes; a view of a tensor moves none."""
    if getattr(func, "is_view", False) or name_of(func) in _MOVES_NOTHING:
        return 0
    read = {id(t): t for t in operands((args, kwargs or {}))}
    return sum(map(_bytes, read.values())) + sum(map(_bytes, operands(out)))


def _bytes(tensor: Tensor) -> int:
    """Return the bytes that a tensor occupies; an expanded dimension (stride 0) counts once."""
    if tensor.is_nested:
        return tensor.numel() * tensor.element_size()
    elements = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        elements *= size if stride else 1
    return elements * tensor.element_size() if tensor.numel() else 0
