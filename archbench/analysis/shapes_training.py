"""The shapes of results in a training step without torch's own meta kernels, as in shapes.py.

tests/analysis/memory/test_memory.py compares every function with torch's kernel.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.shapes import BLANKS, Blank, aten, batch_norm, plain
from archbench.networks.blank_weights import META

Norm = tuple[Tensor, Tensor, Tensor]


def batch_norm_training(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Any, var: Any, training: bool,
    momentum: float, eps: float,
) -> Norm | None:  # fmt: skip
    """In training: the input's shape, and a mean and deviation for each channel."""
    if not training:
        return batch_norm(x, weight, bias, mean, var, training, momentum, eps)
    if not plain(x) or x.dim() < 2 or not x.numel():
        return None
    if any(t is not None and t.dtype != x.dtype for t in (weight, bias, mean)):
        return None
    exact = torch.float64 if x.dtype is torch.float64 else torch.float32
    mean, deviation = (torch.empty(x.shape[1], dtype=exact, device=META) for _ in range(2))
    return torch.empty_like(x), mean, deviation


def batch_norm_backward(
    gradient: Tensor, x: Tensor, weight: Tensor | None, mean: Any, var: Any, saved_mean: Any,
    saved_deviation: Any, training: bool, eps: float, wanted: Sequence[bool],
) -> Norm | None:  # fmt: skip
    """Return the gradients of the input, the scale and the shift."""
    if not all(wanted) or weight is None or not plain(gradient) or not plain(x):
        return None
    if not gradient.dtype == x.dtype == weight.dtype:
        return None
    return torch.empty_like(x), torch.empty_like(weight), torch.empty_like(weight)


def convolution_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, bias_sizes: Sequence[int] | None, stride: Any,
    padding: Any, dilation: Any, transposed: bool, output_padding: Any, groups: int,
    wanted: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None] | None:  # fmt: skip
    """Return the wanted gradients of the input, the weights and the bias."""
    if not (plain(gradient) and plain(x) and plain(weight)) or transposed:
        return None
    if not gradient.dtype == x.dtype == weight.dtype:
        return None
    bias = None
    if wanted[2]:
        bias = torch.empty(weight.shape[0], dtype=weight.dtype, device=META)
    return (
        torch.empty_like(x) if wanted[0] else None,
        torch.empty_like(weight) if wanted[1] else None,
        bias,
    )


def threshold_backward(gradient: Tensor, x: Tensor, threshold: float) -> Tensor | None:
    """The gradient of a ReLU: the input's shape."""
    same = plain(gradient) and plain(x) and gradient.shape == x.shape
    return torch.empty_like(x) if same and gradient.dtype == x.dtype else None


def join_in_place(x: Tensor, y: Any, **_: Any) -> Tensor | None:
    """Point-wise in place, with a number or a tensor of the same shape: the tensor itself."""
    if type(y) is float:
        return x if plain(x) else None
    same = isinstance(y, Tensor) and plain(x) and plain(y) and x.shape == y.shape
    return x if same and x.dtype == y.dtype else None


TRAINING_BLANKS: dict[Any, Blank] = {
    **BLANKS,
    aten.native_batch_norm.default: batch_norm_training,
    aten.native_batch_norm_backward.default: batch_norm_backward,
    aten.convolution_backward.default: convolution_backward,
    aten.threshold_backward.default: threshold_backward,
    aten.add_.Tensor: join_in_place,
    aten.mul_.Tensor: join_in_place,
}
WRITES: dict[Any, Blank] = {aten.add_.Tensor: join_in_place}  # with alpha, a keyword
