"""What the lecture notes say about gradients in deep networks, on untrained CIFAR networks.

Measured is the norm of the loss's gradient at the input of the first block over that at the output
of the last: above 1 the gradient grows on its way to the input, below 1 it fades. The networks are
initialised as their papers say and in training mode; the images and labels are noise.
"""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn

from archbench.networks.archs import preact_resnet, resnet
from archbench.networks.archs.parts.stages import StagedNetwork
from archbench.papers.claims.records import Case, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import (
    ORDER_OF_MAGNITUDE,
    SEED,
    SEEDS,
    TWOFOLD,
    mean_over_seeds,
    one_thread,
    seeded,
)
from archbench.papers.networks import Networks
from archbench.tables.picture import Picture, Series

DEPTHS = (20, 56, 110)
BATCH = 32
CLASSES = 10
IN_RANGE = 1000.0  # a gradient that grows or fades less than this can still train a network
PER_LAYER = 0.03  # for Measurement.within: of a growth per layer
FIVE_DRAWS = 0.1  # for Measurement.within: of a ratio that depends on the classifier's weights


def plain(depth: int) -> StagedNetwork:
    """Build a network without shortcuts."""
    return resnet.build(depth, residual=False)


def with_zero_branches(depth: int) -> StagedNetwork:
    """Build a residual network whose branches all end in a scale of zero."""
    network = resnet.build(depth)
    for block in blocks(network):
        nn.init.zeros_(block.get_submodule("residual.bn2").weight)  # type: ignore[arg-type]
    return network


def without_normalisation(network: StagedNetwork) -> StagedNetwork:
    """Take every batch normalisation out of a network."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.BatchNorm2d):
            network.set_submodule(name, nn.Identity())
    return network


BUILD: dict[str, Callable[[int], StagedNetwork]] = {
    "plain": plain,
    "residual": resnet.build,
    "pre-activation": preact_resnet.build,
    "plain, not normalised": lambda depth: without_normalisation(plain(depth)),
    "residual, not normalised": lambda depth: without_normalisation(resnet.build(depth)),
    "residual, branches at zero": with_zero_branches,
}


def blocks(network: StagedNetwork) -> list[nn.Module]:
    """List the blocks or units of a network, in the order in which they run."""
    return [
        module
        for module in network.modules()
        if isinstance(module, resnet.Block | preact_resnet.Unit)
    ]


def backward(kind: str, depth: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return the first block's input and every block's output, each with the loss's gradient."""
    with seeded(seed):
        network = BUILD[kind](depth).requires_grad_(False)
        images = torch.randn(BATCH, 3, 32, 32, requires_grad=True)
        labels = torch.randint(CLASSES, (BATCH,))
    outputs: list[Tensor] = []
    for module in (network.get_submodule("conv1"), *blocks(network)):
        module.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    loss = F.cross_entropy(network(images), labels)
    return list(zip(outputs, torch.autograd.grad(loss, outputs), strict=True))


@cache
@one_thread()
def norms(kind: str, depth: int) -> tuple[float, ...]:
    """Average the gradient's norm behind each block, as a multiple of that behind the last.

    The first value belongs to the input of the first block.
    """

    def draw(seed: int) -> list[float]:
        found = [float(gradient.norm()) for _, gradient in backward(kind, depth, seed)]
        return [norm / found[-1] for norm in found]

    return mean_over_seeds(draw)


def ratio(kind: str, depth: int) -> float:
    """Return the gradient at the input of the first block over that at the last one's output."""
    return norms(kind, depth)[0]


def per_layer(kind: str, depth: int) -> float:
    """Return by how much the gradient grows from one convolution of the blocks to the next."""
    return float(ratio(kind, depth) ** (1 / (depth - 2)))  # the stem and the classifier are outside


def _ratios(kind: str, expected: dict[int, float], within: float) -> Facts:
    for depth, should in expected.items():
        what = f"{kind}, {depth} layers: gradient ratio"
        yield Measurement(what, ratio(kind, depth), should, within)


def _growths(kind: str, expected: dict[int, float]) -> Facts:
    for depth, should in expected.items():
        what = f"{kind}, {depth} layers: growth per layer"
        yield Measurement(what, per_layer(kind, depth), should, PER_LAYER)


