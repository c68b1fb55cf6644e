"""The shapes of results without torch's own meta kernels, for the operations of common networks.

torch computes the shapes of meta tensors in Python, in some 50 to 500 µs an operation. A function
here needs a few µs. It returns an empty meta tensor like torch's, or None where it is not certain
to agree (other layouts, mixed dtypes, sizes that torch would refuse): then torch's kernel runs.
tests/analysis/test_shapes.py compares every function with torch's kernel, strides included.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from archbench.networks.blank_weights import META
from archbench.private_torch import operations
from archbench.units import Shape

Blank = Callable[..., Any]  # the operation's positional arguments -> its empty result, or None

aten = torch.ops.aten


def plain(x: Any) -> bool:
    """Tell whether x is a contiguous floating-point meta tensor, as all functions here need."""
    return isinstance(x, Tensor) and x.is_meta and x.is_contiguous() and x.dtype.is_floating_point


def _empty(shape: Sequence[int], like: Tensor) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=META)


def _positions(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool = False
) -> int:
    """Return the positions of a sliding window, as torch's pooling and convolution count them."""
    reach = size + 2 * padding - dilation * (kernel - 1) - 1
    count = (reach + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1  # the last window must start inside the image or its left padding
    return count


def _per_axis(value: Sequence[int], axes: int) -> Sequence[int]:
    return value if len(value) == axes else list(value) * axes


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Tensor | None:
    """(N, c_in, *size) and (c_out, c_in / groups, *kernel) -> (N, c_out, *size)."""
    if transposed or not plain(x) or not plain(weight) or x.dtype != weight.dtype:
        return None
    batch, c_in, *size = x.shape
    c_out, c_group, *kernel = weight.shape
    axes = len(kernel)
    if len(size) != axes or c_in != c_group * groups or c_out % groups or not axes:
        return None
    if bias is not None and bias.dtype != x.dtype:
        return None
    stride, padding = _per_axis(stride, axes), _per_axis(padding, axes)
    dilation = _per_axis(dilation, axes)
    for i in range(axes):
        size[i] = _positions(size[i], kernel[i], stride[i], padding[i], dilation[i])
    return _empty((batch, c_out, *size), x) if min(size) > 0 else None


def batch_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    mean: Tensor | None,
    var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor] | None:
    """In evaluation only: the input's shape, and a mean and deviation for each channel."""
    if training or not plain(x) or mean is None or x.dim() < 2 or x.shape[1] != mean.shape[0]:
        return None
    if x.dtype != mean.dtype or (weight is not None and weight.dtype != x.dtype):
        return None
    exact = torch.float64 if x.dtype is torch.float64 else torch.float32
    statistic = torch.empty(mean.shape, dtype=exact, device=META)
    return _empty(x.shape, x), statistic, statistic


def layer_norm(
    x: Tensor, normalized: Sequence[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor] | None:
    """The input's shape, and a mean and deviation for each normalised slice."""
    axes = len(normalized)
    if not plain(x) or list(x.shape[x.dim() - axes :]) != list(normalized):
        return None
    if weight is not None and weight.dtype != x.dtype:
        return None
    rows = (*x.shape[: x.dim() - axes], *(1,) * axes)
    return _empty(x.shape, x), _empty(rows, x), _empty(rows, x)


def same(x: Tensor, *_: Any) -> Tensor | None:
    """Point-wise on one tensor, and softmax: the input's shape."""
    return _empty(x.shape, x) if plain(x) else None


def in_place(x: Tensor, *_: Any) -> Tensor | None:
    """Point-wise in place on one tensor: the tensor itself."""
    return x if plain(x) else None


def join(a: Tensor, b: Tensor | float, *_: Any) -> Tensor | None:
    """Point-wise on two tensors of equal rank, one of which may be broadcast, or on a number."""
    if isinstance(b, bool) or not plain(a):
        return None
    if isinstance(b, int | float):
        return _empty(a.shape, a)
    if not plain(b) or a.dtype != b.dtype:
        return None
    if a.shape == b.shape:
        return _empty(a.shape, a)
    if a.dim() != b.dim():
        return None
    pairs = list(zip(a.shape, b.shape, strict=True))
    if any(p != q and p != 1 and q != 1 for p, q in pairs):
        return None
    shape = [q if p == 1 else p for p, q in pairs]
    # where neither operand has the result's shape, torch may choose other strides
    return _empty(shape, a) if shape in (list(a.shape), list(b.shape)) else None


def prelu(x: Tensor, slope: Tensor) -> Tensor | None:
    """The input's shape, where the slopes have as many axes and each of its length or of 1."""
    if not plain(x) or slope.dtype != x.dtype or slope.dim() != x.dim():
        return None
    fits = all(n in (1, size) for n, size in zip(slope.shape, x.shape, strict=True))
    return _empty(x.shape, x) if fits else None


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor | None:
    """Join along one axis."""
    first = tensors[0]
    if not all(plain(t) and t.dtype == first.dtype and t.dim() == first.dim() for t in tensors):
        return None
    if not first.dim() or not -first.dim() <= dim < first.dim():
        return None
    shape = list(first.shape)
    shape[dim] = sum(t.shape[dim] for t in tensors)
    axis = dim % first.dim()
    for t in tensors:
        if any(a != b for i, (a, b) in enumerate(zip(t.shape, shape, strict=True)) if i != axis):
            return None
    return _empty(shape, first)


def max_pool2d(
    x: Tensor,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil: bool = False,
) -> tuple[Tensor, Tensor] | None:
    """(N, C, H, W) -> the pooled grid, and where each maximum was."""
    grid = _pooled_shape(x, 2, kernel, stride, padding, dilation, ceil)
    if grid is None:
        return None
    return _empty(grid, x), torch.empty(grid, dtype=torch.int64, device=META)


def avg_pool(axes: int) -> Blank:
    """Return the function of average pooling over that many axes."""

    def pooled(
        x: Tensor,
        kernel: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        ceil: bool = False,
        *_: Any,
    ) -> Tensor | None:
        grid = _pooled_shape(x, axes, kernel, stride, padding, (1,), ceil)
        return None if grid is None else _empty(grid, x)

    return pooled


def _pooled_shape(
    x: Tensor,
    axes: int,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil: bool,
) -> Shape | None:
    """Return the shape of a pooled x, or None where torch would refuse or may differ."""
    if not plain(x) or x.dim() != axes + 2 or 0 in x.shape:
        return None
    kernel = _per_axis(kernel, axes)
    stride, padding = _per_axis(stride or kernel, axes), _per_axis(padding, axes)
    dilation = _per_axis(dilation, axes)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        return None
    if any(n < k for n, k in zip(x.shape[2:], kernel, strict=True)):
        return None  # torch refuses this in three dimensions, though not in two
    grid = tuple(
        _positions(x.shape[2 + i], kernel[i], stride[i], padding[i], dilation[i], ceil)
        for i in range(axes)
    )
    return (*x.shape[:2], *grid) if min(grid) > 0 else None


def adaptive_avg_pool2d(x: Tensor, size: Sequence[int]) -> Tensor | None:
    """(N, C, H, W) -> (N, C, *size)."""
    if not plain(x) or x.dim() != 4 or 0 in x.shape:
        return None
    return _empty((*x.shape[:2], *size), x)


def mean(x: Tensor, dims: Sequence[int] | None, keepdim: bool = False) -> Tensor | None:
    """Average over some axes."""
    if not plain(x) or not dims:
        return None
    if not all(-x.dim() <= d < x.dim() for d in dims):
        return None
    axes = {d % x.dim() for d in dims}
    kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdim or i not in axes]
    return _empty(kept, x)


