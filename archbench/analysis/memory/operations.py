"""Memory that kernels of the CPU take while they run and give back: no tensor shows it.

A rule returns the bytes that its operation holds at its highest moment, results included, above
what is alive before it, as a range. The watch takes whichever is more, that or the results alone.
An operation without a rule takes its results alone.

What a kernel takes depends on the processor. Where its kernel is not known a rule returns a lower
bound and the reason, and the estimate says so.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.memory.attention import FUSED_OPERATIONS
from archbench.analysis.memory.byte_range import NOTHING, ByteRange, at_least, exactly
from archbench.analysis.memory.convolutions import convolution, convolution_backward
from archbench.analysis.memory.instruction_set import is_intel
from archbench.analysis.memory.products import product
from archbench.analysis.shapes import aten
from archbench.networks.tensors import bytes_of

Rule = Callable[[tuple[Any, ...], Any], ByteRange]


def drawn(args: tuple[Any, ...], out: Any) -> ByteRange:
    """bernoulli_, as in dropout: MKL draws numbers of four bytes, which torch then converts.

    Elsewhere than on Intel's processors torch draws by itself, into the result.

    Source: bernoulli_scalar_kernel in ATen/native/cpu/DistributionKernels.cpp.
    """
    tensor: Tensor = args[0]
    buffer = 4 * tensor.numel()
    return exactly(buffer) if is_intel() else ByteRange(0, buffer)


def attended(args: tuple[Any, ...], out: Any) -> ByteRange:
    """Attention: which kernel computes it, and in what blocks, is not followed here."""
    return at_least(0, "attention")


def promoted(args: tuple[Any, ...], out: Any) -> ByteRange:
    """Point-wise on two dtypes: the operand that lacks the common dtype is converted first.

    Source: TensorIteratorBase::compute_types in ATen/TensorIterator.cpp, "promote inputs to common
    dtype on CPU"; on CUDA the kernel converts as it reads.
    """
    a, b = args[0], args[1] if len(args) > 1 else None
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.dtype == b.dtype:
        return NOTHING
    common = torch.result_type(a, b)
    converted = sum(t.numel() for t in (a, b) if t.dtype != common) * common.itemsize
    return exactly(converted + bytes_of(t for t in (out,) if t is not a))


def summed(args: tuple[Any, ...], out: Tensor) -> ByteRange:
    """A sum into another dtype, as of truth values, whose sum is a whole number of eight bytes.

    Source: make_reduction_from_out_ty in ATen/native/ReduceOpsUtils.h converts the input first.
    """
    x: Tensor = args[0]
    if x.dtype == out.dtype:
        return NOTHING
    return exactly(out.itemsize * (x.numel() + out.numel()))


RULES: dict[Any, Rule] = {
    aten.convolution.default: convolution,
    aten.convolution_backward.default: convolution_backward,
    aten.mm.default: product,
    aten.addmm.default: product,
    aten.bmm.default: product,
    aten.baddbmm.default: product,
    aten.bernoulli_.float: drawn,
    aten.sum.dim_IntList: summed,
    aten.sum.default: summed,
}
RULES |= dict.fromkeys(FUSED_OPERATIONS, attended)
_SELECTS = {aten.where.self, aten.masked_fill.Scalar, aten.masked_fill.Tensor}  # read their mask


def cpu_memory(func: Any, args: tuple[Any, ...], out: Any) -> ByteRange:
    """Return what an operation holds at its highest moment on the CPU; nothing without a rule."""
    rule = _rule_for(func)
    return NOTHING if rule is None else rule(args, out)


@cache
def _rule_for(func: Any) -> Rule | None:
    rule = RULES.get(func)
    if rule is None and torch.Tag.pointwise in getattr(func, "tags", ()) and func not in _SELECTS:
        return promoted
    return rule
