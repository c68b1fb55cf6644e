"""Layers that torch does not have."""

from collections import OrderedDict

import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: half before, the odd zero after.

    (N, c_in, H, W) -> (N, c_out, ceil(H/s), ceil(W/s)); the padding it is built with is not used.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pad, then convolve."""
        sides: list[int] = []
        for n, kernel, stride in zip(
            x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            missing = max((-(-n // stride) - 1) * stride + kernel - n, 0)
            sides += (missing // 2, missing - missing // 2)
        if any(sides):
            x = F.pad(x, sides)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, groups=self.groups)


def rectified(conv: nn.Conv2d) -> nn.Sequential:
    """Follow a convolution by its ReLU."""
    return nn.Sequential(OrderedDict(conv=conv, relu=nn.ReLU(inplace=True)))


class SeparableConv2d(nn.Sequential):
    """A depthwise convolution that widens, then a 1×1: (N, c_in, H, W) -> (N, c_out, H/s, W/s)."""

    archbench_one_layer = True  # the papers' depth column counts it once

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: int,
        stride: int,
        bias: bool,
        depthwise: type[nn.Conv2d] = nn.Conv2d,
    ) -> None:
        widened = 8 * c_in  # multiplier 8: Ioffe and Szegedy, arXiv:1502.03167, section 4.2
        first = depthwise(c_in, widened, kernel, stride, kernel // 2, groups=c_in, bias=False)
        super().__init__(
            OrderedDict(depthwise=first, pointwise=nn.Conv2d(widened, c_out, 1, bias=bias))
        )


class HalvingMaxPool(nn.Module):
    """Maxima of 3×3 windows: (N, C, H, W) -> (N, C, ceil(H/2), ceil(W/2)).

    On an even grid the last window hangs over the edge, as in Caffe and with TensorFlow's SAME; on
    an odd one the first does too, as with SAME: a strided convolution beside it gives that grid.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pool."""
        odd = (x.shape[2] % 2, x.shape[3] % 2)
        return F.max_pool2d(x, 3, 2, odd, ceil_mode=True)
