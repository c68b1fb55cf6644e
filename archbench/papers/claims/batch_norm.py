"""What the lecture notes say about the cost of batch normalisation and of BN-Inception."""

from torch import nn

from archbench.analysis.profile import profile
from archbench.papers.claims.cost_ladder import cost
from archbench.papers.claims.records import Case, Condition, Facts, Measurement
from archbench.papers.judge import confirms
from archbench.papers.layers import convolutions
from archbench.papers.networks import Networks


def _normalise(network: nn.Module) -> nn.Module:
    """Put batch normalisation between every convolution and its ReLU."""
    for block in list(network.modules()):
        if isinstance(block, nn.Sequential) and isinstance(block[-1], nn.ReLU):
            width = convolutions(block)[-1].out_channels
            block[-1] = nn.Sequential(nn.BatchNorm2d(width, device="meta"), block[-1])
    return network


def no_extra_ops(networks: Networks) -> Facts:
    """Count GoogLeNet with and without batch normalisation, for both stems."""
    plain, normal = networks.profile("googlenet"), networks.profile("bn-googlenet")
    separable = networks.profile("googlenet-separable")
    inserted = profile(_normalise(Networks().module("googlenet-separable")), (3, 224, 224))
    costs = {
        "with a separable stem": (separable.totals.macs, inserted.totals.macs),
        "with a dense stem": (plain.totals.macs, normal.totals.macs),
    }
    normalised = sum(layer.type == "BatchNorm2d" for layer in inserted.layers)
    for which, (before, after) in costs.items():
        yield Case(
            which,
            before == after
            and confirms(cost("googlenet"), before)
            and confirms(cost("bn-googlenet"), after),
        )
    yield Measurement("MACs of googlenet", plain.totals.macs, 1_582_671_872)
    yield Measurement("MACs of bn-googlenet", normal.totals.macs, 1_582_671_872)
    yield Measurement("MACs of googlenet-separable", separable.totals.macs, 1_498_677_248)
    yield Measurement("MACs of the same, normalised", inserted.totals.macs, 1_498_677_248)
    yield Measurement("normalisations inserted in it", normalised, 57)
    yield Measurement("params of googlenet", plain.totals.params, 6_998_552)
    yield Measurement("params of bn-googlenet", normal.totals.params, 7_005_832)
    yield Condition("at 1.5 billion with a separable stem; with either stem both cost the same")


def bn_inception_cost(networks: Networks) -> Facts:
    """Count BN-Inception and GoogLeNet with separable and with dense stems."""
    small = {
        "separable": networks.profile("googlenet-separable").totals.macs,
        "dense": networks.profile("googlenet").totals.macs,
    }
    large = {
        "separable": networks.profile("bn-inception").totals.macs,
        "dense": networks.profile("bn-inception", version="dense-stem").totals.macs,
    }
    for stem in large:
        for other in small:
            yield Case(
                f"with a {stem} stem in BN-Inception and a {other} one in GoogLeNet",
                confirms(cost("bn-inception"), large[stem])
                and confirms(cost("googlenet"), small[other]),
            )
    yield Measurement("MACs of bn-inception, separable", large["separable"], 1_948_605_440)
    yield Measurement("MACs of googlenet, separable", small["separable"], 1_498_677_248)
    yield Measurement("ratio", round(large["separable"] / small["separable"], 3), 1.3)
    yield Measurement("MACs of bn-inception, dense", large["dense"], 2_032_600_064)
    yield Measurement("MACs of googlenet, dense", small["dense"], 1_582_671_872)
    yield Measurement("ratio, dense", round(large["dense"] / small["dense"], 3), 1.284)


EXPERIMENTS = {
    "bn.no-extra-ops": no_extra_ops,
    "bn-inception.cost": bn_inception_cost,
}
