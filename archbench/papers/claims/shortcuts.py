"""What the lecture notes say about the shortcuts of residual networks: options A, B and C.

Option A has no parameters, B projects where shapes change, C projects everywhere.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import nn

from archbench.networks.archs.resnet import Block
from archbench.papers.claims.records import Case, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import SEED, seeded
from archbench.papers.claims.structure import size
from archbench.papers.layers import blocks, parameters, projections
from archbench.papers.networks import Networks

TWINS = {
    # layers: (parameters, MACs) of the plain and of the residual network
    18: (11_515_688, 1_794_805_760),
    34: (21_623_848, 3_644_493_824),
    20: (269_722, 40_551_040),
    56: (853_018, 125_485_696),
}


class Added(NamedTuple):
    """What an option costs beyond option A."""

    params: int
    norm_params: int
    macs: int


def added(networks: Networks, name: str, option: str) -> Added:
    """Subtract a network's counts with option A from those with another."""
    with_a, other = (networks.profile(name, shortcut=o).totals for o in ("A", option))
    norms_a, norms = (parameters(networks.module(name, shortcut=o)).norms for o in ("A", option))
    return Added(other.params - with_a.params, norms - norms_a, other.macs - with_a.macs)


def fourth_block(network: nn.Module) -> Block:
    """Return the fourth residual block, ResNet-34's first that changes shapes."""
    block = blocks(network)[3]
    assert block.shortcut is not None
    return block


def plain_equals_a(networks: Networks) -> Facts:
    """Count plain networks and their residual twins with option A."""
    for depth, (params, macs) in TWINS.items():
        plain = networks.profile(f"plain{depth}").totals
        residual = networks.profile(f"resnet{depth}", shortcut="A").totals
        yield Case(f"with {depth} layers", residual.params <= plain.params)
        for name, totals in ((f"plain{depth}", plain), (f"resnet{depth}", residual)):
            yield Measurement(f"parameters of {name}", totals.params, params)
            yield Measurement(f"MACs of {name}", totals.macs, macs)


def option_b_adds(networks: Networks) -> Facts:
    """Count what options B and C add to option A, and A to the plain network."""
    for depth, of_c in ((18, 528_128), (34, 1_092_992)):
        name = f"resnet{depth}"
        plain = networks.profile(f"plain{depth}").totals.params
        by_a = networks.profile(name, shortcut="A").totals.params - plain
        by_b, by_c = (added(networks, name, option) for option in "BC")
        yield Case(f"in {name}", by_a == 0 < by_b.params)
        yield Measurement(f"{name}: parameters that A adds", by_a, 0)
        yield Measurement(f"{name}: parameters that B adds", by_b.params, 173_824)
        yield Measurement(f"{name}: of them in normalisation", by_b.norm_params, 1_792)
        yield Measurement(f"{name}: weights", by_b.params - by_b.norm_params, 172_032)
        yield Measurement(f"{name}: MACs that B adds", by_b.macs, 19_267_584)
        yield Measurement(f"{name}: parameters that C adds", by_c.params, of_c)


def option_c_projections(networks: Networks) -> Facts:
    """Count the projections of each option beside the blocks."""
    for name, with_c in (("resnet18", 8), ("resnet34", 16)):
        for option, expected in (("A", 0), ("B", 3), ("C", with_c)):
            found = projections(networks.module(name, shortcut=option))
            yield Measurement(f"projections of {name}, option {option}", found, expected)
        yield Case(f"in {name}", found == len(blocks(networks.module(name))))


def option_a_mapping(networks: Networks) -> Facts:
    """Feed noise to option A's shortcut of the fourth block of ResNet-34."""
    shortcut = fourth_block(networks.module("resnet34", shortcut="A")).shortcut
    assert shortcut is not None
    with seeded(SEED):
        x = torch.randn(1, 64, 56, 56)
    out = shortcut(x)  # it has no parameters, so that a network without weights will do
    kept, appended = out[:, :64], out[:, 64:]
    off = float((kept - x[:, :, ::2, ::2]).abs().max())
    rest = float(appended.abs().max())
    yield Case("in the fourth block of ResNet-34", off == 0 and rest == 0)
    yield Measurement("output", size(tuple(out.shape[1:])), "28×28×128")
    yield Measurement("largest difference from x[::2, ::2], channels 0-63", off, 0.0)
    yield Measurement("largest value, channels 64-127", rest, 0.0)
    yield Measurement("equals a 2×2 max pool", torch.equal(kept, F.max_pool2d(x, 2)), False)
    yield Measurement("equals a 2×2 average pool", torch.equal(kept, F.avg_pool2d(x, 2)), False)
    yield Seeds((SEED,))


def option_b_mapping(networks: Networks) -> Facts:
    """Look at option B's shortcut of the same block."""
    network = networks.module("resnet34", shortcut="B")
    shortcut = fourth_block(network).shortcut
    assert shortcut is not None
    conv = shortcut.get_submodule("conv")
    assert isinstance(conv, nn.Conv2d)
    path = next(path for path, module in network.named_modules() if module is conv)
    output = networks.output_shape("resnet34", path, shortcut="B")
    shape = "×".join(map(str, conv.weight.shape))
    yield Case("in the fourth block of ResNet-34", shape == "128×64×1×1")
    yield Measurement("filters × channels × height × width", shape, "128×64×1×1")
    yield Measurement("weights", conv.weight.numel(), 8_192)
    yield Measurement("normalisation parameters", parameters(shortcut).norms, 256)
    yield Measurement("output", size(output), "28×28×128")


EXPERIMENTS = {
    "resnet.plain-equals-a": plain_equals_a,
    "resnet.option-b-adds": option_b_adds,
    "resnet.option-c-projections": option_c_projections,
    "resnet.option-a-mapping": option_a_mapping,
    "resnet.option-b-mapping": option_b_mapping,
}
