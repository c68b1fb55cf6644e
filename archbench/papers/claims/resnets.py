"""What the lecture notes say about the layers of residual networks, and about their cost."""

from fractions import Fraction
from itertools import pairwise

from torch import nn

from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.claims.structure import kernel
from archbench.papers.figures import figure
from archbench.papers.judge import confirms, judge, parse
from archbench.papers.layers import blocks, convolutions, parameters, projections
from archbench.papers.networks import Networks
from archbench.papers.records import CONFIRMED, PublishedFigure

IMAGENET = (18, 34, 50, 101, 152)
BOTTLENECKS = (50, 101, 152)
CIFAR = (20, 32, 44, 56, 110, 1202)
STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")


def stride_position(networks: Networks) -> Facts:
    """Read the grids with the strides on the first 1×1 (v1) and on the 3×3 (v1.5), and the cost."""
    right = dict.fromkeys(("1x1", "3x3"), True)
    prints = dict.fromkeys(right, 0)
    for depth in BOTTLENECKS:
        name = f"resnet{depth}"
        totals = {s: networks.profile(name, stride_on=s).totals for s in right}
        for stride_on, total in totals.items():
            grids = _grids(networks, name, stride_on)
            right[stride_on] &= grids == "56, 28, 14, 7"
            what = f"{name}, stride on the {stride_on}: grids of conv2_x to conv5_x"
            yield Measurement(what, grids, "56, 28, 14, 7")
            verdict = judge(figure(f"resnet.table1.{name}.flops"), total.macs)
            prints[stride_on] += verdict in (*CONFIRMED, "truncated")
        macs, params = (totals["3x3"].macs - totals["1x1"].macs), totals["3x3"].params
        yield Measurement(f"{name}: MACs that v1.5 adds", macs, 231_211_008)
        yield Measurement(f"{name}: parameters that v1.5 adds", params - totals["1x1"].params, 0)
    yield Measurement("printed FLOPs that v1 gives, rounded or cut", prints["1x1"], 3)
    yield Measurement("printed FLOPs that v1.5 gives, rounded or cut", prints["3x3"], 0)
    yield Case("with the stride on the first 1×1 convolution (v1)", right["1x1"])
    yield Case("with the stride on the 3×3 convolution (v1.5)", right["3x3"])


def _grids(networks: Networks, name: str, stride_on: str) -> str:
    shapes = [networks.stage(name, s, stride_on=stride_on).output_shape for s in STAGES]
    return ", ".join(str(shape[-1]) for shape in shapes if shape is not None)


def depths(networks: Networks) -> Facts:
    """Follow the longest path of weighted layers, which no shortcut is part of."""
    fifty = networks.module("resnet50")
    linear = sum(isinstance(module, nn.Linear) for module in fifty.modules())
    for named in IMAGENET:
        depth = networks.profile(f"resnet{named}").totals.depth
        yield Case(f"for ResNet-{named}", depth == named)
        yield Measurement(f"layers of resnet{named}", depth, named)
    yield Measurement("convolutions of resnet50", len(convolutions(fifty)), 53)
    yield Measurement("of them projections", projections(fifty), 4)
    yield Measurement("linear layers of resnet50", linear, 1)


def two_3x3_per_block(networks: Networks) -> Facts:
    """List the kernels of each network's blocks."""
    groups = {
        "in ResNet-18 and 34": (IMAGENET[:2], "3×3, 3×3"),
        "in the CIFAR networks": (CIFAR, "3×3, 3×3"),
        "in ResNet-50, 101 and 152": (BOTTLENECKS, "1×1, 3×3, 1×1"),
    }
    for where, (group, expected) in groups.items():
        found = {depth: _kernels(networks.module(f"resnet{depth}")) for depth in group}
        yield Case(where, set(found.values()) == {"3×3, 3×3"})
        for depth, kernels in found.items():
            yield Measurement(f"kernels of every block of resnet{depth}", kernels, expected)


def _kernels(network: nn.Module) -> str:
    """Write the kernels of a block; blocks that differ are all written, with a stroke between."""
    return " | ".join(
        sorted({", ".join(map(kernel, convolutions(block.residual))) for block in blocks(network)})
    )


def bottleneck_cheaper(networks: Networks) -> Facts:
    """Count the weights of three blocks, each as often as it is used at one position of its grid.

    Two 3×3 on 256 channels are the second block of ResNet-34's conv4_x.
    """
    small = _weights(networks, "resnet34", "conv2_x")
    bottleneck = _weights(networks, "resnet50", "conv2_x")
    wide = _weights(networks, "resnet34", "conv4_x")
    yield Case("beside two 3×3 on the same 256 channels", bottleneck < wide)
    yield Case("beside two 3×3 on 64 channels", bottleneck < small)
    yield Measurement("weights per position, two 3×3 on 64 channels", small, 73_728)
    yield Measurement("weights per position, bottleneck on 256 channels", bottleneck, 69_632)
    yield Measurement("weights per position, two 3×3 on 256 channels", wide, 1_179_648)
    yield Measurement("times fewer than two 3×3 on 256 channels", round(wide / bottleneck), 17)


