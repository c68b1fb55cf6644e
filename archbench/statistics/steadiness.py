"""Whether times have stopped drifting."""

from collections.abc import Sequence
from statistics import median

QUARTERS = 4  # the last of the warm-up's four is compared with the one before
SETTLED = 0.03  # to within this they agree; on two noisy cores closer is seldom seen
LEAST_STEADY = 3  # times that can be called steady


def has_settled(rounds: Sequence[tuple[float, ...]]) -> bool:
    """Tell whether every model's times in the last quarter agree with the quarter before."""
    size = len(rounds) // QUARTERS
    return size > 0 and _agree(rounds[-size:], rounds[-2 * size : -size])


def is_steady(kept: Sequence[tuple[float, ...]]) -> bool:
    """Tell whether the first and the second half of the kept rounds agree.

    Slow models have too few warm-up rounds for has_settled(); this is their check for drift.
    """
    half = len(kept) // 2
    return len(kept) >= LEAST_STEADY and _agree(kept[-half:], kept[:half])


def _agree(some: Sequence[tuple[float, ...]], others: Sequence[tuple[float, ...]]) -> bool:
    return all(
        abs(median(times) / median(earlier) - 1) <= SETTLED
        for times, earlier in zip(zip(*some, strict=True), zip(*others, strict=True), strict=True)
    )
