"""The figures of the residual networks: He et al., arXiv:1512.03385."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise, product
from math import prod
from typing import Any

import torch
from torch import nn

from archbench.papers.judge import Value
from archbench.papers.layers import blocks, channels, convolutions, kernel, repeats, stride
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import (
    Rule,
    Rules,
    at,
    common,
    depth,
    input_of,
    name_of,
    network_of,
    output_of,
    written,
)
from archbench.papers.records import PublishedFigure

CHANGE = "conv3_x.1"  # the first block of conv3_x, which halves the grid and doubles the channels


def _max_pool_kernel(layer: nn.Module) -> Value:
    return kernel(layer) if isinstance(layer, nn.MaxPool2d) else f"no max pool: {layer}"


def _in_every_block(read: Callable[[Any], Value]) -> Rule:
    """Read the n-th convolution of all blocks of a stage, which are alike: layer_2.kernel."""

    def layer(networks: Networks, figure: PublishedFigure) -> Value:
        _, _, _, name, place, _ = figure.id.split(".")
        index = int(place.removeprefix("layer_")) - 1
        stage = network_of(networks, figure).get_submodule(name)
        return common(read(convolutions(block.residual)[index]) for block in stage)

    return layer


def _stride_of_change_blocks(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the stride of the first blocks of conv3_x to conv5_x, whichever layer has it."""
    network = network_of(networks, figure)
    firsts = (network.get_submodule(f"conv{i}_x.1") for i in (3, 4, 5))
    return common(prod(map(stride, convolutions(block.residual))) for block in firsts)


def _convolutions_per_block(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the 3×3 layers of a block, the same number in all."""
    return common(
        sum(kernel(layer) == "3x3" for layer in convolutions(block.residual))
        for block in blocks(network_of(networks, figure))
    )


def _filters_growth(networks: Networks, figure: PublishedFigure) -> Value:
    """Divide the filters of each stage by those of the one before; the same from each to each."""
    network = network_of(networks, figure)
    stages = (network.get_submodule(f"conv{i}_x") for i in (2, 3, 4, 5))
    widths = [convolutions(stage)[0].out_channels for stage in stages]
    return common(Fraction(b, a) for a, b in pairwise(widths))


def _change_block_index(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the blocks up to the first that changes the grid."""
    return len(network_of(networks, figure).conv2_x) + 1


def _block_output(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the size of what the convolutions of the change block give."""
    return written(networks.output_shape(name_of(figure), f"{CHANGE}.residual"), figure)


def _shortcut(networks: Networks, figure: PublishedFigure) -> Any:
    return network_of(networks, figure).get_submodule(f"{CHANGE}.shortcut")


def _through_shortcut(networks: Networks, figure: PublishedFigure) -> tuple[torch.Tensor, int]:
    """Send ones through the change block's shortcut; return what comes out, and its channels in."""
    shape = networks.stage(name_of(figure), "conv3_x").input_shape
    assert shape is not None
    return _shortcut(networks, figure)(torch.ones(1, *shape))[0], shape[0]


def _subsampled(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the size of what is left of the input itself, before the zeros."""
    out, _ = _through_shortcut(networks, figure)
    kept = out[out.flatten(1).any(dim=1)]
    return written(tuple(kept.shape), figure)


def _zero_channels(networks: Networks, figure: PublishedFigure) -> Value:
    out, _ = _through_shortcut(networks, figure)
    return int((~out.flatten(1).any(dim=1)).sum())


def _padded(networks: Networks, figure: PublishedFigure) -> Value:
    out, _ = _through_shortcut(networks, figure)
    return written(tuple(out.shape), figure)


def _pool(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the window that one output pixel of the shortcut sees: which pixels move it."""
    side, shortcut = 6, _shortcut(networks, figure)
    image = torch.zeros(1, 64, side, side)
    moving = []
    for i, j in product(range(side), repeat=2):
        lifted = image.clone()
        lifted[:, :, i, j] = 1.0
        if not torch.equal(shortcut(lifted)[..., 1, 1], shortcut(image)[..., 1, 1]):
            moving.append((i, j))
    height, width = (max(places) - min(places) + 1 for places in zip(*moving, strict=True))
    return f"{height}x{width}"


def _filter(layer: nn.Conv2d) -> Value:
    """Write one filter: its kernel and the channels that it reads."""
    return f"{kernel(layer)}x{layer.in_channels}"


RULES: Rules = (
    ("resnet.table1.*.layers", depth),
    ("resnet.table1.*.output_size", output_of("{3}")),
    ("resnet.table1.*.conv1.kernel", at("conv1.conv", kernel)),
    ("resnet.table1.*.conv1.channels", at("conv1.conv", channels)),
    ("resnet.table1.*.conv1.stride", at("conv1.conv", stride)),
    ("resnet.table1.*.pool1.kernel", at("pool1", _max_pool_kernel)),
    ("resnet.table1.*.pool1.stride", at("pool1", stride)),
    ("resnet.table1.*.layer_?.kernel", _in_every_block(kernel)),
    ("resnet.table1.*.layer_?.channels", _in_every_block(channels)),
    ("resnet.table1.*.blocks", at("{3}", repeats)),
    ("resnet.table1.*.fc.classes", at("fc", lambda layer: layer.out_features)),
    ("resnet.table1.caption.downsampling_stride", _stride_of_change_blocks),
    ("resnet.table?.*.layers", depth),
    ("resnet.text.*.layers*", depth),
    ("resnet.text.bottleneck.kernel_1", at("conv2_x.1.residual.conv1", kernel)),
    ("resnet.text.bottleneck.kernel_2", at("conv2_x.1.residual.conv2", kernel)),
    ("resnet.text.bottleneck.kernel_3", at("conv2_x.1.residual.conv3", kernel)),
    ("resnet.text.block.convolutions", _convolutions_per_block),
    ("resnet.text.block.kernel", at("conv2_x.1.residual.conv1", kernel)),
    ("resnet.text.filters_growth", _filters_growth),
    ("resnet.text.downsampling_stride", _stride_of_change_blocks),
    ("resnet.text.fc_outputs", at("fc", lambda layer: layer.out_features)),
    ("resnet.text.conv2_x.input_size", input_of("conv2_x")),
    ("resnet.text.figure5.grid", input_of("conv2_x")),
    ("resnet.text.change_block.input_size", input_of("conv3_x")),
    ("resnet.text.change_block.output_size", _block_output),
    ("resnet.text.change_block.index", _change_block_index),
    ("resnet.text.option_a.subsampled_size", _subsampled),
    ("resnet.text.option_a.zero_channels", _zero_channels),
    ("resnet.text.option_a.zero_grid", _padded),
    ("resnet.text.option_a.output_size", _padded),
    ("resnet.text.option_a.pool_*", _pool),
    ("resnet.text.option_a.stride", at(f"{CHANGE}.shortcut", lambda layer: layer.stride)),
    ("resnet.text.option_b.filters", at(f"{CHANGE}.shortcut.conv", channels)),
    ("resnet.text.option_b.kernel", at(f"{CHANGE}.shortcut.conv", _filter)),
)