def _weights(networks: Networks, name: str, stage: str) -> int:
    """Count the convolution weights of a stage's second block, which changes no shape."""
    block = networks.module(name).get_submodule(f"{stage}.2")
    return parameters(block).weights


def constant_cost(networks: Networks) -> Facts:
    """Count the second 3×3 of each stage's first block, which has stride 1."""
    for name in ("resnet18", "resnet34"):
        layers = {layer.path: layer for layer in networks.profile(name).layers}
        shapes = []
        for stage in STAGES:
            layer = layers[f"{stage}.1.residual.conv2"]
            yield Measurement(f"MACs of a 3×3 in {stage} of {name}", layer.macs, 115_605_504)
            shapes.append(layer.output_shape or ())
        doubled = [
            (2 * before[0], before[1] // 2, before[2] // 2) == after
            for before, after in pairwise(shapes)
        ]
        yield Case(f"in {name}", all(doubled))


def no_fc(networks: Networks) -> Facts:
    """Count linear layers, and the classes that the last one tells apart."""
    for name in (*(f"resnet{depth}" for depth in IMAGENET), "vgg16", "vgg19", "alexnet"):
        linear = [m for m in networks.module(name).modules() if isinstance(m, nn.Linear)]
        residual = name.startswith("resnet")
        yield Measurement(f"linear layers of {name}", len(linear), 1 if residual else 3)
        if residual:
            yield Case(f"in {name}", [layer.out_features for layer in linear] == [1000])


def cifar_formula(networks: Networks) -> Facts:
    """Build the networks of 6n+2 layers with option A, and print their parameters as Table 6."""
    expected = (269_722, 464_154, 658_586, 853_018, 1_727_962, 19_421_274)
    for depth, params in zip(CIFAR, expected, strict=True):
        name = f"resnet{depth}"
        found = networks.profile(name, shortcut="A").totals.params
        printed = figure(f"resnet.table6.{name}.params")
        yield Case(f"for {name}", confirms(printed, found))
        n = (depth - 2) // 6
        yield Measurement(f"parameters of {name}", found, params)
        yield Measurement(f"parameters of {name}, by formula", found, 97_216 * n - 21_926)
    without = found - parameters(networks.module(name, shortcut="A")).norms
    yield Measurement(f"parameters of {name} without normalisation", without, 19_331_642)
    yield Measurement("the same as printed, in millions", _rounded(printed, without), "19.3")


def _rounded(printed: PublishedFigure, count: int) -> str:
    """Write a count with the unit and the digits of a printed figure: 3.86e9 as "3.9"."""
    print_ = parse(printed)
    assert print_ is not None
    return print_.rounded(Fraction(count))


def flops(networks: Networks) -> Facts:
    """Print the multiply-adds at 224×224 as Table 1 does.

    Option A for 18 and 34 layers, option B with the stride on the first 1×1 above.
    """
    expected = {
        18: (1.795, "1.8"),
        34: (3.644, "3.6"),
        50: (3.858, "3.9"),  # printed is 3.8
        101: (7.570, "7.6"),
        152: (11.282, "11.3"),
    }
    for depth, (billions, rounded) in expected.items():
        macs = networks.profile(f"resnet{depth}").totals.macs
        printed = figure(f"resnet.table1.resnet{depth}.flops")
        yield Case(f"for ResNet-{depth}, rounded", confirms(printed, macs))
        what = f"billion MACs of resnet{depth}"
        yield Measurement(what, round(macs / 10**9, 3), billions)
        yield Measurement(f"{what}, rounded as printed", _rounded(printed, macs), rounded)
        if depth == 50:
            print_ = parse(printed)
            assert print_ is not None
            cut = print_.cut(Fraction(macs))
            yield Measurement(f"{what}, cut as printed", cut, "3.8")


EXPERIMENTS = {
    "resnet.stride-position": stride_position,
    "resnet.depths": depths,
    "resnet.two-3x3-per-block": two_3x3_per_block,
    "resnet.bottleneck-cheaper": bottleneck_cheaper,
    "resnet.constant-cost": constant_cost,
    "resnet.no-fc": no_fc,
    "resnet.cifar-formula": cifar_formula,
    "resnet.flops": flops,
}
