"""Statistics of paired times: a robust ratio, and an interval that belongs to an exact test."""

from collections.abc import Sequence
from functools import cache
from math import exp, log
from statistics import median

from archbench.records.timings import Session

SLICES = 30  # at most: more say little, since neighbouring calls resemble each other
CONFIDENCE = 0.95


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


def ratio_to_reference(session: Session, model: int) -> tuple[float, tuple[float, float] | None]:
    """Estimate how a model's time relates to the reference's, from one process.

    Each round gives the log of one ratio; up to 30 slices of consecutive rounds give their median
    each, because neighbouring rounds are not independent.

    Returns the ratio, and its 95 % interval over slices, or None where there are too few.
    """
    logs = [log(times[model] / times[0]) for times in session.rounds_ns]
    sliced = [median(part) for part in slices(logs, SLICES)]
    interval = signed_rank_interval(sliced)
    if interval is None:
        return exp(hodges_lehmann(sliced)), None
    return exp(hodges_lehmann(sliced)), (exp(interval[0]), exp(interval[1]))


def detectable(ratio: float, interval: tuple[float, float]) -> float:
    """Return the difference that a measurement this precise would show nine times in ten.

    The interval reaches 1.96 standard errors to either side; to be seen with 90 % power a
    difference must be 1.96 + 1.28 of them.
    """
    reach = max(interval[1] / ratio, ratio / interval[0])
    return float(reach ** ((1.96 + 1.28) / 1.96)) - 1


def slices(values: Sequence[float], most: int) -> list[Sequence[float]]:
    """Cut a sequence into at most so many consecutive parts of nearly equal length.

    >>> slices([1, 2, 3, 4, 5], 2)
    [[1, 2], [3, 4, 5]]
    """
    count = min(most, len(values))
    edges = [len(values) * i // count for i in range(count + 1)]
    return [values[edges[i] : edges[i + 1]] for i in range(count)]
