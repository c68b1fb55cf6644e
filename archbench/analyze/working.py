"""Memory that kernels of the CPU take while they run and give back: no tensor shows it.

A rule returns the bytes that its operation holds at its worst moment, results included, above what
is alive before it; the watch takes whichever is more, that or the results alone.

Without a rule are attention, which the CPU fuses and the meta device takes apart, and the half
precision products of linear layers; there the estimate counts the tensors alone.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from archbench.analyze.shapes import aten
from archbench.analyze.working_convolutions import convolution, convolution_backward
from archbench.models.tensors import bytes_of

Rule = Callable[[tuple[Any, ...], Any], int]


def drawn(args: tuple[Any, ...], out: Any) -> int:
    """Coin tosses, as in dropout: MKL throws whole numbers of four bytes, which are then converted.

    Source: bernoulli_mkl_kernel in ATen/native/cpu/DistributionKernels.cpp.
    """
    tensor: Tensor = args[0]
    return 4 * tensor.numel()


def promoted(args: tuple[Any, ...], out: Any) -> int:
    """Point-wise on two dtypes: the operand that lacks the common dtype is converted first.

    Source: TensorIteratorBase::compute_types in ATen/TensorIterator.cpp, "promote inputs to common
    dtype on CPU"; on CUDA the kernel converts as it reads.
    """
    a, b = args[0], args[1] if len(args) > 1 else None
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)) or a.dtype == b.dtype:
        return 0
    common = torch.result_type(a, b)
    converted = sum(t.numel() for t in (a, b) if t.dtype != common) * common.itemsize
    return converted + bytes_of(t for t in (out,) if t is not a)


def summed(args: tuple[Any, ...], out: Tensor) -> int:
    """A sum into another dtype, as of truth values, whose sum is a whole number of eight bytes.

    Source: make_reduction_from_out_ty in ATen/native/ReduceOpsUtils.h converts the input first.
    """
    x: Tensor = args[0]
    return 0 if x.dtype == out.dtype else out.itemsize * (x.numel() + out.numel())


RULES: dict[Any, Rule] = {
    aten.convolution.default: convolution,
    aten.convolution_backward.default: convolution_backward,
    aten.bernoulli_.float: drawn,
    aten.sum.dim_IntList: summed,
    aten.sum.default: summed,
}
_SELECTS = {aten.where.self, aten.masked_fill.Scalar, aten.masked_fill.Tensor}  # read their mask


def cpu_working(func: Any, args: tuple[Any, ...], out: Any) -> int:
    """Return what an operation holds at its worst moment on the CPU, 0 where it has no rule."""
    rule = _rule_for(func)
    return 0 if rule is None else rule(args, out)


@cache
def _rule_for(func: Any) -> Rule | None:
    rule = RULES.get(func)
    if rule is None and torch.Tag.pointwise in getattr(func, "tags", ()) and func not in _SELECTS:
        return promoted
    return rule
