"""The figures of GoogLeNet: Szegedy et al., arXiv:1409.4842, and what is quoted from it."""

from fractions import Fraction
from typing import Any

from torch import nn

from archbench.networks.archs.googlenet import Inception
from archbench.networks.archs.parts.stages import Head
from archbench.networks.registry import find
from archbench.papers.judge import Value
from archbench.papers.layers import channels, kernel, rate, stride
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import (
    Rules,
    at,
    common,
    depth,
    name_of,
    network_of,
    output_of,
    patch_size,
    patch_stride,
    stage_depth,
    stage_of,
    written,
)
from archbench.papers.records import PublishedFigure


def _filters(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the filters of one convolution of a module, or of the stem's second row."""
    stage = network_of(networks, figure).get_submodule(stage_of(figure))
    column = figure.id.split(".")[3]
    if stage_of(figure) == "conv2":
        column = {"n3x3_reduce": "reduce", "n3x3": "conv"}[column]
    return channels(stage.get_submodule(column).conv)


def _modules(networks: Networks, figure: PublishedFigure) -> Value:
    return sum(isinstance(m, Inception) for m in network_of(networks, figure).children())


def _layers_with_pooling(networks: Networks, figure: PublishedFigure) -> Value:
    """Add the pools between the stages to the depth; those inside of modules lie beside it."""
    pools = [name for name, _ in network_of(networks, figure).named_children() if "pool" in name]
    return networks.profile(name_of(figure)).totals.depth + len(pools)


def _input(networks: Networks, figure: PublishedFigure) -> Value:
    return written(find(name_of(figure)).input_shape, figure)


def _times_smaller(larger: str) -> Any:
    """Divide another network's parameters by GoogLeNet's."""

    def ratio(networks: Networks, figure: PublishedFigure) -> Value:
        ours = networks.profile(name_of(figure)).totals.params
        return Fraction(networks.profile(larger).totals.params, ours)

    return ratio


def _longest_run(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the most convolutions that stand in a row before a pool."""
    longest = run = 0
    for name, _ in network_of(networks, figure).named_children():
        run = run + 1 if name.startswith("conv") else 0
        longest = max(longest, run)
    return longest


def _heads(networks: Networks, figure: PublishedFigure) -> Value:
    return sum(isinstance(m, Head) for m in _with_heads(networks).children())


def _with_heads(networks: Networks) -> Any:
    return networks.module("googlenet", aux=True)


def _average_kernel(layer: nn.Module) -> Value:
    return kernel(layer) if isinstance(layer, nn.AvgPool2d) else f"no average pool: {layer}"


def _head_pool_output(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the size behind the pool of the head that the id names: aux1_pool_output."""
    path = f"{figure.id.split('.')[2].partition('_')[0]}.pool"
    return written(networks.output_shape("googlenet", path, aux=True), figure)


def _of_both_heads(path: str, read: Any) -> Any:
    """Read one thing off both auxiliary heads, which have it in common."""

    def both(networks: Networks, figure: PublishedFigure) -> Value:
        network = _with_heads(networks)
        return common(read(network.get_submodule(f"aux{i}.{path}")) for i in (1, 2))

    return both


RULES: Rules = (
    ("googlenet.table1.*.patch_size", patch_size),
    ("googlenet.table1.*.stride", patch_stride),
    ("googlenet.table1.*.output_size", output_of("{2}")),
    ("googlenet.table1.*.depth", stage_depth),
    ("googlenet.table1.*.n?x?*", _filters),
    ("googlenet.table1.*.pool_proj", _filters),
    ("googlenet.table1.dropout.rate", at("dropout", rate)),
    ("googlenet.text.params_ratio_alexnet*", _times_smaller("alexnet")),
    ("googlenet.text.params_ratio_vgg16", _times_smaller("vgg16")),
    ("googlenet.text.modules", _modules),
    ("googlenet.text.layers", depth),
    ("googlenet.text.layers_with_pooling", _layers_with_pooling),
    ("googlenet.text.input_size", _input),
    ("googlenet.text.vgg_convs_per_pool", _longest_run),
    ("googlenet.aux.heads", _heads),
    ("googlenet.aux.pool_size", _of_both_heads("pool", _average_kernel)),
    ("googlenet.aux.pool_stride", _of_both_heads("pool", stride)),
    ("googlenet.aux.aux?_pool_output", _head_pool_output),
    ("googlenet.aux.conv_filters", _of_both_heads("conv.conv", channels)),
    ("googlenet.aux.conv_kernel", _of_both_heads("conv.conv", kernel)),
    ("googlenet.aux.fc_units", _of_both_heads("fc1", lambda layer: layer.out_features)),
    ("googlenet.aux.dropout", _of_both_heads("dropout", rate)),
    ("googlenet.aux.classes", _of_both_heads("fc2", lambda layer: layer.out_features)),
    ("googlenet.evaluation.crop_size", _input),
)
