"""What convolutions on the CPU take besides their operands.

Most go to oneDNN, which computes in layouts of its own. ATen hands it plain NCHW, so it copies the
input and the weights into its layout, computes into a third copy, and that one is copied into the
plain result. Which layout that is depends on the kernel:

- blocks: channels in groups of as many as a vector register holds, rounded up to whole groups.
  Single precision.
- rows: channels last, not rounded. Half precision, and strided ones on the way back. The result is
  a channels-last tensor first and then copied once more, into the plain one.
- columns: the input unfolded, by each thread. Groups that make no whole blocks.
- given: the tensors are channels-last already, and only the weights are copied.

What does not go to oneDNN (small single samples, double precision) unfolds the whole batch.
Transposed convolutions have no rule: only their results count.

Sources: ATen/native/Convolution.cpp, use_mkldnn(); ATen/native/mkldnn/Conv.cpp and
MKLDNNConversions.cpp, mkldnn_to_dense(); ideep's convolution_forward, convolution_backward_data and
convolution_backward_weights; cpu/x64/jit_*conv*.cpp and cpu/gemm_convolution.cpp of oneDNN. Small
buffers in which threads add up what each has are left out. The layouts are those of x86-64; what
the rules give was held to the allocator's own events, and `make memory` does so for whole networks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor

from archbench.private_torch import conv_backend
from archbench.units import Shape

FEW_CHANNELS = 4  # of the input: kernels for a first layer read so few from the plain layout
Layout = Literal["blocks", "rows", "columns", "given"]


@dataclass(frozen=True, slots=True)
class Convolution:
    """The operands of one convolution; what it answers is in bytes."""

    x: Shape
    weight: Shape
    out: Shape
    groups: int
    strided: bool
    channels_last: bool
    dtype: torch.dtype

    def plain(self, shape: Shape) -> int:
        """A tensor as torch keeps it."""
        return self.dtype.itemsize * prod(shape)

    def blocked(self, shape: Shape) -> int:
        """An activation, its channels rounded up to whole blocks."""
        batch, channels, *size = shape
        return self.plain((batch, _up(channels, self._block), *size))

    def blocked_weights(self, few: bool = False) -> int:
        """The weights in blocks of output channels, and of input channels unless they are few."""
        if self.groups > 1 and not self._depthwise:
            return self.plain(self.weight)
        c_out, c_in, *kernel = self.weight
        whole = c_in if few or self._depthwise else _up(c_in, self._block)
        return self.plain((_up(c_out, self._block), whole, *kernel))

    @property
    def columns(self) -> int:
        """One group of one sample, unfolded; nothing for 1×1 kernels, which need none."""
        if self.pointwise and not self.strided:
            return 0
        return self.plain((*self.weight[1:], *self.out[2:]))

    @property
    def pointwise(self) -> bool:
        """Tell whether the kernel is 1×1."""
        return prod(self.weight[2:]) == 1

    @property
    def few(self) -> bool:
        """Tell whether the input is read from its plain layout."""
        return self.weight[1] <= FEW_CHANNELS and not self.pointwise and not self._depthwise

    @property
    def layout(self) -> Layout:
        """Say in which layout oneDNN computes the result."""
        if self.channels_last:
            return "given"
        if self._unfolds:
            return "columns"
        return "rows" if self.dtype.itemsize == 2 else "blocks"

    @property
    def gathered(self) -> int:
        """Strided 1×1: each thread gathers the points that count, for one sample."""
        if not (self.pointwise and self.strided):
            return 0
        return torch.get_num_threads() * self.plain((self.x[1], *self.out[2:]))

    @property
    def _per_group(self) -> tuple[int, int]:
        return self.weight[1], self.weight[0] // self.groups

    @property
    def _depthwise(self) -> bool:
        return self.groups > 1 and self._per_group == (1, 1)

    @property
    def _block(self) -> int:
        if self.groups == 1 or self._depthwise:
            return _register()
        return min(_register(), *self._per_group) if not self.few else self._per_group[1]

    @property
    def _unfolds(self) -> bool:
        """Tell whether the groups make no whole blocks, of half a register at least."""
        if self.groups == 1 or self._depthwise or self.dtype.itemsize == 2:
            return False
        half = _register() // 2
        c_in, c_out = self._per_group
        return bool(c_out % half) or (bool(c_in % half) and not self.few)


def convolution(args: tuple[Any, ...], out: Tensor) -> int:
    """(x, weight, bias, ...) -> the most that is held at once, the result included."""
    kernel, c = _read(args, tuple(out.shape), args[3:9])
    result = c.plain(c.out)
    if kernel == "Slow2d":
        return result + c.x[0] * c.columns
    if kernel != "Mkldnn":
        return result
    match c.layout:
        case "given":
            return result + c.blocked_weights()
        case "columns":
            return result + max(result, torch.get_num_threads() * c.columns)
        case "rows":
            return max(c.plain(c.x) + c.blocked_weights(few=True) + result, 3 * result)
        case "blocks":
            source = 0 if c.few else c.blocked(c.x)
            computing = source + c.blocked_weights(c.few) + c.blocked(c.out) + c.gathered
            return max(computing, c.blocked(c.out) + result)


def convolution_backward(args: tuple[Any, ...], out: Any) -> int:
    """(gradient, x, weight, ...) -> likewise: first to the input, then to weights and bias."""
    kernel, c = _read(args[1:], tuple(args[0].shape), args[4:10])
    to_input, to_weight, to_bias = args[10]
    kept = c.plain(c.x) if to_input else 0
    if kernel == "Slow2d":
        return kept + c.plain(c.weight) + c.x[0] * c.columns
    if kernel != "Mkldnn":
        return 0
    highest = _to_input(c) if to_input else 0
    if to_weight or to_bias:
        highest = max(highest, kept + _to_weights(c))
    return highest


def _to_input(c: Convolution) -> int:
    """The most that the gradient to the input takes."""
    result = c.plain(c.x)
    match c.layout:
        case "given":
            return result + c.blocked_weights()
        case "columns":
            return result + max(result, torch.get_num_threads() * c.columns)
        case "blocks" if not c.strided:
            computing = c.blocked(c.out) + c.blocked_weights() + c.blocked(c.x)
            return max(computing, c.blocked(c.x) + result)
        case _:
            return max(c.plain(c.out) + c.blocked_weights() + result, 3 * result)


def _to_weights(c: Convolution) -> int:
    """The most that the gradient to the weights takes."""
    own = c.plain(c.weight)
    match c.layout:
        case "given":
            return c.blocked_weights() + 2 * own
        case "columns":
            return 2 * own + torch.get_num_threads() * c.columns
        case "rows" if c.dtype is torch.float16:  # reads and writes the plain layout
            return 2 * own
        case "rows":  # sums in single precision
            operands = c.plain(c.x) + c.plain(c.out) + 4 * prod(c.weight)
        case "blocks":
            operands = c.blocked(c.out) + (0 if c.few else c.blocked(c.x))
    return c.blocked_weights(c.few) + max(operands, own)


def _read(args: Sequence[Any], out: Shape, rest: Sequence[Any]) -> tuple[str, Convolution]:
    """Read the arguments from the input on: the kernel that they go to, and their sizes."""
    x, weight = args[0], args[1]
    stride, padding, dilation, transposed, output_padding, groups = rest
    conv = Convolution(
        tuple(x.shape),
        tuple(weight.shape),
        out,
        groups,
        any(step > 1 for step in stride),
        _is_channels_last(x) or _is_channels_last(weight),
        x.dtype,
    )
    window = (tuple(stride), tuple(padding), tuple(dilation), transposed, tuple(output_padding))
    threads = torch.get_num_threads()  # the choice depends on it
    return _kernel(conv.x, conv.weight, x.dtype, window, groups, threads), conv


def _is_channels_last(tensor: Tensor) -> bool:
    if tensor.is_contiguous() or tensor.dim() not in (4, 5):
        return False
    last = torch.channels_last if tensor.dim() == 4 else torch.channels_last_3d
    return tensor.is_contiguous(memory_format=last)


@lru_cache(maxsize=4096)
def _kernel(
    x: Shape, weight: Shape, dtype: torch.dtype, window: tuple[Any, ...], groups: int, threads: int
) -> str:
    """Ask torch which kernel it would choose on the CPU; expanded tensors take no memory.

    Where torch does not say, no kernel has a rule.
    """
    number = torch.zeros((), dtype=dtype)
    operands = (number.expand(x), number.expand(weight), None)
    return conv_backend(*operands, *window, groups, None) or ""


@lru_cache(maxsize=1)
def _register() -> int:
    """Count the single-precision numbers in a vector register."""
    return 16 if torch.backends.cpu.get_cpu_capability() == "AVX512" else 8


def _up(channels: int, block: int) -> int:
    return -(-channels // block) * block
