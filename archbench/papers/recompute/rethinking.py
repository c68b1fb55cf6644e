"""The figures of Inception-v2 and v3: Szegedy et al., arXiv:1512.00567."""

from collections.abc import Callable
from typing import Any

from torch import nn

from archbench.papers.judge import Value
from archbench.papers.layers import convolutions, kernel, repeats, stride
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import (
    Rule,
    Rules,
    at,
    common,
    depth,
    input_of,
    kernel_of,
    network_of,
    patch_size,
    patch_stride,
)
from archbench.papers.records import PublishedFigure

V2 = "inception-v2"


def _largest_kernel(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the longer side of the largest kernel in the modules of figure 6."""
    stage = network_of(networks, figure).inception_fig6
    return max(max(layer.kernel_size) for layer in convolutions(stage))


def _double_branch(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the 3×3 layers of the branch that has them in place of a 5×5, in every module."""
    modules = network_of(networks, figure).inception_fig5
    return common(_threes(module.branch3) for module in modules)


def _threes(branch: nn.Module) -> int:
    return sum(kernel(layer) == "3x3" for layer in convolutions(branch))


def _single_stem(read: Callable[[Any], Value]) -> Rule:
    """Read the first convolution of the version whose stem is one 7×7 layer."""
    path = "conv1.conv"
    return lambda networks, figure: read(networks.module(V2, stem="7x7").get_submodule(path))


def _layers_replaced(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the layers of Table 1's stem whose place the single layer takes."""
    single = {name for name, _ in networks.module(V2, stem="7x7").named_children()}
    several = [name for name, _ in networks.module(V2).named_children()]
    return sum(name not in single for name in several) + 1


RULES: Rules = (
    ("rethinking.table1.pool.patch_size", input_of("avgpool")),
    ("rethinking.table1.*.patch_size", patch_size),
    ("rethinking.table1.*.stride", patch_stride),
    ("rethinking.table1.pool.input_size", input_of("avgpool")),
    ("rethinking.table1.linear.input_size", input_of("fc")),
    ("rethinking.table1.*.input_size", input_of("{2}")),
    ("rethinking.table1.*.count", at("{2}", repeats)),
    ("rethinking.figures.fig5.input_size", input_of("inception_fig5")),
    ("rethinking.figures.fig5.count", at("inception_fig5", repeats)),
    ("rethinking.figures.fig5.replaced_kernels", _double_branch),
    ("rethinking.figures.fig6.n", _largest_kernel),
    ("rethinking.figures.fig6.grid", input_of("inception_fig6")),
    ("rethinking.figures.fig7.input_size", input_of("inception_fig7")),
    ("rethinking.figures.fig7.count", at("inception_fig7", repeats)),
    ("rethinking.figures.fig7.grid", input_of("inception_fig7")),
    ("rethinking.figures.stem.kernel", _single_stem(lambda layer: layer.kernel_size[0])),
    ("rethinking.figures.stem.stride", _single_stem(stride)),
    ("rethinking.figures.stem.layers_replaced", _layers_replaced),
    ("rethinking.text.layers", depth),
    ("inception-v3.text.a.layers", at("Mixed_5b.branch3", _threes)),
    ("inception-v3.text.a.kernel", at("Mixed_5b.branch3.conv3x3.conv", kernel)),
    ("inception-v3.text.b.kernel_1", kernel_of("Mixed_6b.branch3", 1)),
    ("inception-v3.text.b.kernel_2", kernel_of("Mixed_6b.branch3", 2)),
    ("inception-v3.text.c.kernel_1", kernel_of("Mixed_7b.branch2.mixed", 1)),
    ("inception-v3.text.c.kernel_2", kernel_of("Mixed_7b.branch2.mixed", 0)),
)
