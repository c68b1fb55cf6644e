"""What the lecture notes say about GoogLeNet as a whole, and how it is evaluated."""

from collections import Counter
from fractions import Fraction
from itertools import product

import torch
from torch import nn

from archbench.networks.archs.googlenet import TABLE_1
from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.figures import figure
from archbench.papers.judge import confirms
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks


def depth(networks: Networks) -> Facts:
    """Measure the longest path, then add the pools that stand between the modules."""
    layers = networks.profile("googlenet").totals.depth
    between = (
        layer
        for row in TABLE_1
        if not row.type.startswith("inception")
        for layer in networks.module("googlenet").get_submodule(row.stage).modules()
    )
    pools = Counter(type(layer).__name__ for layer in between)
    largest, average = pools["MaxPool2d"], pools["AdaptiveAvgPool2d"]
    pooled = layers + largest + average
    printed = [
        int(figure(f"googlenet.text.{name}").value) for name in ("layers", "layers_with_pooling")
    ]
    yield Case("of the layers with weights", layers == printed[0])
    yield Case("with the pools outside the modules", pooled == printed[1])
    yield Measurement("layers with weights on the longest path", layers, 22)
    yield Measurement("max pools outside the modules", largest, 4)
    yield Measurement("average pools outside the modules", average, 1)
    yield Measurement("layers with the pools", pooled, 27)


def fewer_params(networks: Networks) -> Facts:
    """Divide the totals of AlexNet and VGG-16 by GoogLeNet's."""
    own = networks.profile("googlenet").totals.params
    yield Measurement("params of googlenet", own, 6_998_552)
    for name, params, ratio in (("alexnet", 60_965_224, 8.71), ("vgg16", 138_357_544, 19.77)):
        total = networks.profile(name).totals.params
        printed = figure(f"googlenet.text.params_ratio_{name}")
        yield Case(f"of {name}", confirms(printed, Fraction(total, own)))
        yield Measurement(f"params of {name}", total, params)
        yield Measurement(f"params of {name} over googlenet's", round(total / own, 2), ratio)


def global_average_pooling(networks: Networks) -> Facts:
    """Compare the classifier with one on the grid before the pool, and with VGG-16's layers."""
    pooled = networks.stage("googlenet", "fc").params
    grid = networks.stage("googlenet", "avgpool").input_shape
    assert grid is not None
    channels, height, width = grid
    with torch.device("meta"):
        flattened = nn.Linear(channels * height * width, 1000)
    flat = sum(parameter.numel() for parameter in flattened.parameters())
    times = (
        parameters(flattened).weights
        / parameters(networks.module("googlenet").get_submodule("fc")).weights
    )
    vgg = networks.profile("vgg16")
    full = sum(stage.params for stage in vgg.stages if stage.name.startswith("fc"))
    yield Case("against a classifier on the flattened grid", pooled < flat / 2)
    yield Case("against the fully connected layers of VGG-16", pooled < full / 2)
    yield Measurement("params on the pooled values", pooled, 1_025_000)
    yield Measurement("params on the flattened grid", flat, 50_177_000)
    yield Measurement("times the weights", times, 49)
    yield Measurement("params of VGG-16's fully connected layers", full, 123_642_856)
    yield Measurement("params of VGG-16", vgg.totals.params, 138_357_544)


def crops(networks: Networks) -> Facts:
    """Enumerate the crops of one image."""
    scales = [figure(f"googlenet.evaluation.scale_{i}").value for i in range(1, 5)]
    squares = ("left or top", "middle", "right or bottom")
    corners = ("top left", "top right", "bottom left", "bottom right")
    views = (*corners, "centre", "whole square, resized")
    mirrored = (False, True)
    made = len(set(product(scales, squares, views, mirrored)))
    models = int(figure("googlenet.evaluation.ensemble_models").value)
    yield Case("of the scheme", made == int(figure("googlenet.evaluation.crops").value))
    yield Measurement("scales", len(scales), 4)
    yield Measurement("squares", len(squares), 3)
    yield Measurement("views", len(views), 6)
    yield Measurement("mirrorings", len(mirrored), 2)
    yield Measurement("crops", made, 144)
    yield Measurement("evaluations with seven models", made * models, 1008)


EXPERIMENTS = {
    "googlenet.depth": depth,
    "googlenet.fewer-params": fewer_params,
    "googlenet.global-average-pooling": global_average_pooling,
    "googlenet.crops": crops,
}
