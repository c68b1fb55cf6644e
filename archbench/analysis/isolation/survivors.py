"""Tensors of a pass on the meta device that outlive it, and the values that they should have.

A tensor without values that stays in a cache would make the network fail later. No search of a
network's attributes finds every cache: some lie in closures, in other modules, in C++. So each
storage that a pass makes is watched by a weak reference; one that is alive after the pass was kept
by somebody.

Most tensors that are kept do not depend on the network's input: tables of sines, masks, scaled
weights. The operations that made them are recorded. They run once more, with values, and the kept
tensors get the results.
"""

import gc
import weakref
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.isolation.stand_ins import PLAIN
from archbench.networks.blank_weights import META
from archbench.networks.module_tree import buffers_of, parameters_of
from archbench.networks.tensors import operands
from archbench.private_torch import DispatchMode, mapped, swap_contents

YOUNGEST, OLDEST = 0, 2  # generations of the garbage collector

_Ref = weakref.ref[torch.UntypedStorage]
_Storages = Mapping[int, torch.UntypedStorage]  # with values, by the number of their storage


@dataclass(frozen=True, slots=True)
class _Place:
    """The part of a storage that a tensor shows."""

    storage: int  #: the number of the storage
    shape: Sequence[int]
    strides: Sequence[int]
    offset: int  #: in elements
    dtype: torch.dtype


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operation that does not depend on the network's input."""

    func: Any
    args: Any  #: with a _Place for each tensor of the pass
    kwargs: Any
    results: Sequence[_Place]


class _Unknown(Exception):
    """An operand has no values, and no recorded operation makes them."""


class Survivors:
    """Watches the tensors of one pass on the meta device.

    Args:
        device: of the network itself, on which values are made.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        #: each of the network's own tensors with its stand-in, by the stand-in's id()
        self.stand_ins: dict[int, tuple[Tensor, Tensor]] = {}
        self._watched: dict[int, _Ref] = {}  # by the number of the storage
        self._originals: dict[int, Tensor] = {}  # the network's tensors, by the stand-in's storage
        self._fixed: set[int] = set()  # storages that nothing of the input has reached
        self._written: set[int] = set()  # storages that a recorded operation writes to
        self._operations: list[_Operation] = []

    # -- during the pass -------------------------------------------------------------------------

    def add_operation(
        self, func: Any, args: Any, kwargs: Any, out: Any, on_input: bool = False
    ) -> None:
        """Watch the results of an operation; record it if no operand depends on the input.

        `on_input` says that one does, where that is known already.
        """
        if type(out) is Tensor and (on_input or not out.numel()):
            ref = weakref.ref(out.untyped_storage())
            number = id(ref)
            self._watched[number] = ref
            if number in self._fixed:
                self._fixed.remove(number)
        elif not on_input:
            self._record(func, args, kwargs, out)
        else:
            for tensor in operands(out):
                if _is_plain(tensor):
                    self._fixed.discard(self._watch(tensor))

    def _record(self, func: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Record an operation, unless one of its operands has no values that could be made."""
        results = [tensor for tensor in operands(out) if _is_plain(tensor)]
        numbers = [self._watch(tensor) for tensor in results]
        try:
            given = self._operand(tuple(args)), {k: self._operand(v) for k, v in kwargs.items()}
        except _Unknown:
            self._fixed.difference_update(numbers)
            return
        places = [_place(tensor, n) for tensor, n in zip(results, numbers, strict=True)]
        self._operations.append(_Operation(func, *given, places))
        self._fixed.update(numbers)
        changed = (*args[:1], *operands(kwargs.get("out")))
        self._written.update(
            number
            for tensor, number in zip(results, numbers, strict=True)
            if any(tensor is one for one in changed)
        )

    def _watch(self, tensor: Tensor) -> int:
        """Return the number of a tensor's storage."""
        ref = weakref.ref(tensor.untyped_storage())  # the same one for as long as it is kept
        number = id(ref)
        self._watched[number] = ref
        return number

    def _operand(self, value: Any) -> Any:
        """Return a tensor of the pass as its place, anything else as it is."""
        kind = type(value)
        if kind is tuple or kind is list:
            return kind([self._operand(item) for item in value])
        if not isinstance(value, Tensor) or not value.is_meta:
            return value
        if not _is_plain(value):
            raise _Unknown
        if id(value) in self.stand_ins:
            self._add_stand_in(*self.stand_ins.pop(id(value)))
        number = self._watch(value)
        if number not in self._fixed:
            raise _Unknown
        return _place(value, number)

    def _add_stand_in(self, own: Tensor, stand_in: Tensor) -> None:
        number = self._watch(stand_in)
        if not own.is_meta:  # else it has no values: it is of the copy of a lazy network
            self._originals[number] = own
            self._fixed.add(number)

    # -- after it --------------------------------------------------------------------------------

    def forget(self, modules: Collection[nn.Module]) -> None:
        """Leave the parameters and buffers of modules that lie on the meta device as they are."""
        for tensor in (*parameters_of(modules), *buffers_of(modules)):
            if _is_plain(tensor) and tensor.is_meta:
                self._watched.pop(self._watch(tensor))

    def mend(self) -> list[Tensor]:
        """Give values to the tensors that outlived the pass; return the tensors without values.

        A tensor that depends on the network's input gets no values.
        """
        self._add_kept_stand_ins()
        for generation in YOUNGEST, OLDEST:
            if not self._alive():
                return []
            gc.collect(generation)  # a ring of objects that nobody holds keeps tensors, too
        alive = self._alive()
        tensors = [t for t in _meta_tensors() if self._watch(t) in alive] if alive else []
        values = self._values() if any(self._watch(t) in self._fixed for t in tensors) else {}
        return [tensor for tensor in tensors if not self._give_value(tensor, values)]

    def _add_kept_stand_ins(self) -> None:
        """Watch the stand-ins that outlive the pass."""
        pairs = [pair for pair in self.stand_ins.values() if _is_plain(pair[1])]
        refs = [(weakref.ref(stand_in.untyped_storage()), own) for own, stand_in in pairs]
        pairs.clear()
        self.stand_ins.clear()
        for ref, own in refs:
            if ref() is not None and not own.is_meta:
                self._watched[id(ref)] = ref
                self._originals[id(ref)] = own
                self._fixed.add(id(ref))

    def _alive(self) -> set[int]:
        """Return the numbers of the storages that are alive."""
        return {number for number, ref in self._watched.items() if ref() is not None}

    def _give_value(self, tensor: Tensor, values: _Storages) -> bool:
        """Give a tensor that was kept its value; tell whether it has one."""
        number = self._watch(tensor)
        if number not in self._fixed and tensor.numel():
            return False
        value = self._value(_place(tensor, number), values)
        return swap_contents(tensor, value.requires_grad_(tensor.requires_grad))

    def _values(self) -> _Storages:
        """Run the recorded operations with values, and return what they made."""
        made = {  # those of the network's own tensors that are written to stay as they are
            number: _laid_out(self._originals[number])
            for number in self._written & self._originals.keys()
        }

        def operand(value: Any) -> Any:
            if isinstance(value, _Place):
                return self._value(value, made)
            return self._device if value == META and isinstance(value, torch.device) else value

        generators = _generators_in(self._operations)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            for operation in self._operations:
                args, kwargs = mapped(operand, (operation.args, operation.kwargs))
                out = operation.func(*args, **kwargs)
                results = (tensor for tensor in operands(out) if _is_plain(tensor))
                for tensor, place in zip(results, operation.results, strict=True):
                    if place.storage not in made and place.storage not in self._originals:
                        made[place.storage] = _laid_out(tensor, place)
        for generator, state in generators.items():
            generator.set_state(state)
        return made

    def _value(self, place: _Place, made: _Storages) -> Tensor:
        """Return the tensor with values that belongs at a place."""
        storage = made.get(place.storage)
        if storage is not None:
            empty: Any = torch.empty(0, dtype=place.dtype, device=storage.device)
            value: Tensor = empty.set_(storage, place.offset, place.shape, place.strides)
            return value
        own = self._originals[place.storage].detach()
        return own.as_strided(place.shape, place.strides, own.storage_offset() + place.offset)


