"""Random numbers in experiments: where they come from, how they are averaged and how far they go.

A figure that depends on random weights is the mean of several draws, each from its own seed. The
seeds are fixed, so the figures are too, but for the rounding of a processor.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import exp, fsum, log

import torch

SEED = 0  # of experiments that draw once
SEEDS = tuple(range(SEED, SEED + 5))  # of those that average
ORDER_OF_MAGNITUDE = 9.0  # for Measurement.within: a factor of ten, up or down
ROUNDING = 1e-12  # far above what some hundred operations in float64 leave behind


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from that seed inside, and leave the caller's random numbers as they were."""
    with torch.random.fork_rng(devices=[]):  # none: all experiments run on the CPU
        torch.manual_seed(seed)
        yield


def geometric_mean(values: Iterable[float]) -> float:
    """Average what spreads over orders of magnitude.

    >>> round(geometric_mean([1, 10, 100]), 9)
    10.0
    """
    logs = [log(value) for value in values]
    return exp(fsum(logs) / len(logs))
