"""What the lecture notes say about Inception-v2."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.profile import profile
from archbench.networks.archs.inception_v3 import TABLE_1, AuxiliaryHead
from archbench.papers.claims.cost_ladder import cost
from archbench.papers.claims.records import Case, Condition, Facts, Measurement
from archbench.papers.claims.structure import size
from archbench.papers.figures import figure
from archbench.papers.judge import confirms
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks
from archbench.units import Shape

IMAGE: Shape = (3, 299, 299)
STEM = ("conv1", "conv2", "conv3")  # that one 7×7 stands for


# -- sizes -----------------------------------------------------------------------------------------


def _grid_behind(stage: str, side: int, padded: bool) -> int:
    """Return the side of the grid that a printed row makes of the one it is given.

    Rows of modules print no stride; the modules of figures 5 to 7 keep their grid.
    """
    row = f"rethinking.table1.{stage}"
    if stage.startswith("inception"):
        return side
    kernel = int(figure(f"{row}.patch_size").value.partition("x")[0])
    stride = int(figure(f"{row}.stride").value)
    padding = kernel // 2 if padded else 0
    return (side + 2 * padding - kernel) // stride + 1


def size_chain(networks: Networks) -> Facts:
    """Apply the printed rows one after another, padding the one that is marked as padded."""
    stages = [row.stage for row in TABLE_1 if row.stage.startswith(("conv", "pool", "inception"))]
    marked = {row.stage for row in TABLE_1 if row.type.endswith("padded")}
    following = [*stages[1:], "pool"]
    expected = (149, 147, 147, 73, 71, 35, 33, 35, 17, 8)
    for stage, after, side in zip(stages, following, expected, strict=True):
        given, printed = (
            int(figure(f"rethinking.table1.{row}.input_size").value.partition("x")[0])
            for row in (stage, after)
        )
        made = _grid_behind(stage, given, stage in marked)
        yield Case(f"from {given} behind {stage}", made == printed)
        yield Measurement(f"side of the grid behind {stage}", made, side)
    padded = _grid_behind("conv6", 35, padded=True)
    yield Measurement("side behind conv6 with padding", padded, 35)
    for reduction, sides in (("reduction_a", "35 → 17"), ("reduction_b", "17 → 8")):
        stage_cost = networks.stage("inception-v2", reduction)
        assert stage_cost.input_shape is not None and stage_cost.output_shape is not None
        found = f"{stage_cost.input_shape[1]} → {stage_cost.output_shape[1]}"
        yield Measurement(f"{reduction}, which is not listed", found, sides)
    yield Condition("with padding in the seventh row too, and two reductions that are not listed")


# -- the stem --------------------------------------------------------------------------------------


def _stem_macs(networks: Networks) -> dict[str, int]:
    """Count the first layers of both versions."""
    return {
        "3x3": sum(networks.stage("inception-v2", stage).macs for stage in STEM),
        "7x7": networks.stage("inception-v2", "conv1", stem="7x7").macs,
    }


def stem_7x7(networks: Networks) -> Facts:
    """Run the unpadded 7×7/2 and the three 3×3 on one image."""
    one = networks.module("inception-v2", stem="7x7").get_submodule("conv1")
    three = [networks.module("inception-v2").get_submodule(stage) for stage in STEM]
    made = networks.stage("inception-v2", "conv1", stem="7x7").output_shape
    replaced = networks.stage("inception-v2", STEM[-1]).output_shape
    macs = _stem_macs(networks)
    listed = figure("rethinking.table1.conv1.patch_size").value
    yield Case("as far as the output size goes", made == replaced)
    yield Case("by the table of the same slides", listed == "7x7")
    yield Measurement("output of the 7×7", size(made), "147×147×64")
    yield Measurement("output of the three 3×3", size(replaced), "147×147×64")
    yield Measurement("weights of the 7×7", parameters(one).weights, 9_408)
    held = sum(parameters(layer).weights for layer in three)
    yield Measurement("weights of the three 3×3", held, 28_512)
    yield Measurement("MACs of the 7×7", macs["7x7"], 203_297_472)
    yield Measurement("MACs of the three 3×3", macs["3x3"], 616_627_296)
    yield Measurement("kernel of the first row of the table", listed, "3x3")


def _added_by_factorising(networks: Networks) -> dict[str, int]:
    """Return the MACs that three 3×3 cost more than one 7×7, dense and separable."""
    macs = _stem_macs(networks)
    separable = nn.Sequential(
        nn.Conv2d(3, 24, 7, 2, groups=3, bias=False), nn.Conv2d(24, 64, 1, bias=False)
    )
    return {
        "dense": macs["3x3"] - macs["7x7"],
        "separable": macs["3x3"] - profile(separable, IMAGE).totals.macs,
    }


def _ladders(networks: Networks) -> dict[int, tuple[int, int]]:
    """Return the MACs before and after the step, by the number of modules at 17×17."""
    return {
        modules: (
            _macs(networks, stem="7x7", modules_17x17=modules),
            _macs(networks, stem="3x3", modules_17x17=modules),
        )
        for modules in (4, 5)
    }


def _macs(networks: Networks, **choices: Any) -> int:
    return networks.profile("inception-v2", **choices).totals.macs


def factorised_7x7_cost(networks: Networks) -> Facts:
    """Count the stem before and after, and every network that the figures may stand for."""
    before, after = cost("inception-v2-label-smoothing"), cost("inception-v2-factorized-7x7")
    step = replace(
        after,
        printed=str(Decimal(after.printed) - Decimal(before.printed)),
        value=str(int(after.value) - int(before.value)),
    )
    added, ladders = _added_by_factorising(networks), _ladders(networks)
    built = [macs for ladder in ladders.values() for macs in ladder]
    released = networks.profile("inception-v3").totals.macs
    for stem, macs in added.items():
        yield Case(f"from a {stem} 7×7", confirms(step, macs))
    for n, (a, b) in ladders.items():
        yield Case(f"with {n} modules at 17×17", confirms(before, a) and confirms(after, b))
    yield Case("of the released Inception-v3", confirms(after, released))
    yield Measurement("MACs added", added["dense"], 413_329_824)
    yield Measurement("MACs added to a separable 7×7", added["separable"], 558_023_688)
    yield Measurement("billions that are printed as added", step.printed, "1.0")
    yield Measurement("billions of the cheapest reconstruction", min(built) / 1e9, 5.45, 0.001)
    yield Measurement("billions of the dearest reconstruction", max(built) / 1e9, 6.48, 0.001)
    agreeing = sum(confirms(figure, macs) for figure in (before, after) for macs in built)
    yield Measurement("reconstructions at a printed cost", agreeing, 0)
    yield Measurement("MACs of the released Inception-v3", released, 5_713_216_096)


# -- training --------------------------------------------------------------------------------------


def _take_step(network: nn.Module, label_smoothing: float) -> None:
    """Train a network by RMSProp on one batch, on the meta device."""
    labels = torch.zeros(2, dtype=torch.long, device="meta")
    logits: Tensor = network(torch.empty(2, *IMAGE, device="meta"))
    loss = nn.functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)
    loss.backward()
    torch.optim.RMSprop(network.parameters(), lr=0.045, alpha=0.9, eps=1.0).step()


def _trunk(network: nn.Module) -> tuple[int, int]:
    """Return the MACs of a network without its auxiliary head, and the params with it."""
    counted = profile(network, IMAGE)
    head = counted.stage("aux")
    return counted.totals.macs - (head.macs if head else 0), counted.totals.trainable_params


def training_only_steps(networks: Networks) -> Facts:
    """Count the network of inference before and after each step of the printed ladder."""
    network = Networks().module("inception-v2", stem="7x7")  # its own: it is trained below
    first, _ = _trunk(network)
    _take_step(network, label_smoothing=0.0)
    rmsprop, _ = _trunk(network)
    _take_step(network, label_smoothing=0.1)
    smoothed, _ = _trunk(network)
    with_head = Networks().module("inception-v2", aux=True)
    before, params = _trunk(with_head)
    with torch.device("meta"):
        with_head.aux = AuxiliaryHead(768, 1000, batch_norm=True)
    after, normalised = _trunk(with_head)
    changes = {"RMSProp": rmsprop - first, "label smoothing": smoothed - rmsprop}
    changes["normalised auxiliary heads"] = after - before
    rows = ("", "-rmsprop", "-label-smoothing", "-factorized-7x7", "-bn-auxiliary")
    costs = [cost(f"inception-v2{row}").printed for row in rows]
    for step, change in changes.items():
        yield Case(f"of {step}", change == 0)
        yield Measurement(f"MACs that {step} adds", change, 0)
    yield Measurement("printed costs, step by step", " ".join(costs), "3.8 3.8 3.8 4.8 4.8")
    yield Measurement("trainable params of the normalisation", normalised - params, 768)


EXPERIMENTS = {
    "inception-v2.size-chain": size_chain,
    "inception-v2.7x7-stem": stem_7x7,
    "inception-v2.training-only-steps": training_only_steps,
    "inception-v2.factorised-7x7-cost": factorised_7x7_cost,
}
