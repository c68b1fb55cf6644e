"""What the rounds of one session say together: a trimmed mean, and how far it can be trusted.

A round that a neighbour disturbed is anywhere; one that nobody disturbed lies near the others. The
mean of the middle 60 % leaves out the first kind, and of the second it wastes less than a median
does: on 40 and 30 recorded pairs of equal processes (resnet20, resnet18) the median of the rounds
was off by 1.16 and 0.61 % (root mean square), the trimmed mean by 0.99 and 0.51 %.
"""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev

TRIM = 0.2  # of the values at either end


def trimmed_mean(values: Sequence[float]) -> float:
    """Return the mean of the values without the lowest fifth and the highest fifth.

    >>> trimmed_mean([1.0, 2.0, 3.0, 4.0, 100.0])
    3.0
    """
    cut = int(TRIM * len(values))
    return fmean(sorted(values)[cut : len(values) - cut])


def error_of_trimmed_mean(values: Sequence[float]) -> float:
    """Return the standard error of trimmed_mean() over two values or more.

    Source: Tukey and McLaughlin, Less vulnerable confidence and significance procedures for
    location, 1963: the standard deviation with the ends pulled in to where the cut is.
    """
    ordered = sorted(values)
    cut = int(TRIM * len(ordered))
    low, high = ordered[cut], ordered[len(ordered) - 1 - cut]
    pulled_in = [min(max(value, low), high) for value in ordered]
    return stdev(pulled_in) / ((1 - 2 * cut / len(ordered)) * sqrt(len(ordered)))
