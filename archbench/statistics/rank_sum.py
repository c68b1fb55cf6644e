"""The exact test of two independent samples, by ranks, and the interval that belongs to it.

Source: Mann and Whitney, On a test of whether one of two random variables is stochastically larger
than the other, 1947; Hodges and Lehmann, Estimates of location based on rank tests, 1963.
"""

from collections.abc import Sequence
from functools import cache
from math import comb
from statistics import median

from archbench.statistics.intervals import CONFIDENCE


def p_value(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the chance of so many pairs in which after is larger, if both are drawn alike.

    One-sided: small where after is larger. Of equal values neither counts as larger, which makes
    the test careful. The smallest possible is 1 / C(n + m, n).

    >>> p_value([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    0.05
    """
    larger = sum(b > a for a in before for b in after)
    ways = _ways(len(before), len(after))
    return sum(ways[larger:]) / sum(ways)


def smallest_p(before: int, after: int) -> float:
    """Return the p-value of samples of these sizes that do not overlap.

    >>> smallest_p(5, 5)
    0.003968253968253968
    """
    return 1 / comb(before + after, before)


def runs_needed(limit: float) -> int:
    """Return how many values a side can reach a limit at all.

    >>> runs_needed(0.01), runs_needed(0.001)
    (5, 7)
    """
    count = 1
    while smallest_p(count, count) > limit:
        count += 1
    return count


def shift(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the median of all differences between a value of after and one of before."""
    return median(b - a for a in before for b in after)


def shift_interval(before: Sequence[float], after: Sequence[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of the shift, those the test does not reject; None if it has none.

    Its ends are differences, counted in from both sides. It takes four values a side.

    >>> shift_interval([1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0])
    (-2.0, 4.0)
    """
    count = ends(len(before), len(after))
    if not count:
        return None
    differences = sorted(b - a for a in before for b in after)
    return differences[count - 1], differences[-count]


def ends(before: int, after: int) -> int:
    """Return how far from both sides the interval's ends stand; 0 where there is none.

    >>> ends(3, 3), ends(4, 4), ends(5, 5)
    (0, 1, 3)
    """
    enough = critical(before, after, (1 - CONFIDENCE) / 2)
    return 0 if enough is None else before * after - enough + 1


def critical(before: int, after: int, limit: float) -> int | None:
    """Return how many pairs must have after larger before p is within a limit; None if none can.

    >>> critical(5, 5, 0.01), critical(5, 5, 0.001)
    (24, None)
    """
    ways = _ways(before, after)
    most, tail, found = limit * sum(ways), 0, None
    for larger in range(before * after, -1, -1):
        tail += ways[larger]
        if tail > most:
            break
        found = larger
    return found


@cache
def _ways(n: int, m: int) -> tuple[int, ...]:
    """Return how many orders of n and m values have u pairs with the second larger, for each u.

    They are the coefficients of the Gaussian binomial, the product of (1 - q^(n+i)) / (1 - q^i)
    over i from 1 to m: each factor is multiplied in, and divided out, along the list.
    """
    size = n * m + 1
    ways = [1] + [0] * (size - 1)
    for i in range(1, m + 1):
        for u in range(size - 1, n + i - 1, -1):
            ways[u] -= ways[u - n - i]
        for u in range(i, size):
            ways[u] += ways[u - i]
    return tuple(ways)
