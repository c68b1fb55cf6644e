"""Statistics of paired times: a robust ratio, and an interval that belongs to an exact test."""

from collections.abc import Sequence
from functools import cache
from math import ceil, exp, expm1, log, log1p, sqrt
from statistics import fmean, median, stdev

from archbench.libraries import needed

CONFIDENCE = 0.95
LEAST_VALUES = 3  # of an interval
POWER = 0.9  # of a difference that is called detectable


def walsh_averages(values: Sequence[float]) -> list[float]:
    """Return the mean of every pair of values, each with itself too, in ascending order.

    >>> walsh_averages([1.0, 2.0, 4.0])
    [1.0, 1.5, 2.0, 2.5, 3.0, 4.0]
    """
    n = len(values)
    return sorted((values[i] + values[j]) / 2 for i in range(n) for j in range(i, n))


def hodges_lehmann(values: Sequence[float]) -> float:
    """Return the median of the Walsh averages: a centre that a few wild values hardly move.

    Source: Hodges and Lehmann, Estimates of location based on rank tests, 1963.
    """
    return median(walsh_averages(values))


def signed_rank_interval(
    values: Sequence[float], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """Return the interval of the centre that Wilcoxon's signed-rank test does not reject.

    Its ends are Walsh averages, counted in from both sides; the count comes from the exact
    distribution of the test. None where there are too few values: fewer than 6 at 95 %.

    Source: Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, section 3.3.
    """
    outside = _rejected(len(values), (1 - confidence) / 2)
    if outside is None:
        return None
    averages = walsh_averages(values)
    return averages[outside], averages[-1 - outside]


@cache
def _rejected(n: int, tail: float) -> int | None:
    """Return the largest k with P(rank sum < k) <= tail, or None where not even k = 1 is."""
    ways = [1]  # ways[s]: subsets of the ranks so far that sum to s
    for rank in range(1, n + 1):
        longer = ways + [0] * rank
        for total, count in enumerate(ways):
            longer[total + rank] += count
        ways = longer
    below, k = 0, 0
    while (below + ways[k]) <= tail * 2**n:
        below += ways[k]
        k += 1
    return k - 1 if k else None


def student_quantile(share: float, degrees: int) -> float:
    """Return the value that a share of Student's distribution does not exceed.

    Raises:
        MissingLibrary: scipy cannot be imported.
    """
    with needed("scipy", "intervals"):
        from scipy.special import stdtrit

    return float(stdtrit(degrees, share))


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Return Student's 95 % interval of the mean; None for fewer than two values.

    For the few values for which no rank test can reach the confidence at all.
    """
    n = len(values)
    if n < 2:
        return None
    reach = student_quantile((1 + CONFIDENCE) / 2, n - 1) * stdev(values) / sqrt(n)
    return fmean(values) - reach, fmean(values) + reach


def log_interval(logs: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the centre of logarithms: by ranks, or Student's below six.

    None for fewer than three: the interval of two values is 12.7 times as wide as they are apart.
    """
    if len(logs) < LEAST_VALUES:
        return None
    return signed_rank_interval(logs) or t_interval(logs)


def interval_of_centre(times: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of a centre of positive times; None for fewer than three.

    It is widened to the median where the two disagree, which few and uneven times can bring about.
    """
    interval = log_interval([log(time) for time in times])
    if interval is None:
        return None
    return min(exp(interval[0]), median(times)), max(exp(interval[1]), median(times))


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    >>> quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.9)
    9
    """
    return ordered[max(0, ceil(share * len(ordered) - 1e-9) - 1)]


def detectable_with(
    error: float,
    count: int,
    floor: float,
    alpha: float = (1 - CONFIDENCE) / 2,
    power: float = POWER,
) -> float:
    """Return the difference, as a share, that is called one nine times in ten.

    By default the 95 % interval must leave out 1, and the ratio be further away than the floor.

    Args:
        error: standard error of the logarithm of the ratio.
        count: values that its spread was learnt from, two or more.
        floor: a difference below it is never called one.
        alpha: of the one-sided test that must reject.
        power: how often, if not nine times in ten.
    """
    sure = student_quantile(1 - alpha, count - 1)
    seldom_less = student_quantile(power, count - 1)
    return expm1(max(sure * error, log1p(floor)) + seldom_less * error)
