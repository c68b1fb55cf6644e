"""What the rules of all papers are made of: stages, sizes, and what is read off a layer."""

from collections.abc import Callable, Iterable
from typing import Any

from torch import nn

from archbench.papers.judge import Value
from archbench.papers.layers import convolutions, kernel, stride
from archbench.papers.networks import Networks
from archbench.papers.records import PublishedFigure
from archbench.units import Shape, shape_for_people

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


def _named(path: str, figure: PublishedFigure) -> str:
    """Return a path with parts of the figure's id in it: {2} is the third part."""
    return path.format(*figure.id.split("."))


def input_of(stage: str) -> Rule:
    """Return the size of what a stage of the figure's network is given; "{2}" as in at()."""
    return lambda networks, figure: written(
        networks.stage(name_of(figure), _named(stage, figure)).input_shape, figure
    )


def output_of(stage: str) -> Rule:
    """Return the size of what a stage of the figure's network gives; "{2}" as in at()."""
    return lambda networks, figure: written(
        networks.stage(name_of(figure), _named(stage, figure)).output_shape, figure
    )


def stage_depth(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the layers on the longest chain through the figure's stage."""
    depth = networks.stage(name_of(figure), stage_of(figure)).depth
    assert depth is not None, figure.id
    return depth


def depth(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the layers on the longest chain through the network."""
    return networks.profile(name_of(figure)).totals.depth


def window(networks: Networks, figure: PublishedFigure) -> nn.Module | None:
    """Return the last convolution or pool of the figure's stage; None where it pools globally."""
    stage = network_of(networks, figure).get_submodule(stage_of(figure))
    kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
    found = [layer for layer in stage.modules() if isinstance(layer, kinds)]
    return found[-1] if found else None


def patch_size(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the kernel of the figure's stage; a global pool's is the grid that it sees."""
    layer = window(networks, figure)
    return input_of("{2}")(networks, figure) if layer is None else kernel(layer)


def patch_stride(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the stride of the figure's stage; a global pool has one window, and no step."""
    layer = window(networks, figure)
    return 1 if layer is None else stride(layer)


def kernel_of(path: str, place: int) -> Rule:
    """Read the kernel of the n-th convolution inside a module, counted from 0."""
    return at(path, lambda module: kernel(convolutions(module)[place]))


def common(values: Iterable[Value]) -> Value:
    """Return what all have in common; where they differ, say so: that confirms no figure."""
    found = set(values)
    return found.pop() if len(found) == 1 else f"differs: {', '.join(sorted(map(str, found)))}"


def at(path: str, read: Callable[[Any], Value]) -> Rule:
    """Read something off the layer at a path of the figure's network.

    In a path, "{2}" stands for the third part of the figure's id, which mostly names its stage.
    """
    return lambda networks, figure: read(
        network_of(networks, figure).get_submodule(_named(path, figure))
    )
