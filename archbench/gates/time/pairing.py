"""Measure one pair: two fresh worker processes, base and head, that take turns slice by slice.

A disturbance that lasts longer than a slice slows both sides alike. This process hands the turn to
and fro over pipes, and blocks while a slice runs.
"""

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from archbench.gates.time.pairs import Pair, Side, Slice, log_ratios
from archbench.gates.time.worker_process import SideFailed, WorkerProcess
from archbench.statistics.steadiness import has_settled
from archbench.statistics.trimmed_mean import error_of_trimmed_mean
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.processor import movable_cores
from archbench.timing.machine.records import Environment
from archbench.timing.processes.children import limited

# length of a slice, one call at least: the shorter it is, the more alike are both sides' conditions
SLICE_S = 0.004
WARM_UP_S = (0.25, 1.5)  # shortest and longest warm-up of each side
ROUNDS_S = (0.4, 1.0)  # shortest and longest measuring time of both sides together
LEAST_ROUNDS = 8
# measuring stops when the standard error of the pair's ratio is below this, a third of the spread
# between processes
PRECISE = 0.0043
PADDING = 4096  # most bytes of an environment variable whose random length shifts the stack
START_S = 120.0  # time limit for both sides to load and to run once
# time limit for the rest of a pair: 60 s plus 60 first passes, so that only a hanging process is
# killed
REST_S = 60.0
REST_PASSES = 60

Round = tuple[Slice, Slice]  # of base and of head


@dataclass(frozen=True, slots=True)
class Sides:
    """The two sides of a pair."""

    base: tuple[Cell, Path]  #: the cell, and the tree that its code is imported from
    head: tuple[Cell, Path]  #: likewise, of head
    #: the repositories of base and of head, where a side must not import from the other's
    repositories: tuple[Path, Path] | None = None

    def of(self, side: Side) -> tuple[Cell, Path]:
        """Return the cell and the tree of one side."""
        return self.base if side == "base" else self.head

    def other_repository(self, side: Side) -> Path | None:
        """Return the other side's repository."""
        return None if self.repositories is None else self.repositories[side == "base"]


def run_pair(pair: Pair, sides: Sides, start_s: float = START_S) -> Pair:
    """Return a pair with its times, or with its failure, measured in two fresh processes.

    `start_s` is the time limit for both to load and to run once.
    """
    rng = random.Random(pair.seed)
    pair = replace(pair, core=core_of_both(sides, rng), started_s=time.time())
    order: tuple[Side, Side] = ("base", "head") if pair.first == "base" else ("head", "base")
    workers: dict[Side, WorkerProcess] = {}
    limit_s, too_long = start_s, threading.Event()
    failed: SideFailed | None = None
    try:
        for side in order:
            workers[side] = _worker_of(side, sides, pair, rng)
            workers[side].load(pair.core, sides.other_repository(side))
        processes = [worker.process for worker in workers.values()]
        with limited(processes, limit_s, too_long):
            pair, first_s = _loaded(pair, workers)
        limit_s = REST_S + REST_PASSES * first_s
        with limited(processes, limit_s, too_long):
            pair = _timed(pair, workers["base"], workers["head"], rng)
    except SideFailed as error:
        failed = error
        if error.failure is None:
            workers[error.side].process.let_end()
    finally:
        for worker in workers.values():
            worker.close()
    pair = replace(pair, wall_s=time.time() - pair.started_s)
    if failed is None:
        return pair
    exceeded_s = limit_s if too_long.is_set() else None
    failure = failed.failure or workers[failed.side].death(exceeded_s)
    return replace(pair, failure=failure, failed=failed.side)


def core_of_both(sides: Sides, rng: random.Random) -> int | None:
    """Return the core that both sides share, so that a busy neighbour slows both.

    None where a side computes in several threads, or where the system cannot bind a process.
    """
    if any(sides.of(side)[0].threads != 1 for side in ("base", "head")):
        return None
    cores = movable_cores()
    return None if cores is None else rng.choice(cores)


def _worker_of(side: Side, sides: Sides, pair: Pair, rng: random.Random) -> WorkerProcess:
    cell, tree = sides.of(side)
    job = Job((cell,), pair.number, pair.seed, huge_pages=True)
    padding = {"ARCHBENCH_PADDING": "x" * rng.randrange(PADDING)}
    return WorkerProcess(side, job, tree, padding)