class SurvivorsMode(DispatchMode):
    """While active, tells a watch of every operation; for a pass that nothing else records."""

    def __init__(self, survivors: Survivors) -> None:
        super().__init__()
        self._survivors = survivors

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        self._survivors.add_operation(func, args, kwargs, out)
        return out


def watched(survivors: Survivors | None) -> AbstractContextManager[object]:
    """Return a context in which a watch, if there is one, sees every operation."""
    return nullcontext() if survivors is None else SurvivorsMode(survivors)


def _laid_out(tensor: Tensor, place: _Place | None = None) -> torch.UntypedStorage:
    """Return a storage with a tensor's values; at a place, as the meta device has laid it out."""
    if place is not None and tensor.stride() == place.strides and not tensor.storage_offset():
        return tensor.untyped_storage()
    strides = tensor.stride() if place is None else place.strides
    twin = torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype, device=tensor.device)
    return twin.copy_(tensor.detach()).untyped_storage()


def _generators_in(operations: Sequence[_Operation]) -> dict[torch.Generator, Tensor]:
    """Return the states of the random generators that operations draw from."""
    given = (one for operation in operations for one in operation.kwargs.values())
    return {one: one.get_state() for one in given if isinstance(one, torch.Generator)}


def _meta_tensors() -> Iterator[Tensor]:
    """Yield all tensors on the meta device that Python knows."""
    for value in gc.get_objects():
        if issubclass(type(value), Tensor) and value.is_meta and _is_plain(value):
            yield value


def _is_plain(tensor: Tensor) -> bool:
    return type(tensor) in PLAIN and tensor.layout is torch.strided


def _place(tensor: Tensor, storage: int) -> _Place:
    offset = int(tensor.storage_offset())
    return _Place(storage, tensor.shape, tensor.stride(), offset, tensor.dtype)
