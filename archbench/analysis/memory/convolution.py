"""One convolution: its operands, its window, and the sizes that its kernels work with."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor

from archbench.analysis.shapes import aten
from archbench.units import Shape

CONVOLUTIONS = {aten.convolution.default, aten.convolution_backward.default}


@dataclass(frozen=True, slots=True)
class Convolution:
    """The operands and the window of one convolution; sizes are in bytes."""

    x: Shape  #: shape of the input, batch and channels first
    weight: Shape  #: output channels, input channels of one group, kernel
    out: Shape  #: shape of the output
    groups: int  #: groups of channels
    stride: Shape  #: one number for each spatial dimension, as the next two
    padding: Shape  #: of zeros, on either side
    dilation: Shape  #: distance between two points of the kernel
    channels_last: bool  #: whether oneDNN computes in torch's channels-last format
    dtype: torch.dtype  #: of all operands

    def plain(self, shape: Shape) -> int:
        """Bytes of a tensor in torch's layout."""
        return self.dtype.itemsize * prod(shape)

    def blocked(self, shape: Shape, block: int) -> int:
        """Bytes of an activation whose channels are rounded up to whole blocks."""
        batch, channels, *size = shape
        return self.plain((batch, up(channels, block), *size))

    @property
    def per_group(self) -> tuple[int, int]:
        """Input and output channels of one group."""
        return self.weight[1], self.weight[0] // self.groups

    @property
    def depthwise(self) -> bool:
        """Whether each channel is computed by itself."""
        return self.groups > 1 and self.per_group == (1, 1)

    @property
    def pointwise(self) -> bool:
        """Whether the kernel is 1×1."""
        return prod(self.weight[2:]) == 1

    @property
    def strided(self) -> bool:
        """Whether the kernel skips positions."""
        return any(step > 1 for step in self.stride)

    @property
    def irregular(self) -> bool:
        """Whether the kernel is dilated, covers the input, or can lie outside of it."""
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.weight[2:], strict=True)]
        covers = any(r >= x for r, x in zip(reach, self.x[2:], strict=True))
        outside = any(p >= r for p, r in zip(self.padding, reach, strict=True))
        return covers or outside or any(d > 1 for d in self.dilation)

    @property
    def columns(self) -> int:
        """Bytes of one group of one sample, unfolded; 0 for 1×1 kernels, which unfold nothing."""
        if self.pointwise and not self.strided and not any(self.padding):
            return 0
        return self.plain((*self.weight[1:], *self.out[2:]))

    @property
    def one_by_one(self) -> bool:
        """Whether oneDNN's kernels for 1×1 windows accept it: the stride divides the input."""
        sizes = zip(self.x[2:], self.out[2:], self.stride, strict=True)
        even = all(x == out * step for x, out, step in sizes)
        return self.pointwise and even and not any(self.padding)


def convolution_of(args: Sequence[Any], out: Shape, rest: Sequence[Any]) -> Convolution:
    """Return the convolution that ATen's arguments describe.

    Args:
        args: input, weight, ...
        out: shape of the output.
        rest: stride, padding, dilation, transposed, output_padding, groups.
    """
    x, weight = args[0], args[1]
    stride, padding, dilation, _, _, groups = rest
    dims = x.dim() - 2
    return Convolution(
        tuple(x.shape),
        tuple(weight.shape),
        out,
        groups,
        _per_dimension(stride, dims),
        _per_dimension(padding, dims),
        _per_dimension(dilation, dims),
        is_channels_last(x) or is_channels_last(weight),
        x.dtype,
    )


def in_kernel_format(args: Sequence[Any], out: Any) -> Any:
    """Return a convolution's meta results in the format that a device would compute them in.

    Kernels answer in channels-last if any operand is so; torch's meta kernels do not.

    Args:
        args: tensors, of which some may be None, and other arguments.
        out: the result, or gradients, of which some may be None.
    """
    if not any(isinstance(each, Tensor) and is_channels_last(each) for each in args[:3]):
        return out
    if not isinstance(out, Tensor):
        return tuple(None if each is None else in_kernel_format(args, each) for each in out)
    return out if out.dim() != 4 else out.contiguous(memory_format=torch.channels_last)


def _per_dimension(numbers: Sequence[int], dims: int) -> Shape:
    """Return a number for each dimension; ATen may give a single one for all."""
    return tuple(numbers) * dims if len(numbers) == 1 else tuple(numbers)


def is_channels_last(tensor: Tensor) -> bool:
    """Tell whether a tensor is in torch's channels-last format, and not in the plain one too."""
    if tensor.is_contiguous() or tensor.dim() not in (4, 5):
        return False
    last = torch.channels_last if tensor.dim() == 4 else torch.channels_last_3d
    return tensor.is_contiguous(memory_format=last)


def up(channels: int, block: int) -> int:
    """Round up to whole blocks.

    >>> up(40, 16)
    48
    """
    return -(-channels // block) * block
