"""How experiments that compute with random numbers are run, averaged and judged.

A figure that depends on random weights is the mean of several draws, each from its own seed. The
seeds are fixed, so the figures are too, but for the rounding of a processor.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import exp, fsum, log

import torch

SEED = 0  # of experiments that draw once
SEEDS = tuple(range(SEED, SEED + 5))  # of those that average
ORDER_OF_MAGNITUDE = 9.0  # for Measurement.within: a factor of ten, up or down
TWOFOLD = 1.0  # likewise: the same seeds, on a processor that rounds otherwise
ROUNDING = 1e-12  # far above what some hundred operations in float64 leave behind


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from that seed inside, and leave the caller's random numbers as they were."""
    with torch.random.fork_rng(devices=[]):  # none: all experiments run on the CPU
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread inside: on several, layers this small mostly wait for each other.

    On a machine that is busy, that waiting turns seconds into minutes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def geometric_mean(values: Iterable[float]) -> float:
    """Average what spreads over orders of magnitude.

    >>> round(geometric_mean([1, 10, 100]), 9)
    10.0
    """
    logs = [log(value) for value in values]
    return exp(fsum(logs) / len(logs))


def mean_over_seeds(draw: Callable[[int], Sequence[float]]) -> tuple[float, ...]:
    """Draw from every seed of SEEDS; return the geometric mean of each place in the draws."""
    return tuple(geometric_mean(values) for values in zip(*map(draw, SEEDS), strict=True))
