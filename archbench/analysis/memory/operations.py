"""Memory that CPU kernels allocate and free while they run: no tensor shows it.

A rule returns a range of bytes: the most that its operation holds at once, results included, beyond
the memory that was alive before. The watch counts the results alone where these are more, and for
an operation without a rule.

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


def random_draw(args: tuple[Any, ...], out: Any) -> ByteRange:
    """bernoulli_, as in dropout: MKL draws numbers of four bytes, which torch then converts.

    Elsewhere than on Intel's processors torch draws by itself, into the result.

    Source: bernoulli_scalar_kernel in ATen/native/cpu/DistributionKernels.cpp.
    """
    tensor: Tensor = args[0]
    buffer = 4 * tensor.numel()
    return exactly(buffer) if is_intel() else ByteRange(0, buffer)


def attention(args: tuple[Any, ...], out: Any) -> ByteRange:
    """Attention: the kernel and its blocks are not known, so there is no upper bound."""
    return at_least(0, "attention")


def type_promotion(args: tuple[Any, ...], out: Any) -> ByteRange:
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


def sum_into_dtype(args: tuple[Any, ...], out: Tensor) -> ByteRange:
    """A sum into another dtype, as of booleans, whose sum is an int64.

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
    aten.bernoulli_.float: random_draw,
    aten.sum.dim_IntList: sum_into_dtype,
    aten.sum.default: sum_into_dtype,
}
RULES |= dict.fromkeys(FUSED_OPERATIONS, attention)
_SELECTS = {aten.where.self, aten.masked_fill.Scalar, aten.masked_fill.Tensor}  # read their mask


def cpu_memory(func: Any, args: tuple[Any, ...], out: Any) -> ByteRange:
    """Return the most bytes that an operation holds at once on the CPU; 0 without a rule."""
    rule = _rule_for(func)
    return NOTHING if rule is None else rule(args, out)


@cache
def _rule_for(func: Any) -> Rule | None:
    rule = RULES.get(func)
    if rule is None and torch.Tag.pointwise in getattr(func, "tags", ()) and func not in _SELECTS:
        return type_promotion
    return rule
