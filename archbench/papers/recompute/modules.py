"""The worked examples of the Inception module and of factorised convolutions.

Source: Szegedy et al., arXiv:1409.4842, figure 2 and Table 1, row 3a; Szegedy et al.,
arXiv:1512.00567, sections 3.1 and 3.2; the examples are the slides' own.
"""

from fractions import Fraction

import torch
from torch import nn

from archbench.analysis.profile import profile
from archbench.networks.archs.googlenet import VARIANTS, Inception, Row
from archbench.networks.archs.parts.branches import Branches, Conv, Pool
from archbench.papers.judge import Value
from archbench.papers.layers import channels, convolutions, kernel
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import (
    Rule,
    Rules,
    at,
    name_of,
    network_of,
    output_of,
    written,
)
from archbench.papers.records import PublishedFigure
from archbench.units import Shape

META = torch.device("meta")  # modules are built there: their values are not looked at

# A lecture's example on 28×28×256 (cs231n 2017, lecture 9), which the slides cite.
LECTURE_INPUT = (256, 28, 28)
LECTURE_NAIVE = ((Conv("1×1", 128),), (Conv("3×3", 192),), (Conv("5×5", 96),), (Pool("max"),))
LECTURE_REDUCED = Row("lecture", "inception", None, 128, 64, 192, 64, 96, 64)


def _macs_of(*stages: str) -> Rule:
    """Add up the multiply-adds of some boxes of the module."""

    def macs(networks: Networks, figure: PublishedFigure) -> Value:
        return sum(networks.stage(name_of(figure), stage).macs for stage in stages)

    return macs


def _input_size(networks: Networks, figure: PublishedFigure) -> Value:
    return written(networks.profile(name_of(figure)).inputs[0].shape, figure)


def _lecture_naive(networks: Networks, figure: PublishedFigure) -> Value:
    with META:
        module = Branches(LECTURE_INPUT[0], LECTURE_NAIVE)
    return profile(module, LECTURE_INPUT).totals.macs


def _lecture_reduced(networks: Networks, figure: PublishedFigure) -> Value:
    with META:
        module = Inception(VARIANTS["paper"], LECTURE_INPUT[0], LECTURE_REDUCED)
    return profile(module, LECTURE_INPUT).totals.macs


def _filter_sizes(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the different kernels of the naive module's convolutions."""
    return len({kernel(layer) for layer in convolutions(network_of(networks, figure))})


def _chain(*kernels: tuple[int, int]) -> nn.Sequential:
    """Convolutions of one channel that keep the grid, one after the other, without biases."""
    return nn.Sequential(
        *(
            nn.Conv2d(1, 1, size, padding=(size[0] // 2, size[1] // 2), bias=False)
            for size in kernels
        )
    )


def _macs(kernels: nn.Sequential, grid: int) -> int:
    return profile(kernels, (1, grid, grid)).totals.macs


with META:
    FIVE = _chain((5, 5))
    TWO_THREES = _chain((3, 3), (3, 3))
    THREE = _chain((3, 3))
    ASYMMETRIC = _chain((1, 3), (3, 1))
    TWO_TWOS = nn.Sequential(*(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(1, 1, 2, bias=False)) * 2)


def _toy(kernels: nn.Sequential, grid: int) -> Rule:
    return lambda networks, figure: _macs(kernels, grid)


def _toy_output(kernels: nn.Sequential, grid: int) -> Rule:
    """Return the grid that a chain gives on a square one."""

    def size(networks: Networks, figure: PublishedFigure) -> Value:
        shape: Shape | None = profile(kernels, (1, grid, grid)).layers[0].output_shape
        return written(shape, figure)

    return size


def _ratio(kernels: nn.Sequential, instead_of: nn.Sequential) -> Rule:
    """Divide the multiply-adds of two chains of equal channels on one grid."""
    return lambda networks, figure: Fraction(_macs(kernels, 7), _macs(instead_of, 7))


def _saving(kernels: nn.Sequential, instead_of: nn.Sequential) -> Rule:
    """Return by how many percent a chain is cheaper than another."""
    return lambda networks, figure: 100 * (1 - Fraction(_macs(kernels, 7), _macs(instead_of, 7)))


def _padding(kernels: nn.Sequential) -> Rule:
    """Return the zeros that the first layer adds on each side, along its kernel's long one."""

    def zeros(networks: Networks, figure: PublishedFigure) -> Value:
        first = convolutions(kernels)[0]
        assert isinstance(first.padding, tuple)
        return max(first.padding)

    return zeros


def _layers(kernels: nn.Sequential) -> Rule:
    return lambda networks, figure: len(kernels)


RULES: Rules = (
    ("module.cost.naive_5x5.operations*", _macs_of("n5x5")),
    ("module.cost.reduce.operations*", _macs_of("n5x5_reduce")),
    ("module.cost.reduced_5x5.operations*", _macs_of("n5x5")),
    ("module.cost.reduced_total.operations*", _macs_of("n5x5_reduce", "n5x5")),
    ("module.cost.naive_5x5.input_size", _input_size),
    ("module.cost.naive_5x5.output_size", output_of("n5x5")),
    ("module.cost.reduced_5x5.intermediate_size", output_of("n5x5_reduce")),
    ("module.cost.reduced_5x5.output_size", output_of("n5x5")),
    ("module.cost.naive_5x5.filters", at("n5x5.conv", channels)),
    ("module.cost.reduce.filters", at("n5x5_reduce.conv", channels)),
    ("module.cost.naive_5x5.kernel", at("n5x5.conv", kernel)),
    ("module.cost.reduce.kernel", at("n5x5_reduce.conv", kernel)),
    ("module.cost.naive_5x5.grid", _input_size),
    ("module.cost.naive_5x5.input_channels", at("n5x5.conv", lambda layer: layer.in_channels)),
    ("module.cost.cs231n_naive", _lecture_naive),
    ("module.cost.cs231n_reduced", _lecture_reduced),
    ("module.structure.kernel_1", at("n1x1.conv", kernel)),
    ("module.structure.kernel_2", at("n3x3.conv", kernel)),
    ("module.structure.kernel_3", at("n5x5.conv", kernel)),
    ("module.structure.kernel_4", at("pool", kernel)),
    ("module.structure.filter_sizes", _filter_sizes),
    ("factorisation.5x5_over_3x3", _ratio(FIVE, THREE)),
    ("factorisation.toy.image_5x5", _toy_output(FIVE, 5)),
    ("factorisation.toy.padding_5x5", _padding(FIVE)),
    ("factorisation.toy.operations_5x5", _toy(FIVE, 5)),
    ("factorisation.toy.convolutions", _layers(TWO_THREES)),
    ("factorisation.toy.padding_3x3*", _padding(THREE)),
    ("factorisation.toy.operations_two_3x3", _toy(TWO_THREES, 5)),
    ("factorisation.asymmetric.saving_001", _saving(ASYMMETRIC, THREE)),
    ("factorisation.toy.image_3x3", _toy_output(THREE, 3)),
    ("factorisation.toy.operations_3x3", _toy(THREE, 3)),
    ("factorisation.toy.padding_asymmetric", _padding(ASYMMETRIC)),
    ("factorisation.toy.operations_asymmetric", _toy(ASYMMETRIC, 3)),
    ("factorisation.two_2x2.saving", _saving(TWO_TWOS, THREE)),
)
