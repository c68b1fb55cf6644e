"""Time one model, or several in one process, call by call and in turn.

Whatever slows the machine down for longer than a call then slows all of them alike, and the ratio
of two calls of one round hardly notices it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from archbench.collector import collection_paused, survivors_frozen
from archbench.errors import NothingMeasured
from archbench.statistics.steadiness import QUARTERS, has_settled, is_steady
from archbench.timing.worker.clock import Clock, time_of

QUIET_ROUNDS = 5  # without a new compilation

Round = tuple[int, ...]
Call = Callable[[], object]
Compilations = Callable[[], int | None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to warm up and to measure, in seconds."""

    warm_up_least_s: float  #: before that, times are not even looked at
    warm_up_most_s: float  #: then measuring begins, settled or not
    measure_s: float  #: of measuring
    least_rounds: int = 3  #: are kept, however long they take


@dataclass(frozen=True, slots=True)
class Rounds:
    """What take_turns() measured, in nanoseconds; one entry per model in each round."""

    kept: tuple[Round, ...]
    warm_up: int
    settled: bool
    recompiled: bool | None  #: while the clock was running; None where it cannot be told


def take_turns(
    calls: Sequence[Call],
    clock: Clock,
    effort: Effort,
    seed: int,
    compilations: Compilations = lambda: 0,
) -> Rounds:
    """Call every model once per round until the time is up.

    The order is random and balanced: each second round runs the one before it backwards.
    Measuring begins when the shortest warm-up is over, the times have settled and nothing was
    compiled lately, all three; or else when the longest warm-up is over.

    Args:
        calls: one function per model; what it returns is dropped.
        clock: read around every call, after waiting for the device.
        effort: the round it ends in is finished.
        seed: of the order.
        compilations: counts how often something was compiled so far; None where it cannot tell.

    Raises:
        NothingMeasured: there is nothing to call.
    """
    if not calls:
        raise NothingMeasured("there is nothing to measure")
    orders = _orders(len(calls), random.Random(seed))
    with survivors_frozen(), collection_paused():
        warm, settled = _warm_up(calls, clock, effort, orders, compilations)
        before = compilations()
        kept: list[Round] = []
        start = clock.now_ns()
        while len(kept) < effort.least_rounds or clock.now_ns() - start < effort.measure_s * 1e9:
            kept.append(_round(calls, clock, next(orders)))
    settled = settled or is_steady(kept)
    after = compilations()
    recompiled = None if before is None or after is None else after > before
    return Rounds(tuple(kept), warm, settled, recompiled)


def _warm_up(
    calls: Sequence[Call],
    clock: Clock,
    effort: Effort,
    orders: Iterator[list[int]],
    compilations: Compilations,
) -> tuple[int, bool]:
    """Run rounds until all three ends are met, or the time is; return their number, and which."""
    start = clock.now_ns()
    rounds: list[Round] = []
    compiled = compilations()
    quiet = 0  # rounds since the last compilation
    look_at = 2 * QUARTERS  # sorting all times after each call would be work of its own
    while True:
        rounds.append(_round(calls, clock, next(orders)))
        quiet = quiet + 1 if compilations() == compiled else 0
        compiled = compilations()
        passed = (clock.now_ns() - start) / 1e9
        if passed >= effort.warm_up_least_s and len(rounds) >= look_at and quiet >= QUIET_ROUNDS:
            look_at = len(rounds) + max(1, len(rounds) // 8)
            if has_settled(rounds):
                return len(rounds), True
        if passed >= effort.warm_up_most_s:
            return len(rounds), False


def _round(calls: Sequence[Call], clock: Clock, order: Sequence[int]) -> Round:
    times = [0] * len(calls)
    wait, now_ns = clock.wait, clock.now_ns  # looking them up would be timed
    for i in order:
        times[i] = time_of(calls[i], wait, now_ns)
    return tuple(times)


def _orders(count: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield a random order, then the same one backwards, then another."""
    while True:
        order = rng.sample(range(count), count)
        yield order
        yield order[::-1]
