"""What the lecture notes say about AlexNet and VGG."""

from itertools import groupby, pairwise

from torch import nn

from archbench.papers.claims.records import Case, Facts, Measurement
from archbench.papers.claims.structure import steps
from archbench.papers.networks import Networks

ORDINALS = ("first", "second", "third", "fourth", "fifth")


def _order(network: nn.Module) -> list[str]:
    """Name the convolutions and pools of a chain of layers, in the order in which they run."""
    names = {nn.Conv2d: "conv", nn.MaxPool2d: "pool"}
    return [names[kind] for step in steps(network) if (kind := type(step.layer)) in names]


def three_convs_then_pool(networks: Networks) -> Facts:
    """Count the convolutions in front of each pool of VGG-16 and VGG-19."""
    for name, expected in (("vgg16", "2, 2, 3, 3, 3"), ("vgg19", "2, 2, 4, 4, 4")):
        runs = groupby(_order(networks.module(name)))
        groups = [len(list(run)) for layer, run in runs if layer == "conv"]
        for ordinal, group in zip(ORDINALS, groups, strict=True):
            yield Case(f"in the {ordinal} group of {name}", group == 3)
        yield Measurement(
            f"convolutions between pools in {name}", ", ".join(map(str, groups)), expected
        )


def conv_pool_alternate(networks: Networks) -> Facts:
    """Look at what follows each convolution of AlexNet."""
    order = _order(networks.module("alexnet"))
    behind = [later for layer, later in pairwise(order) if layer == "conv"]
    for ordinal, follower in zip(ORDINALS, behind, strict=True):
        yield Case(f"after the {ordinal} convolution", follower == "pool")
    yield Measurement(
        "order in alexnet", " ".join(order), "conv pool conv pool conv conv conv pool"
    )


EXPERIMENTS = {
    "vgg.three-convs-then-pool": three_convs_then_pool,
    "alexnet.conv-pool-alternate": conv_pool_alternate,
}
