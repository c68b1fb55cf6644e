"""The test of the time gate: an exact one, over pairs of processes, that wild pairs cannot break.

A value is the logarithm of head's time over base's in one pair of fresh processes. Where the two
builds are interchangeable it is as likely to be x as -x, so every choice of signs is equally
likely, and counting them all gives a p-value that needs no bell curve.

Source: Fisher's permutation test of paired differences. The clip depends on sizes alone, so the
test stays exact; it stops one pair that is 50 % off from hiding what eleven others show.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import median

CLIP = 1.2  # of the median size: beyond that a pair weighs no more
MAD_TO_SD = 1.4826  # of a normal distribution
FEW = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.2, 7: 1.14, 8: 1.129, 9: 1.107}
MOST = 24  # values: every further one doubles the signs to be counted


def clipped(values: Sequence[float]) -> list[float]:
    """Return the values with their signs, none larger than 1.2 times their median size.

    >>> clipped([1.0, -2.0, 50.0])
    [1.0, -2.0, 2.4]
    """
    most = CLIP * median(abs(value) for value in values)
    return [max(-most, min(most, value)) for value in values]


def p_value(values: Sequence[float]) -> float:
    """Return the share of all choices of signs whose clipped sum is as large, or larger.

    One-sided: small where head is slower. The smallest possible is 1 / 2^n.

    Args:
        values: logarithms of ratios, between 1 and 24 of them.

    Raises:
        ValueError: there are none, or too many to count them all.

    >>> p_value([0.02, 0.03, 0.01])
    0.125
    """
    if not 1 <= len(values) <= MOST:
        raise ValueError(f"{len(values)} values cannot be tested, 1 to {MOST} can")
    return _share(tuple(clipped(values)))


@lru_cache(maxsize=1000)  # a gate asks again after every pair
def _share(kept: tuple[float, ...]) -> float:
    import numpy as np

    sums = np.zeros(1)
    for size in map(abs, kept):
        sums = np.concatenate((sums + size, sums - size))
    observed = sum(kept)
    slack = 1e-12 * sum(map(abs, kept))  # the same sum in another order may differ in a last digit
    return float(np.count_nonzero(sums >= observed - slack)) / len(sums)


def holm(p_values: Mapping[str, float], alpha: float) -> dict[str, float]:
    """Return the limit for each p-value, so that the chance of any false alarm is at most alpha.

    The smallest is held to alpha / m, the next to alpha / (m - 1), until one exceeds its limit; the
    others are then held to that limit, which they exceed too.

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.

    >>> holm({"a": 0.001, "b": 0.02, "c": 0.2}, 0.03)
    {'a': 0.01, 'b': 0.015, 'c': 0.015}
    """
    limits: dict[str, float] = {}
    stopped: float | None = None
    ordered = sorted(p_values, key=lambda name: p_values[name])
    for i, name in enumerate(ordered):
        limit = alpha / (len(ordered) - i) if stopped is None else stopped
        limits[name] = limit
        if stopped is None and p_values[name] > limit:
            stopped = limit
    return limits


def robust_sd(values: Sequence[float]) -> float:
    """Return the standard deviation that the median distance from the median stands for.

    Of few values that distance is too small on average, which is made good.

    Source: Croux and Rousseeuw, Time-efficient algorithms for two highly robust estimators of
    scale, 1992, for the factors of 2 to 9 values, and n / (n - 0.8) for more.
    """
    centre = median(values)
    n = len(values)
    factor = FEW.get(n, n / (n - 0.8))
    return factor * MAD_TO_SD * median(abs(value - centre) for value in values)
