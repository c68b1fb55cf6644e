"""Time one model, or several in one process, call by call and in turn.

A disturbance that lasts longer than a call then hits all models alike, and the ratio of two calls
of one round hardly changes.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from archbench.garbage_collector import collection_paused, survivors_frozen
from archbench.statistics.steadiness import QUARTERS, has_settled, is_steady
from archbench.timing.records import LiveTensors
from archbench.timing.worker.clock import Call, Clock, time_of
from archbench.timing.worker.time_budget import Effort

QUIET_ROUNDS = 5  # without a new compilation

Round = tuple[int, ...]  # nanoseconds, one entry per model
Compilations = Callable[[], int | None]  # how many there were so far; None where torch cannot tell
Switch = Callable[[int], None]  # prepares the process for a model's call, and is not timed


@dataclass(frozen=True, slots=True)
class Rounds:
    """The times that take_turns() measured."""

    kept: tuple[Round, ...]  #: rounds after the warm-up
    warm_up: int  #: number of rounds before those, thrown away
    settled: bool  #: whether the times had stopped drifting
    recompiled: bool | None  #: whether torch compiled again meanwhile; None where it cannot tell
    grew: bool  #: whether more tensors, or larger ones, are alive after the kept rounds than before


def take_turns(
    calls: Sequence[Call],
    clock: Clock,
    effort: Effort,
    seed: int,
    compilations: Compilations = lambda: 0,
    live_tensors: Callable[[], LiveTensors] = LiveTensors,
    switch: Switch = lambda i: None,
) -> Rounds:
    """Call every model once per round until the time is up; return the rounds after the warm-up.

    The order is random and balanced: each second round runs the one before it backwards.
    `live_tensors` is called before the first kept round and after the last one, `switch` with a
    model's index before each of its calls.
    """
    orders = _orders(len(calls), random.Random(seed))
    with survivors_frozen(), collection_paused():
        run_round = partial(_round, calls, clock, switch)
        warm_up, settled = _warm_up(run_round, clock, effort, orders, compilations)
        before, tensors = compilations(), live_tensors()
        kept: list[Round] = []
        start = clock.now_ns()
        while len(kept) < effort.least_rounds or clock.now_ns() - start < effort.measure_s * 1e9:
            kept.append(run_round(next(orders)))
        grew = live_tensors().exceeds(tensors)
    settled = settled or is_steady(kept)
    after = compilations()
    recompiled = None if before is None or after is None else after > before
    return Rounds(tuple(kept), warm_up, settled, recompiled, grew)


def _warm_up(
    run_round: Callable[[Sequence[int]], Round],
    clock: Clock,
    effort: Effort,
    orders: Iterator[list[int]],
    compilations: Compilations,
) -> tuple[int, bool]:
    """Run rounds until the models are warm; return how many, and whether the times settled.

    The models are warm when the shortest warm-up is over, the times have settled and nothing was
    compiled lately, all three; or else when the longest warm-up is over.
    """
    start = clock.now_ns()
    rounds: list[Round] = []
    compiled = compilations()
    quiet = 0  # rounds since the last compilation
    next_test = 2 * QUARTERS  # sorting all times after every round would take time itself
    while True:
        rounds.append(run_round(next(orders)))
        quiet = quiet + 1 if compilations() == compiled else 0
        compiled = compilations()
        passed = (clock.now_ns() - start) / 1e9
        if passed >= effort.warm_up_least_s and len(rounds) >= next_test and quiet >= QUIET_ROUNDS:
            next_test = len(rounds) + max(1, len(rounds) // 8)
            if has_settled(rounds):
                return len(rounds), True
        if passed >= effort.warm_up_most_s:
            return len(rounds), False


def _round(calls: Sequence[Call], clock: Clock, switch: Switch, order: Sequence[int]) -> Round:
    times = [0] * len(calls)
    for i in order:
        switch(i)
        times[i] = time_of(calls[i], clock)
    return tuple(times)


def _orders(count: int, rng: random.Random) -> Iterator[list[int]]:
    """Yield a random order, then the same one backwards, then another."""
    while True:
        order = rng.sample(range(count), count)
        yield order
        yield order[::-1]
