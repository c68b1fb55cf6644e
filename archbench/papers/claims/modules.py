"""What the lecture notes say about the Inception module."""

from itertools import pairwise

from torch import nn

from archbench.analysis.profile import profile
from archbench.networks.archs.googlenet import TABLE_1
from archbench.networks.archs.parts.branches import Branches, Conv, Module, Pool
from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.claims.structure import followers, size, steps
from archbench.papers.layers import convolutions, parameters
from archbench.papers.networks import Networks

INCEPTIONS = tuple(row for row in TABLE_1 if row.type.startswith("inception"))
FAR = 10  # times cheaper: what "far cheaper" is taken to mean


def naive_5x5_cost(networks: Networks) -> Facts:
    """Compare row 3a's 5×5 branch straight on its input and behind a 1×1 reduction."""
    straight = networks.stage("inception-module-naive", "n5x5").macs
    reduction = networks.stage("inception-module", "n5x5_reduce").macs
    behind = networks.stage("inception-module", "n5x5").macs
    times = straight / (reduction + behind)
    yield Case("for row 3a on 28×28×192", round(times) == 10)
    yield Measurement("MACs of the 5×5 alone", straight, 120_422_400)
    yield Measurement("MACs of the 1×1 reduction", reduction, 2_408_448)
    yield Measurement("MACs of the 5×5 behind it", behind, 10_035_200)
    yield Measurement("MACs of both", reduction + behind, 12_443_648)
    yield Measurement("times fewer", round(times, 2), 9.68)


def naive_vs_reduced(networks: Networks) -> Facts:
    """Count the module of figure 2 without and with its reductions."""
    macs = []
    for name, (params, expected_macs, output) in {
        "inception-module-naive": (387_072, 303_464_448, "28×28×416"),
        "inception-module": (163_328, 128_049_152, "28×28×256"),
    }.items():
        profile = networks.profile(name)
        joined = size(networks.stage(name, "concat").output_shape)
        macs.append(profile.totals.macs)
        yield Measurement(f"weights of {name}", parameters(networks.module(name)).weights, params)
        yield Measurement(f"MACs of {name}", profile.totals.macs, expected_macs)
        yield Measurement(f"output of {name}", joined, output)
    naive, reduced = macs
    yield Case("with the widths of row 3a on 28×28×192", reduced < naive)


def naive_depth_grows(networks: Networks) -> Facts:
    """Stack naive modules of row 3a's widths and read their output channels."""
    row = INCEPTIONS[0]
    filters = [width or 0 for width in (row.n1x1, row.n3x3, row.n5x5)]
    branches: Module = (
        *((Conv(f"{side}×{side}", width),) for side, width in zip((1, 3, 5), filters, strict=True)),
        (Pool("max"),),
    )
    widths = [192]
    stack = nn.Sequential()
    for i in range(2):
        stack.add_module(f"naive_{i}", Branches(widths[-1], branches))
        stage = profile(stack, (192, 28, 28)).stage(f"naive_{i}")
        assert stage is not None and stage.output_shape is not None
        widths.append(stage.output_shape[0])
    for given, made in pairwise(widths):
        yield Case(f"from {given} channels", made > given)
    yield Measurement("filters of one module", sum(filters), 224)
    yield Measurement("channels of the first module", widths[1], 416)
    yield Measurement("channels of the second module", widths[2], 640)


def concatenation(networks: Networks) -> Facts:
    """Add up the branches of all nine modules, and look at the grids."""
    profile = networks.profile("googlenet")
    for row, width in zip(INCEPTIONS, (256, 480, 512, 512, 512, 528, 832, 832, 1024), strict=True):
        stage = networks.stage("googlenet", row.stage)
        assert stage.output_shape is not None and stage.input_shape is not None
        channels, *grid = stage.output_shape
        branches = sum(
            layer.output_shape[0]
            for layer in profile.layers
            if layer.output_shape
            and layer.path.rpartition(".")[0] == row.stage
            and layer.path.endswith((".n1x1", ".n3x3", ".n5x5", ".pool_proj"))
        )
        same_grid = grid == list(stage.input_shape[1:])
        yield Case(f"in {row.stage}", channels == branches and same_grid)
        yield Measurement(f"channels of {row.stage}", channels, width)


def one_by_one_vs_5x5(networks: Networks) -> Facts:
    """Count a 1×1 and a 5×5 convolution on the input of row 3a."""
    small = profile(nn.Conv2d(192, 32, 1), (192, 28, 28)).totals.macs
    large = profile(nn.Conv2d(192, 32, 5, padding=2), (192, 28, 28)).totals.macs
    yield Case("at equal channels and grid", large >= FAR * small)
    yield Measurement("MACs of the 5×5 over those of the 1×1", large / small, 25)


def pool_then_1x1(networks: Networks) -> Facts:
    """Read the order in the pooling branch of all nine modules; exchange the two and count."""
    for row in INCEPTIONS:
        module = networks.module("googlenet").get_submodule(row.stage)
        chain, projection = steps(module), module.get_submodule("pool_proj.conv")
        sources = next(step.sources for step in chain if step.layer is projection)
        pooled = [isinstance(chain[source].layer, nn.MaxPool2d) for source in sources]
        yield Case(f"in {row.stage}", pooled == [True])
    pool = networks.module("googlenet").get_submodule("inception_3a.pool")
    projection = networks.module("googlenet").get_submodule("inception_3a.pool_proj")
    orders = {"before": (pool, projection), "after": (projection, pool)}
    for order, layers in orders.items():
        yield Measurement(
            f"MACs of 3a's branch with the pool {order} the 1×1",
            profile(nn.Sequential(*layers), (192, 28, 28)).totals.macs,
            4_816_896,
        )


def relu_everywhere(networks: Networks) -> Facts:
    """Look at what every convolution of GoogLeNet feeds, and the classifier."""
    network = networks.module("googlenet")
    behind = list(followers(network, nn.Conv2d))
    rectified = behind.count(("ReLU",))
    classifiers = list(followers(network, nn.Linear))
    yield Case("in GoogLeNet", rectified == len(convolutions(network)))
    yield Measurement("convolutions", len(behind), 57)
    yield Measurement("convolutions that feed a ReLU alone", rectified, 57)
    yield Measurement("classifiers", len(classifiers), 1)
    yield Measurement("classifiers that feed a ReLU", classifiers.count(("ReLU",)), 0)


EXPERIMENTS = {
    "module.naive-5x5-cost": naive_5x5_cost,
    "module.naive-vs-reduced": naive_vs_reduced,
    "module.naive-depth-grows": naive_depth_grows,
    "module.concatenation": concatenation,
    "module.1x1-vs-5x5": one_by_one_vs_5x5,
    "module.pool-then-1x1": pool_then_1x1,
    "module.relu-everywhere": relu_everywhere,
}
