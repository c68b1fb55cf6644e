"""What the lecture notes say about replacing large kernels by several small ones."""

from fractions import Fraction

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn

from archbench.analysis.profile import profile
from archbench.papers.claims.field_of_view import field_of_view
from archbench.papers.claims.records import Case, Condition, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import ROUNDING, SEED
from archbench.papers.claims.structure import size
from archbench.papers.figures import figure
from archbench.papers.judge import confirms
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks
from archbench.tables.picture import Picture, Series


def conv(c_in: int, c_out: int, height: int, width: int) -> nn.Conv2d:
    """Make a convolution that keeps the grid and has no bias."""
    padding = (height // 2, width // 2)
    return nn.Conv2d(c_in, c_out, (height, width), padding=padding, bias=False)


def saving(before: nn.Module, after: nn.Module) -> Fraction:
    """Return the share of the weights that is saved, in percent."""
    return 100 * (1 - Fraction(parameters(after).weights, parameters(before).weights))


# -- 5×5 -------------------------------------------------------------------------------------------


def five_over_three(networks: Networks) -> Facts:
    """Divide the weights and the MACs of a 5×5 by those of a 3×3."""
    large, small = conv(64, 64, 5, 5), conv(64, 64, 3, 3)
    macs = [profile(layer, (64, 35, 35)).totals.macs for layer in (large, small)]
    held = [parameters(layer).weights for layer in (large, small)]
    ratios = {"weights": Fraction(*held), "MACs": Fraction(*macs)}
    printed = figure("factorisation.5x5_over_3x3")
    for what, ratio in ratios.items():
        yield Case(f"in {what}", confirms(printed, ratio))
        yield Measurement(f"{what} of a 5×5 over those of a 3×3", round(float(ratio), 4), 2.7778)


def receptive_field(networks: Networks) -> Facts:
    """Mark what one output pixel of a 5×5 and of two 3×3 depends on."""
    one = nn.Sequential(conv(1, 1, 5, 5))
    two = nn.Sequential(conv(1, 1, 3, 3), conv(1, 1, 3, 3))
    fields = field_of_view(one), field_of_view(two)
    yield Case("of the field of view", fields[0] == fields[1])
    yield Measurement("field of one 5×5", fields[0], "5×5")
    yield Measurement("field of two 3×3", fields[1], "5×5")
    yield Measurement("weights of the 5×5 per channel pair", parameters(one).weights, 25)
    yield Measurement("weights of the two 3×3 per channel pair", parameters(two).weights, 18)


def two_3x3_saving(networks: Networks) -> Facts:
    """Vary the channels before, between and after the two 3×3."""
    printed = figure("factorisation.two_3x3.saving")
    for widths, expected in {
        (64, 64, 64): 28.0,
        (192, 192, 192): 28.0,
        (48, 72, 144): 28.0,
        (64, 96, 96): 10.0,
        (96, 96, 64): 10.0,
        (96, 64, 96): 52.0,
    }.items():
        c_in, middle, c_out = widths
        two = nn.Sequential(conv(c_in, middle, 3, 3), conv(middle, c_out, 3, 3))
        one = conv(c_in, c_out, 5, 5)
        saved, arrow = saving(one, two), " → ".join(map(str, widths))
        yield Case(f"for {arrow} channels", confirms(printed, saved))
        yield Measurement(f"percent saved for {arrow} channels", float(saved), expected)
        if widths == (64, 96, 96):
            yield Measurement(f"weights of two 3×3 for {arrow}", parameters(two).weights, 138_240)
            yield Measurement("weights of a 5×5 for 64 → 96", parameters(one).weights, 153_600)
    yield Condition(
        "with equal channels, or else where the middle is the harmonic mean of both ends"
    )


# -- asymmetric kernels ----------------------------------------------------------------------------


def pair(c_in: int, middle: int, c_out: int, n: int) -> nn.Sequential:
    """Make a 1×n convolution that feeds an n×1."""
    return nn.Sequential(conv(c_in, middle, 1, n), conv(middle, c_out, n, 1))


def asymmetric_saving(networks: Networks) -> Facts:
    """Compare n×n with 1×n and n×1, at equal channels and at those of Inception-v3."""
    for n, widths, expected in (
        (3, (64, 64, 64), 33.3),
        (5, (64, 64, 64), 60.0),
        (7, (64, 64, 64), 71.4),
        (7, (128, 128, 192), 76.2),  # of the first 17×17 module
    ):
        c_in, middle, c_out = widths
        saved = saving(conv(c_in, c_out, n, n), pair(c_in, middle, c_out, n))
        equal = len(set(widths)) == 1
        channels = "equal channels" if equal else " → ".join(map(str, widths))
        when = f"for n = {n} with {channels}"
        yield Case(when, saved == 100 * (1 - Fraction(2, n)))
        yield Measurement(f"percent saved {when}", round(float(saved), 1), expected)
    sides = range(2, 12)
    savings = (saving(conv(1, 1, n, n), pair(1, 1, 1, n)) for n in sides)
    yield Picture(
        "asymmetric-saving",
        "What 1×n and n×1 save over n×n, at equal channels",
        "n",
        "weights saved (%)",
        (Series("1×n, n×1", tuple(map(float, sides)), tuple(map(float, savings))),),
    )


def _best_pair(kernel: Tensor) -> tuple[Tensor, Tensor]:
    """Return the column and the row whose product is nearest to a kernel."""
    u, s, v = torch.linalg.svd(kernel)
    return u[:, :1] * s[0], v[:1]


def asymmetric_equivalent(networks: Networks) -> Facts:
    """Run 3×3 kernels beside the nearest 1×3 and 3×1, on one channel and without activation."""
    generator = torch.Generator().manual_seed(SEED)

    def noise(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    image = noise(1, 1, 16, 16)
    kernels = {
        "for an outer product": torch.outer(noise(3), noise(3)),
        "for a random kernel": noise(3, 3),
    }
    differences = {}
    for which, kernel in kernels.items():
        column, row = _best_pair(kernel)
        whole = F.conv2d(image, kernel[None, None], padding=1)
        across = F.conv2d(image, row[None, None], padding=(0, 1))
        both = F.conv2d(across, column[None, None], padding=(1, 0))
        differences[which] = float((whole - both).norm() / whole.norm())
    outer, random = differences.values()
    for which, apart in differences.items():
        yield Case(which, apart < ROUNDING)
    yield Measurement("relative difference for an outer product", outer, ROUNDING, relation="<=")
    yield Measurement("relative difference for a random kernel", random, 0.1, relation=">=")
    yield Measurement("field of the 3×3", field_of_view(conv(1, 1, 3, 3)), "3×3")
    yield Measurement("field of the pair", field_of_view(pair(1, 1, 1, 3)), "3×3")
    yield Condition(
        "for kernels of rank one, the outer products; the field of view is equal for all"
    )
    yield Seeds((SEED,))


def keeps_grid(networks: Networks) -> Facts:
    """Run the 1×7 and 7×1 of Inception-v3's first 17×17 module on its grid."""
    branch = networks.module("inception-v3").get_submodule("Mixed_6b.branch2")
    layers = nn.Sequential(branch.get_submodule("conv1x7"), branch.get_submodule("conv7x1"))
    shape = profile(layers, (128, 17, 17)).stages[-1].output_shape
    yield Case("with padding, on 17×17", shape is not None and shape[1:] == (17, 17))
    yield Measurement("output of the pair", size(shape), "17×17×192")


EXPERIMENTS = {
    "factorisation.5x5-over-3x3": five_over_three,
    "factorisation.receptive-field": receptive_field,
    "factorisation.two-3x3-saving": two_3x3_saving,
    "factorisation.asymmetric-saving": asymmetric_saving,
    "factorisation.asymmetric-equivalent": asymmetric_equivalent,
    "factorisation.keeps-grid": keeps_grid,
}
