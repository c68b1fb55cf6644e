"""Which storages are alive while a network runs, and how many bytes they take together."""

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.memory.byte_range import ByteRange
from archbench.analysis.memory.convolution import CONVOLUTIONS, as_computed
from archbench.analysis.shapes_training import TRAINING_BLANKS, WRITES
from archbench.networks.tensors import operands
from archbench.private_torch import DispatchMode

# operation, its arguments, its result -> bytes
Working = Callable[[Any, tuple[Any, ...], Any], ByteRange]


class StorageWatch(DispatchMode):
    """While active, notes when a storage comes to life and when it dies.

    A storage counts from the operation that returns it until its last owner lets go of it, which a
    weak reference tells. That owner may be a variable, a module, a saved tensor of the backward
    pass or a gradient; a view owns its base's storage. Storages that were there before count 0.

    Args:
        working: bytes that an operation takes at its highest moment, results included, where that
            is more than its results: memory that it takes and gives back, which no tensor shows.
        block: bytes to which the allocator rounds up.
        on_meta: answer shapes from analysis/shapes.py, which is quicker than torch.
    """

    def __init__(self, working: Working, block: int, on_meta: bool) -> None:
        super().__init__()
        self.current_bytes = 0
        self.peak_bytes = 0  # at least
        self.peak_high_bytes = 0  # at most, but for the operations in `unknown`
        self.unknown: dict[str, None] = {}  # reasons why operations have no upper bound
        self._working = working
        self._block = block
        self._on_meta = on_meta
        self._blanks = TRAINING_BLANKS if on_meta else {}
        self._writes = WRITES if on_meta else {}
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        blank = self._writes.get(func) if kwargs else self._blanks.get(func)
        out = None if blank is None else blank(*args, **kwargs)
        if out is None and torch.is_inference_mode_enabled():
            with self:  # torch hands over what it takes apart elsewhere
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
            out = None
        if out is None:
            out = func(*args, **kwargs)
        if self._on_meta and func in CONVOLUTIONS:
            out = as_computed(args, out)
        before = self.current_bytes
        if type(out) is Tensor:
            self._meet(out, args, kwargs)
        elif out is not None:
            for tensor in operands(out):
                self._meet(tensor, args, kwargs)
        self._note_peak(before, self._working(func, args, out))
        return out

    def restart(self) -> None:
        """Look for the peak anew, from here on."""
        self.peak_bytes = self.peak_high_bytes = self.current_bytes

    def _note_peak(self, before: int, working: ByteRange) -> None:
        """Raise both bounds of the peak to those of an operation."""
        if working.high is None:
            self.unknown[working.unknown] = None
        low = max(self.current_bytes, before + working.low)
        high = max(low, before + (working.high or 0))
        if high > self.peak_high_bytes:
            self.peak_high_bytes = high
        if low > self.peak_bytes:
            self.peak_bytes = low

    def _meet(self, tensor: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Count the storage of a result, unless it is known or came in with the arguments."""
        if tensor.layout is not torch.strided:
            return  # sparse ones hold dense ones, which other operations made
        storage = tensor.untyped_storage()
        key = id(storage)  # torch keeps one Python object for as long as the storage lives
        if key in self._alive:
            return
        size = 0
        if not any(given.untyped_storage() is storage for given in _strided((args, kwargs))):
            size = -(-storage.nbytes() // self._block) * self._block
        self._alive[key] = weakref.ref(storage, partial(self._forget, key, size))
        self.current_bytes += size

    def _forget(self, key: int, size: int, _: object) -> None:
        del self._alive[key]
        self.current_bytes -= size


def _strided(value: Any) -> Iterator[Tensor]:
    return (tensor for tensor in operands(value) if tensor.layout is torch.strided)
