"""The memory that convolutions on the CPU take besides their operands.

oneDNN computes most convolutions, in layouts of its own. ATen passes plain NCHW, so oneDNN copies
the input and the weights into its layout, computes into a third copy, and copies that one into the
plain result. convolution_kernels.py has the kernels that oneDNN may choose, kernel_memory.py the
bytes that each kernel holds.

torch computes the others (small single samples, double precision), and unfolds the input.

Transposed convolutions, three-dimensional ones and those with an unknown kernel have a lower bound
only: their results.

Sources: Convolution.cpp, use_mkldnn(); ConvolutionMM2d.cpp; NaiveDilatedConvolution.cpp and
mkldnn/Conv.cpp, all in ATen/native.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.memory.byte_range import (
    NOTHING,
    ByteRange,
    at_least,
    exactly,
    highest,
    one_of,
)
from archbench.analysis.memory.convolution import Convolution, convolution_of
from archbench.analysis.memory.convolution_kernels import VERSIONS, Pass, kernels
from archbench.analysis.memory.instruction_set import instruction_set, onednn_version
from archbench.analysis.memory.kernel_memory import kernel_bytes
from archbench.private_torch import conv_backend
from archbench.units import Shape


def convolution(args: tuple[Any, ...], out: Tensor) -> ByteRange:
    """(x, weight, bias, ...) -> the most bytes held at once, the result included."""
    c = convolution_of(args, tuple(out.shape), args[3:9])
    result = c.plain(c.out)
    match _backend(args, args[3:9]):
        case "Mkldnn":
            return _onednn(c, "forward", result).plus(_format_copies(args[:2], c))
        case "Slow2d" if c.groups == 1:
            return exactly(result + c.x[0] * c.columns)
        case "SlowDilated2d" if c.groups == 1:
            return exactly(result + c.columns)
        case other:
            return at_least(result, _unknown(args[6], other))


def convolution_backward(args: tuple[Any, ...], out: Any) -> ByteRange:
    """(gradient, x, weight, ...) -> the same, of the pass to the input and then to the weights."""
    c = convolution_of(args[1:], tuple(args[0].shape), args[4:10])
    to_input, to_weights, to_bias = args[10]
    kept = c.plain(c.x) if to_input else 0
    bias = c.plain((c.out[1],)) if to_bias else 0
    own = bias + (c.plain(c.weight) if to_weights else 0)
    match _backend(args[1:], args[4:10]):
        case "Mkldnn":
            first = _onednn(c, "to_input", kept) if to_input else NOTHING
            second = _onednn(c, "to_weights", own) if own else NOTHING
            return highest(first, second.plus(kept)).plus(_format_copies(args[:3], c))
        case "Slow2d" if c.groups == 1:
            unfolded = c.x[0] * c.columns if own else 0
            # a sum over half precision may be made over single precision, which is copied first
            summed = 3 * bias + 4 * prod(c.out) if to_bias and c.dtype.itemsize == 2 else 0
            return ByteRange(kept + own + unfolded, kept + max(own + unfolded, summed))
        case "SlowDilated2d" if c.groups == 1:
            return exactly(kept + own + c.columns + bias)
        case other:
            return at_least(kept + own, _unknown(args[7], other))


def _onednn(c: Convolution, computed: Pass, result: int) -> ByteRange:
    """Return the bytes that one pass holds; the range covers every kernel oneDNN may choose."""
    isa, version = instruction_set(), onednn_version()
    found = kernels(c, computed, isa) if version in VERSIONS and len(c.x) < 5 else ()
    if found:
        return one_of(kernel_bytes(c, kernel, computed) for kernel in found)
    dtype = str(c.dtype).removeprefix("torch.")
    return at_least(result, f"{dtype} convolution by oneDNN {version} on {isa or 'this CPU'}")


def _unknown(transposed: bool, backend: str) -> str:
    """Return the reason why there is no upper bound."""
    if transposed:
        return "transposed convolution"
    return f"convolution by torch's {backend}" if backend else "convolution by an unknown kernel"


def _format_copies(operands: Sequence[Tensor], c: Convolution) -> int:
    """Return the bytes of copies: operands that are not channels-last where the convolution is."""
    if not c.channels_last or len(c.x) != 4:
        return 0
    last = torch.channels_last
    others = (each for each in operands if not each.is_contiguous(memory_format=last))
    return sum(c.plain(tuple(each.shape)) for each in others)


def _backend(args: Sequence[Any], rest: Sequence[Any]) -> str:
    """Name the kernel that torch would choose on the CPU."""
    x, weight = args[0], args[1]
    stride, padding, dilation, transposed, output_padding, groups = rest
    window = (tuple(stride), tuple(padding), tuple(dilation), transposed, tuple(output_padding))
    threads = torch.get_num_threads()  # the choice depends on it
    return _cached_backend(tuple(x.shape), tuple(weight.shape), x.dtype, window, groups, threads)


@lru_cache(maxsize=4096)
def _cached_backend(
    x: Shape, weight: Shape, dtype: torch.dtype, window: tuple[Any, ...], groups: int, threads: int
) -> str:
    """Ask torch which kernel it would choose; "" where torch does not say.

    The operands are expanded tensors, which take no memory.
    """
    number = torch.zeros((), dtype=dtype)
    operands = (number.expand(x), number.expand(weight), None)
    return conv_backend(*operands, *window, groups, None) or ""
