"""What the lecture notes say about scaling the residual before it is added.

Twenty identity units x + s F(x), untrained, where F is the branch of a basic block. Its
normalisation is kept, or taken out of a branch that neither amplifies nor shrinks.
"""

from functools import cache

import torch
from torch import nn

from archbench.networks.archs import resnet
from archbench.papers.claims.records import Case, Condition, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import (
    ORDER_OF_MAGNITUDE,
    SEEDS,
    mean_over_seeds,
    one_thread,
    seeded,
)
from archbench.papers.networks import Networks
from archbench.tables.picture import Picture, Series

UNITS = 20
WIDTH, GRID, BATCH = 64, 8, 32
SCALES = (1.0, 0.3, 0.2, 0.17, 0.1)
CLAIMED = SCALES[1:]  # 1 is no scaling
PICTURED = (1.0, 0.3, 0.2, 0.1)
STABLE = 10.0  # the sum stays of its order of magnitude
BARE = {1.0: 1.4e5, 0.3: 3.7, 0.2: 1.8, 0.17: 1.54, 0.1: 1.16}  # the zeros around a grid cost some
CLOSE = 0.05  # for Measurement.within: of the mean over five draws


def branch(normalised: bool) -> nn.Sequential:
    """Build the branch of a basic block; without normalisation its gain is about 1.

    The first convolution doubles the second moment, which the ReLU behind it halves again.
    """
    layers = resnet.block("basic", WIDTH, WIDTH, 1, "A", "1x1").residual
    for name, layer in list(layers.named_children()):
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(
                layer.weight, nonlinearity="relu" if name == "conv1" else "linear"
            )
        elif isinstance(layer, nn.BatchNorm2d) and not normalised:
            layers.set_submodule(name, nn.Identity())
    return layers


@cache
@one_thread()
def growth(scale: float, normalised: bool) -> tuple[float, ...]:
    """Average the second moment behind each unit, as a multiple of the input's.

    The first value is that of the input.
    """

    def draw(seed: int) -> list[float]:
        with seeded(seed), torch.no_grad():
            x = torch.randn(BATCH, WIDTH, GRID, GRID)
            moments = [float(x.square().mean())]
            for _ in range(UNITS):
                x = x + scale * branch(normalised)(x)
                moments.append(float(x.square().mean()))
        return [moment / moments[0] for moment in moments]

    return mean_over_seeds(draw)


def stable_sum(networks: Networks) -> Facts:
    """Follow the second moment through the units, for each scale."""
    for normalised, how in ((True, "with normalisation"), (False, "without normalisation")):
        for scale in CLAIMED:
            yield Case(f"with s = {scale:g}, {how}", growth(scale, normalised)[-1] < STABLE)
    for scale in SCALES:
        added, multiplied = growth(scale, True)[-1], growth(scale, False)[-1]
        sum_of_units, most = 1 + UNITS * scale**2, (1 + scale**2) ** UNITS
        within = CLOSE if scale in CLAIMED else ORDER_OF_MAGNITUDE
        what = f"growth of the second moment, s = {scale:g}"
        yield Measurement(f"{what}, with normalisation", added, sum_of_units, CLOSE)
        yield Measurement(f"{what}, without", multiplied, BARE[scale], within)
        yield Measurement(f"{what}, without: at most", multiplied, most, relation="<=")
    yield _picture(True, "with")
    yield _picture(False, "without")
    yield Seeds(SEEDS)


def dying(networks: Networks) -> Facts:
    """Say why this is not tested: it is seen in training only, after many thousand steps."""
    yield Condition("needs long training; an untrained network shows nothing of it")


def _picture(normalised: bool, word: str) -> Picture:
    units = tuple(float(i) for i in range(UNITS + 1))
    return Picture(
        name=f"residual-scaling-{word}-normalisation",
        title=f"Growth through units x + s F(x), branches {word} normalisation",
        x_label="units passed",
        y_label="second moment, as a multiple of the input's",
        series=tuple(Series(f"s = {s:g}", units, growth(s, normalised)) for s in PICTURED),
        log_y=True,
    )


EXPERIMENTS = {
    "residual-scaling.growth": stable_sum,
    "residual-scaling.dying": dying,
}
