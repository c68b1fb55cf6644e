"""What the lecture notes say about Inception-v3."""

from torch import nn

from archbench.papers.claims.field_of_view import field_of_view
from archbench.papers.claims.records import Case, Condition, Facts, Measurement
from archbench.papers.claims.structure import (
    Steps,
    followers,
    kernel,
    kernels,
    size,
    steps,
    uses,
)
from archbench.papers.layers import convolutions
from archbench.papers.networks import Networks

GRID_35 = ("Mixed_5b", "Mixed_5c", "Mixed_5d")
GRID_17 = ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
GRID_8 = ("Mixed_7b", "Mixed_7c")


def a_replaces_5x5(networks: Networks) -> Facts:
    """List the kernels of the 35×35 modules, as released and as drawn."""
    released = networks.module("inception-v3")
    drawn = networks.module("inception-v2").get_submodule("inception_fig5")
    modules = {
        **{f"of {name} as released": released.get_submodule(name) for name in GRID_35},
        **{f"of {name} of figure 5": module for name, module in drawn.named_children()},
    }
    for which, module in modules.items():
        found = kernels(module)
        yield Case(which, "3×3 3×3" in found and "5×5" not in found)
        second = "5×5" if "released" in which else "3×3"
        expected = f"1×1 1×1 {second} 1×1 3×3 3×3 1×1"
        yield Measurement(f"kernels {which}", found, expected)
        for layer in convolutions(module):
            if kernel(layer) == "5×5":
                widths = f"{layer.in_channels} → {layer.out_channels}"
                yield Measurement(f"5×5 {which}", widths, "48 → 64")
    yield Condition("of the modules of figure 5, as drawn")


def b_kernels(networks: Networks) -> Facts:
    """List the kernels of the four 17×17 modules, and measure what their pair sees."""
    for name in GRID_17:
        module = networks.module("inception-v3").get_submodule(name)
        found = sorted({kernel(layer) for layer in convolutions(module)})
        pools = [layer for layer in module.modules() if isinstance(layer, nn.AvgPool2d)]
        yield Case(f"in {name}", {"1×7", "7×1"} <= set(found) <= {"1×1", "1×7", "7×1"})
        yield Measurement(f"kernels in {name}", " ".join(found), "1×1 1×7 7×1")
        yield Measurement(
            f"average pool in {name}", ", ".join(str(pool.kernel_size) for pool in pools), "3"
        )
    pair = nn.Sequential(
        nn.Conv2d(1, 1, (1, 7), padding=(0, 3)), nn.Conv2d(1, 1, (7, 1), padding=(3, 0))
    )
    yield Measurement("field of 1×7 and 7×1", field_of_view(pair), "7×7")


def _sources_and_uses(chain: Steps, name: str) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
    """Say of every convolution of a kernel what feeds it and what it feeds."""
    return [
        (step.sources, uses(chain, place)) for place, step in enumerate(chain) if step.name == name
    ]


def c_kernels(networks: Networks) -> Facts:
    """List the kernels of the 8×8 modules, and how their 1×3 and 3×1 are connected."""
    parallel, sequential = [], []
    for name in GRID_8:
        module = networks.module("inception-v3").get_submodule(name)
        found = sorted({kernel(layer) for layer in convolutions(module)})
        chain = steps(module)
        flat, tall = (_sources_and_uses(chain, name) for name in ("conv 1×3/1", "conv 3×1/1"))
        parallel += [
            one == other and one[1] == ("cat",) for one, other in zip(flat, tall, strict=True)
        ]
        sequential += ["conv 3×1/1" in fed for _, fed in flat]
        sequential += ["conv 1×3/1" in fed for _, fed in tall]
        widths = [
            str(layer.out_channels)
            for layer in convolutions(module)
            if kernel(layer) in ("1×3", "3×1")
        ]
        yield Measurement(f"kernels in {name}", " ".join(found), "1×1 1×3 3×1 3×3")
        yield Measurement(f"widths of 1×3 and 3×1 in {name}", " ".join(widths), "384 384 384 384")
    yield Case("side by side on one input and concatenated", all(parallel))
    yield Case("as a sequence", any(sequential))
    yield Measurement("pairs side by side", sum(parallel), 4)
    yield Measurement("pairs in sequence", sum(sequential), 0)


def bn_everywhere(networks: Networks) -> Facts:
    """Count the convolutions, and those that feed a normalisation alone."""
    for which, aux, expected in (("without the head", False, 94), ("with the head", True, 96)):
        network = networks.module("inception-v3", aux=aux)
        behind = list(followers(network, nn.Conv2d))
        normalised = behind.count(("BatchNorm2d",))
        classifiers = list(followers(network, nn.Linear)).count(("BatchNorm2d",))
        yield Case(which, normalised == len(behind))
        yield Measurement(f"convolutions {which}", len(behind), expected)
        yield Measurement(f"normalised convolutions {which}", normalised, expected)
        yield Measurement(f"normalised classifiers {which}", classifiers, 0)


def bottleneck(networks: Networks) -> Facts:
    """Compare the activations before and behind each reduction."""
    for stage, before, after, values, percent in (
        ("Mixed_6a", "35×35×288", "17×17×768", (352_800, 221_952), 63),
        ("Mixed_7a", "17×17×768", "8×8×1280", (221_952, 81_920), 37),
    ):
        cost = networks.stage("inception-v3", stage)
        assert cost.input_shape is not None and cost.output_shape is not None
        (c, h, w), (c_out, h_out, w_out) = cost.input_shape, cost.output_shape
        given, made = c * h * w, c_out * h_out * w_out
        # gently: at least half more is kept than the smaller grid alone would leave
        alone = given * h_out * w_out / (h * w)
        yield Case(f"in {stage}", 1.5 * alone <= made < given)
        yield Measurement(f"into {stage}", size(cost.input_shape), before)
        yield Measurement(f"out of {stage}", size(cost.output_shape), after)
        yield Measurement(f"activations into {stage}", given, values[0])
        yield Measurement(f"activations out of {stage}", made, values[1])
        yield Measurement(f"percent kept by {stage}", round(100 * made / given), percent)


def params(networks: Networks) -> Facts:
    """Count the parameters without and with the auxiliary head."""
    without = networks.profile("inception-v3").totals.params
    with_head = networks.profile("inception-v3", aux=True).totals.params
    yield Case("without the auxiliary head", without < 25_000_000)
    yield Case("with the auxiliary head", with_head < 25_000_000)
    yield Measurement("params without the head", without, 23_834_568)
    yield Measurement("params with the head", with_head, 27_161_264)


EXPERIMENTS = {
    "inception-v3.a-replaces-5x5": a_replaces_5x5,
    "inception-v3.b-kernels": b_kernels,
    "inception-v3.c-kernels": c_kernels,
    "inception-v3.bn-everywhere": bn_everywhere,
    "inception-v3.bottleneck": bottleneck,
    "inception-v3.params": params,
}
