"""Rules of published totals: how the count of a paper or a library differs from archbench's."""

from collections.abc import Callable

from archbench.analysis.tools.counting_rules import FVCORE
from archbench.analysis.tools.module_uses import Uses
from archbench.analysis.tools.records import Term


def moving_statistics(uses: Uses) -> Term:
    """Count the moving mean and variance of normalisation among the parameters."""
    return Term("moving mean and variance", sum(use.moving for use in uses.modules))


def no_scale(uses: Uses) -> Term:
    """Take out the scale of batch normalisation, which the network is published without."""
    scales = sum(use.weights for use in uses.modules if use.moving)
    return Term("no scale in normalisation", -scales)


def convolution_biases(uses: Uses) -> Term:
    """Give every convolution without a bias one, which normalisation makes redundant."""
    biases = sum(use.bias_free for use in uses.modules)
    return Term("biases of convolutions in front of normalisation", biases)


def no_classifier(uses: Uses) -> Term:
    """Take out the linear layer of a network without auxiliary heads."""
    linear = sum(use.params for use in uses.modules if use.name == "Linear")
    return Term("without the classifier", -linear)


def fvcore_rules(uses: Uses) -> Term:
    """Count as fvcore does, in one sum."""
    amount = sum(charge.amount(uses) for charge in FVCORE)
    return Term("normalisation and pooling, as fvcore counts them", amount)


PUBLISHED: dict[str, Callable[[Uses], Term]] = {
    "moving statistics": moving_statistics,
    "no scale": no_scale,
    "convolution biases": convolution_biases,
    "no classifier": no_classifier,
    "fvcore": fvcore_rules,
}
