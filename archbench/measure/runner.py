"""Time several models in one process, call by call and in turn.

Whatever slows the machine down for longer than a call then slows all of them alike, and the ratio
of two calls of one round hardly notices it.
"""

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from archbench.collector import collection_paused
from archbench.errors import NothingMeasured
from archbench.measure.clock import Clock

WARM_UP_SHARE = 0.3  # of the time there is, at most
WARM_UP_ROUNDS = 4  # compared with the four before: the times have settled when they agree
SETTLED = 0.05  # to within this; a noisy machine seldom does better over four calls

Round = tuple[int, ...]
Progress = Callable[[float], None]  # is told the share of the time that has passed


@dataclass(frozen=True, slots=True)
class Rounds:
    """What take_turns() measured, in nanoseconds; one entry per model in each round."""

    kept: tuple[Round, ...]
    warm_up: int
    settled: bool


def take_turns(
    calls: Sequence[Callable[[], object]],
    clock: Clock,
    max_time_s: float,
    seed: int,
    progress: Progress = lambda share: None,
) -> Rounds:
    """Call every model once per round until the time is up.

    The order is random and balanced: each second round runs the one before it backwards.
    Measuring begins when the medians of four rounds and of the four before agree to 5 %, or when
    30 % of the time is gone.

    Args:
        calls: one function per model; what it returns is dropped.
        clock: read around every call, after waiting for the device.
        max_time_s: for warming up and measuring together; the round it ends in is finished, and
            one is measured in any case.
        seed: of the order.
        progress: told now and then how much of the time has passed, from 0 to 1.

    Raises:
        NothingMeasured: there is nothing to call.
    """
    if not calls:
        raise NothingMeasured("there is nothing to measure")
    order = _orders(len(calls), random.Random(seed))
    start = clock.now_ns()
    total_ns = max_time_s * 1e9
    warm: list[Round] = []
    kept: list[Round] = []
    gc.collect()
    with collection_paused():
        while not _settled(warm):
            warm.append(_round(calls, clock, next(order)))
            progress(min(1.0, (clock.now_ns() - start) / total_ns))
            if clock.now_ns() - start > WARM_UP_SHARE * total_ns:
                break
        while not kept or clock.now_ns() - start < total_ns:
            kept.append(_round(calls, clock, next(order)))
            progress(min(1.0, (clock.now_ns() - start) / total_ns))
    return Rounds(tuple(kept), len(warm), _settled(warm))


def _round(calls: Sequence[Callable[[], object]], clock: Clock, order: Sequence[int]) -> Round:
    times = [0] * len(calls)
    for i in order:
        clock.wait()
        before = clock.now_ns()
        calls[i]()
        clock.wait()
        times[i] = clock.now_ns() - before
    return tuple(times)


def _orders(count: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield a random order, then the same one backwards, then another."""
    while True:
        order = rng.sample(range(count), count)
        yield order
        yield order[::-1]


def _settled(rounds: Sequence[Round]) -> bool:
    """Tell whether every model's last few times agree with the few before them."""
    if len(rounds) < 2 * WARM_UP_ROUNDS:
        return False
    last, before = rounds[-WARM_UP_ROUNDS:], rounds[-2 * WARM_UP_ROUNDS : -WARM_UP_ROUNDS]
    for times, earlier in zip(zip(*last, strict=True), zip(*before, strict=True), strict=True):
        if abs(median(times) / median(earlier) - 1) > SETTLED:
            return False
    return True
