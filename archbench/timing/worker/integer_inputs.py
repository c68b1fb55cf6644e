"""The values of integer inputs: a pass through the network shows the tensors that they index."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.operators import name_of
from archbench.networks.inputs import ZEROS, InputPlan
from archbench.networks.tensor_spec import TensorSpec
from archbench.networks.tensors import operands
from archbench.private_torch import DispatchMode, leaves
from archbench.timing.worker.errors import is_out_of_memory
from archbench.timing.worker.input_sets import Arguments

Run = Callable[[Arguments], Any]  # one pass of the network; returns its output

ONES = range(1, 2)
INDICES = (torch.int32, torch.int64)  # a bool or uint8 index is a mask
_NUMBERS = "_archbench_inputs"  # of the inputs that a tensor was computed from, as an attribute

# Operations by what indexes what: (weight, rows), (table, dimension, index), (table, [index, ...])
_OF_ROWS = {"embedding", "embedding_bag", "embedding_bag_forward_only"}
_OF_DIMENSION = {
    *("gather", "index_select", "index_add", "index_copy", "index_fill", "index_reduce"),
    *("scatter", "scatter_add", "scatter_reduce"),
}
_OF_SEVERAL = {"index", "unsafe_index", "index_put", "index_put_impl", "unsafe_index_put"}
_OF_CLASSES = {"nll_loss_forward", "nll_loss2d_forward"}  # (scores, targets)
# results of these are positions, whatever the values of the operands are
_POSITIONS = {"argmax", "argmin", "argsort", "nonzero", "searchsorted", "bucketize", "topk", "sort"}


class IndexRefused(Exception):
    """An index that was computed from an input is outside of what it indexes."""


class IndexWatch(DispatchMode):
    """Notes how large the values of each integer input may be, while a network runs on it.

    An index outside of its table is refused before the operation runs: on CUDA the operation would
    end all use of the device.

    Args:
        inputs: of the network, in order; numbered from 0. Values that are no tensors of integers or
            truth values are left alone.
    """

    def __init__(self, inputs: Sequence[Any]) -> None:
        super().__init__()
        #: by input: how many values from 0 on it may have, if this pass runs on zeros
        self.room: dict[int, int] = {}
        self.used: set[int] = set()  #: inputs that some operation took
        for number, value in enumerate(inputs):
            if isinstance(value, Tensor) and not (value.is_floating_point() or value.is_complex()):
                setattr(value, _NUMBERS, frozenset({number}))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = name_of(func).rpartition(".")[2].strip("_")
        for index, size in _indexed(name, args):
            self._note(index, size)
        out = func(*args, **kwargs)
        self._carry((args, kwargs), () if name in _POSITIONS else out)
        return out

    def _note(self, index: Tensor, size: int) -> None:
        numbers = getattr(index, _NUMBERS, ())
        if not numbers or not index.numel():
            return
        largest = int(index.max())
        if largest >= size:
            raise IndexRefused(f"index {largest} of {size}")
        room = (size - largest - 1) // len(numbers) + 1  # several inputs may be added up
        for number in numbers:
            self.room[number] = min(self.room.get(number, room), room)

    def _carry(self, arguments: Any, results: Any) -> None:
        """Note on integer results which inputs they were computed from."""
        numbers = frozenset[int]().union(*(getattr(a, _NUMBERS, ()) for a in operands(arguments)))
        if numbers:
            self.used |= numbers
            for result in operands(results):
                if result.dtype in INDICES:
                    setattr(result, _NUMBERS, numbers)


def _indexed(name: str, args: Sequence[Any]) -> Iterator[tuple[Tensor, int]]:
    """Yield each index tensor of an operation, with the number of rows that it chooses from."""
    if name in _OF_ROWS:
        yield args[1], args[0].shape[0]
    elif name in _OF_DIMENSION and args[0].dim():
        yield args[2], args[0].shape[args[1]]
    elif name in _OF_CLASSES:
        yield args[1], args[0].shape[min(1, args[0].dim() - 1)]
    elif name in ("take", "put"):
        yield args[1], args[0].numel()
    elif name in _OF_SEVERAL:
        dimension = 0
        for index in args[1]:
            if index is not None and index.dtype in INDICES:
                yield index, args[0].shape[dimension]
            masks = index is not None and index.dtype not in INDICES
            dimension += index.dim() if masks else 1


def with_integer_values(
    plan: InputPlan, make: Callable[[InputPlan], Arguments], run: Run
) -> tuple[InputPlan, bool]:
    """Return a plan whose integers are drawn, and whether some input is 0 for want of a range.

    A pass on zeros tells what each input indexes: its values are then drawn from the rows of the
    smallest such table. 8-bit integers are drawn from all that there are. A mask lets every
    position take part; if the output is then not finite, the mask is the opposite. If the network
    fails on such values, all are 0.

    Args:
        plan: of the inputs; a caller's own are left as they are.
        make: returns the inputs of a plan, in the order of its specs.
        run: runs the network on inputs.
    """
    if plan.given is not None or not any(_is_integer(spec) for spec in plan.specs):
        return plan, False
    watch, _ = _watched(plan, make, run)
    if watch is None:
        return plan, True
    found = plan
    for candidate in _candidates(plan, watch.room):
        ran, finite = _watched(candidate, make, run)
        if ran is not None and (finite or found is plan):
            found = candidate
        if finite:
            break
    return found, any(_is_unknown(found, i) for i in watch.used)


def _watched(
    plan: InputPlan, make: Callable[[InputPlan], Arguments], run: Run
) -> tuple[IndexWatch | None, bool]:
    """Run once; return the watch, None after a failure, and whether the output is finite."""
    args, kwargs = inputs = make(plan)
    watch = IndexWatch([*args, *kwargs.values()])
    try:
        with torch.no_grad(), watch:
            outputs = [one for one in leaves(run(inputs)) if type(one) is Tensor]
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return None, False
    return watch, all(bool(one.isfinite().all()) for one in outputs if one.layout == torch.strided)


def _candidates(plan: InputPlan, room: Mapping[int, int]) -> Iterator[InputPlan]:
    """Yield the plan with values: masks as their names say, then the opposite."""
    specs = plan.specs
    for inverted in (False, True) if any(_is_mask(spec) for spec in specs) else (False,):
        values = (_values(spec, room.get(i), inverted) for i, spec in enumerate(specs))
        yield replace(plan, integers=tuple(values))


def _values(spec: TensorSpec, room: int | None, inverted: bool) -> range:
    """Return the values to draw an input from; `room` is their number, if it indexes something."""
    if not _is_integer(spec):
        return ZEROS
    if _is_mask(spec):  # True is padding, but in other masks what takes part
        return ONES if ("pad" in spec.name) == inverted else ZEROS
    if room is not None:
        return range(room)
    if spec.dtype in ("int8", "uint8"):
        limits = torch.iinfo(getattr(torch, spec.dtype))
        return range(limits.min, limits.max + 1)
    return ZEROS


def _is_integer(spec: TensorSpec) -> bool:
    return spec.dtype.startswith(("int", "uint", "bool"))


def _is_mask(spec: TensorSpec) -> bool:
    return "mask" in spec.name and _is_integer(spec)


def _is_unknown(plan: InputPlan, number: int) -> bool:
    """Tell whether an integer input is 0 because nothing shows its range."""
    drawn = bool(plan.integers) and plan.integers[number] != ZEROS
    return not drawn and not _is_mask(plan.specs[number])
