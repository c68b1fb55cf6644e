"""What a built network's layers say of themselves, in the words of the papers' tables."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from torch import nn

from archbench.papers.networks import Networks
from archbench.records.published import PublishedFigure
from archbench.units import Shape, shape_for_people

Value = int | Fraction | str
Rule = Callable[[Networks, PublishedFigure], Value]
Rules = tuple[tuple[str, Rule], ...]  # (pattern of ids, what computes them)


def network_of(networks: Networks, figure: PublishedFigure) -> Any:
    """Return the network that a figure belongs to; torch gives its children no types."""
    return networks.module(name_of(figure))


def name_of(figure: PublishedFigure) -> str:
    """Return the registry's name of a figure's network."""
    assert figure.architecture is not None, figure.id
    return figure.architecture


def stage_of(figure: PublishedFigure) -> str:
    """Return the stage that a figure's id names in its third place."""
    return figure.id.split(".")[2]


def written(shape: Shape | None, figure: PublishedFigure) -> str:
    """Write a shape as a figure does: with its channels last, or the grid alone."""
    assert shape is not None, figure.id
    whole: Shape = shape if len(shape) == 3 else (shape[0], 1, 1)
    if figure.value.count("x") == 1:
        whole = whole[1:]
    return (shape_for_people(whole) or "").replace("×", "x")


def output_size(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the size of what the figure's stage gives."""
    return written(networks.stage(name_of(figure), stage_of(figure)).output_shape, figure)


def input_size(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the size of what the figure's stage is given."""
    return written(networks.stage(name_of(figure), stage_of(figure)).input_shape, figure)


def stage_depth(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the layers on the longest chain through the figure's stage."""
    depth = networks.stage(name_of(figure), stage_of(figure)).depth
    assert depth is not None, figure.id
    return depth


def depth(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the layers on the longest chain through the network."""
    return networks.profile(name_of(figure)).totals.depth


def kernel(layer: nn.Module) -> str:
    """Write a layer's kernel: "7x7"."""
    height, width = _pair(layer.kernel_size)
    return f"{height}x{width}"


def stride(layer: nn.Module) -> int:
    """Return a layer's stride, which is the same in both directions."""
    height, width = _pair(layer.stride)
    assert height == width
    return height


def _pair(size: Any) -> tuple[int, int]:
    height, width = size if isinstance(size, tuple) else (size, size)
    return height, width


def convolutions(module: nn.Module) -> tuple[nn.Conv2d, ...]:
    """Return the convolutions inside a module, in the order in which it holds them."""
    return tuple(layer for layer in module.modules() if isinstance(layer, nn.Conv2d))


def window(networks: Networks, figure: PublishedFigure) -> nn.Module | None:
    """Return the last convolution or pool of the figure's stage; None where it pools globally."""
    stage = network_of(networks, figure).get_submodule(stage_of(figure))
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    found = [layer for layer in stage.modules() if isinstance(layer, kinds)]
    return found[-1] if found else None


def patch_size(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the kernel of the figure's stage; a global pool's is the grid that it sees."""
    layer = window(networks, figure)
    if layer is not None:
        return kernel(layer)
    return written(networks.stage(name_of(figure), stage_of(figure)).input_shape, figure)


def patch_stride(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the stride of the figure's stage; a global pool has one window, and no step."""
    layer = window(networks, figure)
    return 1 if layer is None else stride(layer)


def kernel_of(path: str, place: int) -> Rule:
    """Read the kernel of the n-th convolution inside a module, counted from 0."""
    return at(path, lambda module: kernel(convolutions(module)[place]))


def at(path: str, read: Callable[[Any], Value]) -> Rule:
    """Read something off the layer at a path of the figure's network."""
    return lambda networks, figure: read(network_of(networks, figure).get_submodule(path))


def channels(layer: nn.Conv2d) -> int:
    """Return the filters of a convolution."""
    return layer.out_channels


def rate(layer: nn.Dropout) -> Fraction:
    """Return the share that a dropout drops."""
    return Fraction(str(layer.p))


def kept(layer: nn.Dropout) -> Fraction:
    """Return the share that a dropout keeps."""
    return 1 - rate(layer)


def repeats(stage: nn.Sequential) -> int:
    """Return how many modules stand in a row."""
    return len(stage)
