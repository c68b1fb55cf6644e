"""The storages that are alive while a network runs, and their bytes."""

import weakref
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.isolation.survivors import Survivors
from archbench.analysis.memory.byte_range import ByteRange
from archbench.analysis.memory.convolution import CONVOLUTIONS, in_kernel_format
from archbench.analysis.shapes_training import TRAINING_BLANKS, WRITES
from archbench.networks.tensors import operands
from archbench.private_torch import DispatchMode

#: operation, its arguments, its result -> the most bytes that it holds at once
KernelMemory = Callable[[Any, tuple[Any, ...], Any], ByteRange]


class StorageWatch(DispatchMode):
    """While active, counts the bytes of the storages that are alive, and their peak.

    A storage counts from the operation that returns it until its last owner releases it, which a
    weak reference tells. An owner may be a variable, a module, a saved tensor of the backward pass
    or a gradient; a view owns its base's storage. Storages that existed before count 0.

    Args:
        kernel_memory: returns the most bytes that an operation holds at once, results included.
            This is memory that a kernel allocates and frees, which no tensor shows.
        block: bytes to which the allocator rounds up.
        on_meta: answer shapes from analysis/shapes.py, which is quicker than torch.
    """

    def __init__(self, kernel_memory: KernelMemory, block: int, on_meta: bool) -> None:
        super().__init__()
        self.current_bytes = 0
        self.peak_bytes = 0  # at least
        self.peak_high_bytes = 0  # at most, but for the operations in `unknown`
        self.unknown: dict[str, None] = {}  # reasons why operations have no upper bound
        self._kernel_memory = kernel_memory
        self._block = block
        self._on_meta = on_meta
        self._blanks = TRAINING_BLANKS if on_meta else {}
        self._writes = WRITES if on_meta else {}
        self.survivors: Survivors | None = None  # the watch that every operation is reported to
        self._alive: dict[int, weakref.ref[torch.UntypedStorage]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        blank = self._writes.get(func) if kwargs else self._blanks.get(func)
        out = None if blank is None else blank(*args, **kwargs)
        if out is None and torch.is_inference_mode_enabled():
            with self:  # torch dispatches operations that are composite
                out = func.decompose(*args, **kwargs)
            if out is not NotImplemented:
                return out
            out = None
        if out is None:
            out = func(*args, **kwargs)
        if self._on_meta and func in CONVOLUTIONS:
            out = in_kernel_format(args, out)
        before = self.current_bytes
        if type(out) is Tensor:
            self._count_storage(out, args, kwargs)
        elif out is not None:
            for tensor in operands(out):
                self._count_storage(tensor, args, kwargs)
        self._note_peak(before, self._kernel_memory(func, args, out))
        if self.survivors is not None:
            self.survivors.add_operation(func, args, kwargs, out)
        return out

    def restart(self) -> None:
        """Look for the peak anew, from here on."""
        self.peak_bytes = self.peak_high_bytes = self.current_bytes

    def _note_peak(self, before: int, kernel: ByteRange) -> None:
        """Raise both bounds of the peak to those of an operation."""
        if kernel.high is None:
            self.unknown[kernel.unknown] = None
        low = max(self.current_bytes, before + kernel.low)
        high = max(low, before + (kernel.high or 0))
        if high > self.peak_high_bytes:
            self.peak_high_bytes = high
        if low > self.peak_bytes:
            self.peak_bytes = low

    def _count_storage(self, tensor: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Count the storage of a result, unless it is counted already or is an argument's."""
        if tensor.layout is torch.jagged:
            self.unknown["nested tensors"] = None  # their values are in a tensor of their own
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
