"""Inception modules as data: what the papers' figures draw as columns of boxes side by side.

A module is a tuple of branches, whose outputs are joined along the channels in that order. A
branch is a tuple of boxes, each fed by the one before, and a module may be one of the boxes.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import sqrt
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from archbench.networks.archs.parts.layers import HalvingMaxPool
from archbench.networks.archs.parts.stages import Head, Logits

V = True  # as the figures mark it: a valid box, which pads nothing; others keep the grid


class Conv(NamedTuple):
    """A box of convolution, batch normalisation and ReLU."""

    kernel: str  #: height × width: "1×7"
    width: int
    stride: int = 1
    valid: bool = False

    @property
    def size(self) -> tuple[int, int]:
        """The kernel's height and width."""
        height, width = self.kernel.split("×")
        return int(height), int(width)

    @property
    def padding(self) -> tuple[int, int]:
        """Zeros on each side of the height and of the width."""
        height, width = self.size
        return (0, 0) if self.valid else (height // 2, width // 2)


class Pool(NamedTuple):
    """A box of 3×3 pooling. A maximum that is not valid and has stride 2 halves any grid."""

    kind: Literal["max", "avg"]
    stride: int = 1
    valid: bool = False
    border: bool = False  #: of an average: the zeros around the image count as pixels


class Residual(NamedTuple):
    """Branches that are projected to their input's width, scaled and added to it."""

    branches: "Module"
    scale: float
    linear: bool = False  #: no ReLU after the sum


Box = Conv | Pool | Residual | tuple[tuple["Box", ...], ...]
Branch = tuple[Box, ...]
Module = tuple[Branch, ...]
MakeConv = Callable[[int, Conv], nn.Module]


class ConvBN(nn.Sequential):
    """Convolve, normalise, rectify: (N, c_in, H, W) -> (N, width, H/s, W/s).

    The epsilon is that of the Google networks and of all their ports but one.
    """

    def __init__(
        self,
        c_in: int,
        box: Conv,
        bias: bool = False,
        eps: float = 0.001,
        kind: type[nn.Conv2d] = nn.Conv2d,
    ) -> None:
        super().__init__()
        self.conv = kind(c_in, box.width, box.size, box.stride, box.padding, bias=bias)
        self.bn = nn.BatchNorm2d(box.width, eps=eps)
        self.relu = nn.ReLU(inplace=True)


class Branches(nn.Module):
    """Branches over one input, joined: (N, c_in, H, W) -> (N, width, H/s, W/s)."""

    def __init__(self, c_in: int, branches: Module, make: MakeConv = ConvBN) -> None:
        super().__init__()
        self.width = 0
        for i, boxes in enumerate(branches, 1):
            branch, width = chain(c_in, boxes, make)
            self.add_module(f"branch{i}", branch)
            self.width += width

    def forward(self, x: Tensor) -> Tensor:
        """Join the branches along the channels, in the order in which they are written."""
        return torch.cat([branch(x) for branch in self.children()], dim=1)


class ResidualBranches(nn.Module):
    """Add scaled branches to the input, then rectify: (N, c_in, H, W) -> (N, c_in, H, W).

    The projection back to c_in has a bias and no normalisation, as in TF-slim.
    """

    def __init__(self, c_in: int, box: Residual, make: MakeConv = ConvBN) -> None:
        super().__init__()
        self.branches = Branches(c_in, box.branches, make)
        self.project = nn.Conv2d(self.branches.width, c_in, 1)
        self.scale = box.scale
        self.relu = nn.Identity() if box.linear else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Sum the input and what the branches make of it, times the scale."""
        added = x + self.scale * self.project(self.branches(x))
        return self.relu(added)  # type: ignore[no-any-return]  # nn.Module calls are untyped


def chain(c_in: int, boxes: Branch, make: MakeConv = ConvBN) -> tuple[nn.Sequential, int]:
    """Build boxes that feed each other; return them with the channels that they give.

    They are named after what they are: conv3x3, conv3x3_2, max_pool, mixed (a module), block (a
    residual one).
    """
    layers = nn.Sequential()
    seen = Counter[str]()
    for box in boxes:
        name, layer, c_in = _built(c_in, box, make)
        seen[name] += 1
        layers.add_module(f"{name}_{seen[name]}" if seen[name] > 1 else name, layer)
    return layers, c_in


def staged(
    rows: Iterable[tuple[str, Branch]],
    num_classes: int,
    dropout: float,
    heads: Mapping[str, Callable[[int], Head]],
) -> Iterator[tuple[str, nn.Module]]:
    """Build the stages of an Inception network from rows of boxes.

    Args:
        rows: (stage, boxes); no boxes for the average pool, dropout, linear layer and softmax.
        num_classes: width of the linear layer.
        dropout: rate of the dropout.
        heads: stage -> what makes the auxiliary head behind it, from the channels it sees.
    """
    channels = 3
    for name, boxes in rows:
        if boxes:
            layers, channels = chain(channels, boxes)
            yield name, layers[0] if len(layers) == 1 else layers
        elif name == "avgpool":  # 8×8 at the papers' input size; global, so that others work
            yield name, nn.AdaptiveAvgPool2d(1)
        elif name == "dropout":
            yield name, nn.Dropout(dropout)
        elif name == "fc":
            yield name, nn.Linear(channels, num_classes)
        else:
            yield name, Logits()
        if name in heads:
            yield "aux", heads[name](channels)


def _built(c_in: int, box: Box, make: MakeConv) -> tuple[str, nn.Module, int]:
    """Build one box; return it between its name and the channels that it gives."""
    match box:
        case Conv():
            return f"conv{box.kernel.replace('×', 'x')}", make(c_in, box), box.width
        case Pool():
            return f"{box.kind}_pool", pool(box), c_in
        case Residual():
            return "block", ResidualBranches(c_in, box, make), c_in
        case _:
            mixed = Branches(c_in, box, make)
            return "mixed", mixed, mixed.width


def pool(box: Pool) -> nn.Module:
    """Build one pooling layer."""
    padding = 0 if box.valid else 1
    if box == Pool("max", stride=2):
        return HalvingMaxPool()
    if box.kind == "max":
        return nn.MaxPool2d(3, box.stride, padding)
    return nn.AvgPool2d(3, box.stride, padding, count_include_pad=box.border)


def initialise_as_slim(model: nn.Module) -> None:
    """Draw every layer's weights as TF-slim's Inception networks draw most; the papers do not say.

    A normal of variance 2 / fan-in, cut at two deviations and widened by 1.3 to make up for the
    cut (slim.variance_scaling_initializer); biases are 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            draw_cut_normal(module, sqrt(1.3 * 2 / module.weight[0].numel()))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def draw_cut_normal(layer: nn.Module, deviation: float) -> None:
    """Draw a layer's weights from a normal of that deviation, cut at two of them."""
    weight = layer.weight
    assert isinstance(weight, Tensor)
    nn.init.trunc_normal_(weight, 0.0, deviation, -2 * deviation, 2 * deviation)
