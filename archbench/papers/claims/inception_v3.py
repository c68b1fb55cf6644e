"""What the lecture notes say about Inception-v3."""

from torch import nn

from archbench.papers.claims.field_of_view import field_of_view
from archbench.papers.claims.records import Case, Evidence, Measurement
from archbench.papers.claims.structure import (
    Steps,
    followers,
    kernel,
    kernels,
    steps,
    uses,
)
from archbench.papers.layers import convolutions
from archbench.papers.networks import Networks
from archbench.units import shape_for_people

GRID_35 = ("Mixed_5b", "Mixed_5c", "Mixed_5d")
GRID_17 = ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e")
GRID_8 = ("Mixed_7b", "Mixed_7c")


def a_replaces_5x5(networks: Networks) -> Evidence:
    """List the kernels of the 35×35 modules, as released and as drawn."""
    released = networks.module("inception-v3")
    drawn = networks.module("inception-v2").get_submodule("inception_fig5")
    modules = {
        **{f"of {name} as released": released.get_submodule(name) for name in GRID_35},
        **{f"of {name} of figure 5": module for name, module in drawn.named_children()},
    }
    cases, measurements = [], []
    for which, module in modules.items():
        found = kernels(module)
        cases.append(Case(which, "3×3 3×3" in found and "5×5" not in found))
        second = "5×5" if "released" in which else "3×3"
        expected = f"1×1 1×1 {second} 1×1 3×3 3×3 1×1"
        measurements.append(Measurement(f"kernels {which}", found, expected))
        measurements += [
            Measurement(f"5×5 {which}", f"{layer.in_channels} → {layer.out_channels}", "48 → 64")
            for layer in convolutions(module)
            if kernel(layer) == "5×5"
        ]
    return Evidence(
        tuple(cases), tuple(measurements), condition="of the modules of figure 5, as drawn"
    )


def b_kernels(networks: Networks) -> Evidence:
    """List the kernels of the four 17×17 modules, and measure what their pair sees."""
    cases, measurements = [], []
    for name in GRID_17:
        module = networks.module("inception-v3").get_submodule(name)
        found = sorted({kernel(layer) for layer in convolutions(module)})
        pools = [layer for layer in module.modules() if isinstance(layer, nn.AvgPool2d)]
        cases.append(Case(f"in {name}", {"1×7", "7×1"} <= set(found) <= {"1×1", "1×7", "7×1"}))
        measurements += [
            Measurement(f"kernels in {name}", " ".join(found), "1×1 1×7 7×1"),
            Measurement(
                f"average pool in {name}", ", ".join(str(pool.kernel_size) for pool in pools), "3"
            ),
        ]
    pair = nn.Sequential(
        nn.Conv2d(1, 1, (1, 7), padding=(0, 3)), nn.Conv2d(1, 1, (7, 1), padding=(3, 0))
    )
    measurements.append(Measurement("field of 1×7 and 7×1", field_of_view(pair), "7×7"))
    return Evidence(tuple(cases), tuple(measurements))


def _sources_and_uses(chain: Steps, name: str) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
    """Say of every convolution of a kernel what feeds it and what it feeds."""
    return [
        (step.sources, uses(chain, place)) for place, step in enumerate(chain) if step.name == name
    ]


def c_kernels(networks: Networks) -> Evidence:
    """List the kernels of the 8×8 modules, and how their 1×3 and 3×1 are connected."""
    measurements = []
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
        measurements += [
            Measurement(f"kernels in {name}", " ".join(found), "1×1 1×3 3×1 3×3"),
            Measurement(f"widths of 1×3 and 3×1 in {name}", " ".join(widths), "384 384 384 384"),
        ]
    return Evidence(
        (
            Case("side by side on one input and concatenated", all(parallel)),
            Case("as a sequence", any(sequential)),
        ),
        (
            *measurements,
            Measurement("pairs side by side", sum(parallel), 4),
            Measurement("pairs in sequence", sum(sequential), 0),
        ),
    )


def bn_everywhere(networks: Networks) -> Evidence:
    """Count the convolutions, and those that feed a normalisation alone."""
    cases, measurements = [], []
    for which, aux, expected in (("without the head", False, 94), ("with the head", True, 96)):
        network = networks.module("inception-v3", aux=aux)
        behind = list(followers(network, nn.Conv2d))
        normalised = behind.count(("BatchNorm2d",))
        classifiers = list(followers(network, nn.Linear)).count(("BatchNorm2d",))
        cases.append(Case(which, normalised == len(behind)))
        measurements += [
            Measurement(f"convolutions {which}", len(behind), expected),
            Measurement(f"normalised convolutions {which}", normalised, expected),
            Measurement(f"normalised classifiers {which}", classifiers, 0),
        ]
    return Evidence(tuple(cases), tuple(measurements))


def bottleneck(networks: Networks) -> Evidence:
    """Compare the activations before and behind each reduction."""
    cases, measurements = [], []
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
        cases.append(Case(f"in {stage}", 1.5 * alone <= made < given))
        measurements += [
            Measurement(f"into {stage}", str(shape_for_people(cost.input_shape)), before),
            Measurement(f"out of {stage}", str(shape_for_people(cost.output_shape)), after),
            Measurement(f"activations into {stage}", given, values[0]),
            Measurement(f"activations out of {stage}", made, values[1]),
            Measurement(f"percent kept by {stage}", round(100 * made / given), percent),
        ]
    return Evidence(tuple(cases), tuple(measurements))


def params(networks: Networks) -> Evidence:
    """Count the parameters without and with the auxiliary head."""
    without = networks.profile("inception-v3").totals.params
    with_head = networks.profile("inception-v3", aux=True).totals.params
    return Evidence(
        (
            Case("without the auxiliary head", without < 25_000_000),
            Case("with the auxiliary head", with_head < 25_000_000),
        ),
        (
            Measurement("params without the head", without, 23_834_568),
            Measurement("params with the head", with_head, 27_161_264),
        ),
    )


EXPERIMENTS = {
    "inception-v3.a-replaces-5x5": a_replaces_5x5,
    "inception-v3.b-kernels": b_kernels,
    "inception-v3.c-kernels": c_kernels,
    "inception-v3.bn-everywhere": bn_everywhere,
    "inception-v3.bottleneck": bottleneck,
    "inception-v3.params": params,
}