def addmm(bias: Tensor, a: Tensor, b: Tensor) -> Tensor | None:
    """(c_out,), (N, c_in) and (c_in, c_out) -> (N, c_out); b is often a transposed view."""
    if not (plain(bias) and bias.dim() == 1 and bias.shape[0] == b.shape[1]):
        return None
    return None if bias.dtype != a.dtype else mm(a, b)


def mm(a: Tensor, b: Tensor) -> Tensor | None:
    """(N, K) and (K, M) -> (N, M)."""
    fits = plain(a) and b.is_meta and a.dtype == b.dtype and a.shape[1] == b.shape[0]
    return _empty((a.shape[0], b.shape[1]), a) if fits else None


def bmm(a: Tensor, b: Tensor) -> Tensor | None:
    """(B, N, K) and (B, K, M) -> (B, N, M)."""
    fits = a.is_meta and b.is_meta and a.dtype == b.dtype and a.dtype.is_floating_point
    if not fits or a.shape[0] != b.shape[0] or a.shape[2] != b.shape[1]:
        return None
    return _empty((a.shape[0], a.shape[1], b.shape[2]), a)


def pad(x: Tensor, widths: Sequence[int], value: float = 0) -> Tensor | None:
    """Pad the last axes first: widths are (before, after) of the last axis, then the one before."""
    if not plain(x) or len(widths) % 2 or len(widths) > 2 * x.dim():
        return None
    shape = list(x.shape)
    for i in range(len(widths) // 2):
        shape[-1 - i] += widths[2 * i] + widths[2 * i + 1]
    return _empty(shape, x) if min(shape) > 0 and min(widths) >= 0 else None


BLANKS: dict[Any, Blank] = {
    aten.convolution.default: convolution,
    aten.native_batch_norm.default: batch_norm,
    aten.native_layer_norm.default: layer_norm,
    aten.cat.default: cat,
    aten.max_pool2d_with_indices.default: max_pool2d,
    aten.avg_pool2d.default: avg_pool(2),
    aten.avg_pool3d.default: avg_pool(3),
    aten.mean.dim: mean,
    aten.addmm.default: addmm,
    aten.mm.default: mm,
    aten.bmm.default: bmm,
    aten.constant_pad_nd.default: pad,
    **dict.fromkeys(
        (
            *(aten.relu.default, aten.sigmoid.default, aten.tanh.default, aten.silu.default),
            *(aten.gelu.default, aten.hardswish.default, aten.hardsigmoid.default),
            *(aten.hardtanh.default, aten.leaky_relu.default),
            *(aten.exp.default, aten.neg.default, aten.abs.default, aten.pow.Tensor_Scalar),
        ),
        same,
    ),
    **dict.fromkeys(
        (
            *(aten.relu_.default, aten.silu_.default, aten.hardswish_.default),
            *(aten.hardsigmoid_.default, aten.hardtanh_.default, aten.sigmoid_.default),
        ),
        in_place,
    ),
    **dict.fromkeys((aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor), join),
}
_INTERNAL = {"_prelu_kernel": prelu, "_adaptive_avg_pool2d": adaptive_avg_pool2d, "_softmax": same}
BLANKS |= {operator: _INTERNAL[name] for name, operator in operations(*_INTERNAL).items()}