def _loaded(pair: Pair, workers: Mapping[Side, WorkerProcess]) -> tuple[Pair, float]:
    """Return the pair with the facts of both loaded workers, and the longer first pass (s).

    Raises:
        SideFailed: a side failed; head's failure if both did.
    """
    answers: dict[Side, dict[str, Any]] = {}
    failed: SideFailed | None = None
    for side in ("head", "base"):
        try:
            answers[side] = workers[side].answer()
        except SideFailed as error:
            failed = failed or error
    if failed is not None:
        raise failed
    flags = tuple(flag for answer in answers.values() for flag in answer["flags"])
    for worker in workers.values():
        worker.inference = "no_grad" not in flags  # one mode for both: no_grad() is slower
    loaded = replace(
        pair,
        flags=tuple(dict.fromkeys(flags)),
        environment=Environment.from_dict(answers["head"]["environment"]),
        sources={side: answer["source"] for side, answer in answers.items()},
        tensors={side: tuple(own["tensors"]) for side, own in answers.items() if own["tensors"]},
        strays={side: tuple(own["strays"]) for side, own in answers.items() if own["strays"]},
    )
    return loaded, max(answer["first_ns"] for answer in answers.values()) / 1e9


def _timed(pair: Pair, base: WorkerProcess, head: WorkerProcess, rng: random.Random) -> Pair:
    """Return the pair with its rounds, measured after the warm-up.

    Raises:
        SideFailed: a side reports a failure, or has died.
    """
    calls, settled = _warm_up(base, head, rng)
    before = base.live_tensors(), head.live_tensors()
    rounds = _rounds(base, head, calls, rng)
    after = base.live_tensors(), head.live_tensors()
    base_slices, head_slices = zip(*rounds, strict=True)
    timed = replace(pair, base=base_slices, head=head_slices, settled=settled)
    if any(later.exceeds(earlier) for earlier, later in zip(before, after, strict=True)):
        return replace(timed, flags=(*pair.flags, "grows"))
    return timed


def _warm_up(base: WorkerProcess, head: WorkerProcess, rng: random.Random) -> tuple[int, bool]:
    """Run rounds until the times have stopped drifting, or the longest warm-up is over.

    Returns the calls of a slice, and whether the times have settled.
    """
    calls, settled = 1, False
    medians: list[tuple[float, float]] = []
    start = time.perf_counter()
    while True:
        base_slice, head_slice = _round(base, head, calls, rng.random() < 0.5)
        medians.append((median(base_slice), median(head_slice)))
        calls = max(1, round(SLICE_S / max(min(medians[-1]) / 1e9, 1e-7)))
        passed_s = (time.perf_counter() - start) / 2
        settled = settled or has_settled(medians)
        if (passed_s >= WARM_UP_S[0] and settled) or passed_s >= WARM_UP_S[1]:
            return calls, settled


def _rounds(
    base: WorkerProcess, head: WorkerProcess, calls: int, rng: random.Random
) -> list[Round]:
    """Return rounds until they are precise enough, or the longest measuring time is over."""
    rounds: list[Round] = []
    start = time.perf_counter()
    for base_first in _balanced(rng):
        rounds.append(_round(base, head, calls, base_first))
        passed_s = time.perf_counter() - start
        if len(rounds) < LEAST_ROUNDS:
            continue
        if passed_s >= ROUNDS_S[1] or (passed_s >= ROUNDS_S[0] and _precise(rounds)):
            break
    return rounds


def _round(base: WorkerProcess, head: WorkerProcess, calls: int, base_first: bool) -> Round:
    """Return a slice of each side."""
    if base_first:
        base_slice = base.slice(calls)
        return base_slice, head.slice(calls)
    head_slice = head.slice(calls)
    return base.slice(calls), head_slice


def _balanced(rng: random.Random) -> Iterator[bool]:
    """Yield whether base goes first: at random, and in every second round the opposite."""
    while True:
        base_first = rng.random() < 0.5
        yield base_first
        yield not base_first


def _precise(rounds: Sequence[Round]) -> bool:
    """Tell, every few rounds, whether the standard error of their ratio is small enough."""
    if len(rounds) % LEAST_ROUNDS:
        return False
    return error_of_trimmed_mean(log_ratios(rounds)) <= PRECISE
