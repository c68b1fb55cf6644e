"""Figures that follow from other printed figures: sums, differences, products and quotients.

No network is looked at: the printed figures themselves are added up, as a reader would.
"""

from fractions import Fraction
from math import prod

from archbench.papers.figures import figures, printed
from archbench.papers.judge import Value
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import Rule, Rules
from archbench.papers.records import PublishedFigure

EVALUATION = "googlenet.evaluation"
CROP_FACTORS = ("scales", "squares", "views", "mirrors")  # 4 × 3 × 6 × 2 = 144


def _params_column(networks: Networks, figure: PublishedFigure) -> Value:
    """Add up Table 1's params column, every K read as 1000: that is how the total came about."""
    thousands = (
        Fraction(row.printed.removesuffix("K"))
        for row in figures()
        if row.table == "googlenet-table1" and row.unit == "params"
    )
    return 1000 * sum(thousands)


def _crops(networks: Networks, figure: PublishedFigure) -> Value:
    return prod(printed(f"{EVALUATION}.{factor}") for factor in CROP_FACTORS)


def _scales(networks: Networks, figure: PublishedFigure) -> Value:
    """Count the sides that are named."""
    return sum(row.id.startswith(f"{EVALUATION}.scale_") for row in figures())


def _views(networks: Networks, figure: PublishedFigure) -> Value:
    """Add the centre and the whole square, made smaller, to the corners."""
    return printed(f"{EVALUATION}.corners") + 2


def _row(figure: PublishedFigure, column: str) -> Fraction:
    """Return the figure that stands in another column of the same row."""
    return printed(f"{figure.id.rpartition('.')[0]}.{column}")


def _cost(networks: Networks, figure: PublishedFigure) -> Value:
    """Multiply models and crops: how often a network looks at an image."""
    return _row(figure, "models") * _row(figure, "crops")


def _delta(networks: Networks, figure: PublishedFigure) -> Value:
    """Subtract the error of one model and one crop."""
    base = printed("googlenet.table3.1_model_1_crop.top5_error")
    return _row(figure, "top5_error") - base


def _quotient(a: str, b: str) -> Rule:
    """Divide one printed figure by another."""
    return lambda networks, figure: printed(a) / printed(b)


def _percent(a: str, b: str) -> Rule:
    """Return what share, in percent, one printed figure is of another."""
    return lambda networks, figure: 100 * printed(a) / printed(b)


def _percent_less(a: str, b: str) -> Rule:
    """Return by how many percent one printed figure is less than another."""
    return lambda networks, figure: 100 * (1 - printed(a) / printed(b))


TOY = "factorisation.toy.operations"

RULES: Rules = (
    ("googlenet.text.params_total", _params_column),
    ("googlenet.evaluation.crops", _crops),
    ("googlenet.evaluation.scales", _scales),
    ("googlenet.evaluation.views", _views),
    ("googlenet.table3.*.cost", _cost),
    ("googlenet.table3.*.delta", _delta),
    ("factorisation.two_3x3.ratio", _quotient(f"{TOY}_two_3x3", f"{TOY}_5x5")),
    ("factorisation.two_3x3.saving", _percent_less(f"{TOY}_two_3x3", f"{TOY}_5x5")),
    ("factorisation.asymmetric.saving_003", _percent_less(f"{TOY}_asymmetric", f"{TOY}_3x3")),
    (
        "rethinking.text.cost_over_googlenet",
        _quotient("rethinking.table3.inception-v2.cost", "rethinking.table3.googlenet.cost"),
    ),
    ("paper.plain34.share_of_vgg19", _percent("paper.plain34.flops", "paper.vgg19.flops")),
)