def vanishing_with_bn(networks: Networks) -> Facts:
    """Follow the gradient through plain, residual and pre-activation networks."""
    for depth in DEPTHS:
        yield Case(f"with {depth} layers", ratio("plain", depth) < 1 <= ratio("residual", depth))
    yield from _ratios("plain", {20: 25, 56: 1.4e4, 110: 6e7}, TWOFOLD)
    yield from _ratios("residual", {20: 8.9, 56: 37, 110: 81}, TWOFOLD)
    yield from _ratios("pre-activation", {20: 16, 56: 110, 110: 385}, TWOFOLD)
    yield from _growths("plain", {20: 1.2, 56: 1.19, 110: 1.18})
    yield from _growths("residual", {20: 1.13, 56: 1.07, 110: 1.04})
    kinds = ("plain", "residual", "pre-activation")
    title = "Gradient norm by block in untrained CIFAR networks of {} layers"
    for depth in DEPTHS:
        yield _picture(f"gradient-{depth}", title.format(depth), depth, kinds)
    yield Seeds(SEEDS)


def without_bn(networks: Networks) -> Facts:
    """Try plain and residual networks with and without normalisation.

    The gradient is dealt with where it stays within IN_RANGE over 110 layers: it must not fade,
    and it must not explode instead.
    """
    deepest = DEPTHS[-1]
    circumstances = {
        "plain": "in plain networks with normalisation layers",
        "residual": "in residual networks with normalisation layers",
        "plain, not normalised": "in plain networks with normalised initialisation alone",
        "residual, not normalised": "in residual networks with normalised initialisation alone",
    }
    for kind, when in circumstances.items():
        yield Case(when, 1 / IN_RANGE < ratio(kind, deepest) < IN_RANGE)
    yield from _ratios("plain, not normalised", {20: 0.3, 56: 0.14, 110: 0.04}, ORDER_OF_MAGNITUDE)
    yield from _ratios("residual, not normalised", {20: 10, 56: 8e3, 110: 3e8}, ORDER_OF_MAGNITUDE)
    yield from _ratios("plain", {deepest: 6e7}, ORDER_OF_MAGNITUDE)
    yield from _ratios("residual", {deepest: 81}, ORDER_OF_MAGNITUDE)
    title = f"Gradient norm by block with and without normalisation, {deepest} layers"
    yield _picture("gradient-normalisation", title, deepest, tuple(circumstances))
    yield Seeds(SEEDS)


def zeroed_branches(networks: Networks) -> Facts:
    """Set the last scale of every branch to zero, and compare both ends of the network.

    Option A keeps 16 of the 64 channels and every fourth pixel, and the ReLUs let through what is
    above zero: that part must arrive unchanged. Were all channels alike and half the stem's outputs
    above zero, its norm would be sqrt(16/64 × 1/2) = 0.354 of the whole.
    """
    expected = {20: 0.354, 56: 0.345, 110: 0.362}
    yield from _ratios("residual, branches at zero", expected, FIVE_DRAWS)
    for depth in DEPTHS:
        change = _changed(depth)
        yield Case(f"with {depth} layers", change == 0)
        what = f"{depth} layers: largest change of what the shortcuts keep"
        yield Measurement(what, change, 0.0)
    yield Seeds(SEEDS)


@one_thread()
def _changed(depth: int) -> float:
    """Return the largest difference between the gradient that arrives and that which should."""
    ends = backward("residual, branches at zero", depth, SEED)
    (first, arriving), (_, leaving) = ends[0], ends[-1]
    step = first.shape[-1] // leaving.shape[-1]
    kept = torch.zeros_like(arriving)
    kept[:, :, ::step, ::step] = leaving[:, : first.shape[1]]
    return float((arriving - kept * (first > 0)).abs().max())


def _picture(name: str, title: str, depth: int, kinds: tuple[str, ...]) -> Picture:
    at_blocks = tuple(float(i) for i in range((depth - 2) // 2 + 1))
    return Picture(
        name=name,
        title=title,
        x_label="block",
        y_label="gradient norm, as a multiple of that behind the last block",
        series=tuple(Series(kind, at_blocks, norms(kind, depth)) for kind in kinds),
        log_y=True,
    )


EXPERIMENTS = {
    "gradient.vanishing-with-bn": vanishing_with_bn,
    "gradient.without-bn": without_bn,
    "gradient.zeroed-branches": zeroed_branches,
}
