"""Measure one pair: two fresh processes, base and head, that take turns slice by slice.

What slows the machine for longer than a slice then slows both alike. This process hands the turn
to and fro over pipes; it blocks while a slice runs.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

from archbench.measure.jobs import Job
from archbench.measure.launch import (
    end_worker,
    last_words,
    limited,
    pickled_arguments,
    threads_of,
)
from archbench.records.cells import Cell
from archbench.records.environments import Environment
from archbench.records.pairs import Pair, Side, Slice, log_ratios
from archbench.records.rounds import error_of_trimmed_mean
from archbench.records.sessions import Failure

SLICE_S = 0.004  # or one call: the shorter, the more alike what both sides meet
WARM_UP_S = (0.25, 1.5)  # of each side, at least and at most
SETTLED = 0.03  # to within this the last quarter of the warm-up agrees with the one before
ROUNDS_S = (0.4, 1.0)  # of both sides together, at least and at most
LEAST_ROUNDS = 8
PRECISE = 0.0043  # of the session's ratio: a third of what processes differ by anyway
# Where a process's memory lies decides for its whole life how well it fits into the caches: on a
# busy machine two processes of one network differed by 6 % (standard deviation, 24 pairs of
# resnet20), and by 2 % where glibc takes all memory from one heap of huge pages.
HUGE_PAGES = ":".join(
    f"glibc.malloc.{name}"
    for name in (
        "hugetlb=1",  # asks Linux for huge pages
        "mmap_threshold=4294967296",  # large blocks come from the heap as well
        "top_pad=134217728",  # which grows by so many bytes,
        "trim_threshold=4294967296",  # and is not given back
    )
)
PADDING = 4096  # bytes of environment, at most: where a stack begins moves with them
START_S = 120.0  # in which a side must be loaded and have run once


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared.

    Args:
        base: cell, and the folder of its tree.
        head: likewise.
    """

    base: tuple[Cell, Path]
    head: tuple[Cell, Path]

    def of(self, side: Side) -> tuple[Cell, Path]:
        """Return one of them."""
        return self.base if side == "base" else self.head


class Worker:
    """One side's process.

    Args:
        job: what it loads.
        root: the tree that its code is imported from.
        core: the only one that it computes on, once it is loaded; None for any.
        variables: of its environment.
    """

    def __init__(
        self, job: Job, root: Path, core: int | None, variables: Mapping[str, str]
    ) -> None:
        self._printed = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # close()
        fixed = threads_of(job)
        # threads that wait for their next turn would compute beside the other side's
        fixed |= {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
        fixed |= {"GLIBC_TUNABLES": HUGE_PAGES}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "archbench.measure.slicer"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            text=True,
            env={**os.environ, **fixed, **variables},
            start_new_session=True,
        )
        asked = {"job": job.to_dict(), "arguments": pickled_arguments(job)}
        self._tell({**asked, "root": str(root), "core": core})

    def answer(self) -> dict[str, Any] | None:
        """Wait for its next line; None where it is gone."""
        assert self.process.stdout is not None
        try:
            found: dict[str, Any] = json.loads(self.process.stdout.readline())
        except ValueError:
            return None
        return found

    def slice(self, calls: int) -> Slice | None:
        """Let it make so many calls; return their times in nanoseconds."""
        self._tell({"calls": calls})
        found = self.answer()
        return None if found is None else tuple(found["times_ns"])

    def _tell(self, asked: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # it is gone, which its next answer will show
            self.process.stdin.write(json.dumps(asked, default=repr) + "\n")
            self.process.stdin.flush()

    def close(self) -> str:
        """End it, and return what it printed last."""
        end_worker(self.process)
        with suppress(BrokenPipeError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        self._printed.seek(0)
        words = self._printed.read()
        self._printed.close()
        return words


def run_pair(pair: Pair, sides: Sides, limit_s: float | None = None) -> Pair:
    """Measure one pair of fresh processes.

    Args:
        pair: what is known of it before.
        sides: what runs.
        limit_s: after so long the processes are ended; None lets them run on.
    """
    rng = random.Random(pair.seed)
    core = core_of_both(sides, rng)
    pair = replace(pair, core=core)
    started_s = time.time()
    order: tuple[Side, Side] = ("base", "head") if pair.first == "base" else ("head", "base")
    workers: dict[Side, Worker] = {}
    too_long = threading.Event()
    said = dict.fromkeys(order, "")
    try:
        for side in order:
            cell, root = sides.of(side)
            job = Job((cell,), pair.number, pair.seed)
            variables = {"ARCHBENCH_PADDING": "x" * rng.randrange(PADDING)}
            workers[side] = Worker(job, root, core, variables)
        processes = [worker.process for worker in workers.values()]
        with limited(processes, START_S if limit_s is None else limit_s, too_long):
            found = _measured(pair, workers, rng)
    finally:
        for side, worker in workers.items():
            said[side] = worker.close()
    if found.failure is not None and found.failed is not None and not found.failure.message:
        words = last_words(said[found.failed])
        message = f"{found.failed} took longer than {limit_s or 0:.0f} s"
        if not too_long.is_set():
            message = f"the process of {found.failed} ended before it had answered"
        failure = replace(found.failure, message=message, hint=words)
        found = replace(found, failure=failure)
    return replace(found, started_s=started_s, wall_s=time.time() - started_s)


def core_of_both(sides: Sides, rng: random.Random) -> int | None:
    """Choose the core that both sides share, so that they meet the same neighbours.

    What a neighbour takes of one core for half a second would otherwise be taken of one side. Only
    where each side computes in one thread, and where the system can do it.
    """
    if any(sides.of(side)[0].threads != 1 for side in ("base", "head")):
        return None
    if not hasattr(os, "sched_getaffinity"):
        return None
    return rng.choice(sorted(os.sched_getaffinity(0)))


def _measured(pair: Pair, workers: Mapping[Side, Worker], rng: random.Random) -> Pair:
    """Wait until both are loaded, warm both up, and let them take turns."""
    first_ns: dict[Side, int] = {}
    for side, worker in workers.items():
        found = worker.answer()
        if found is None or "failure" in found:
            failure = Failure("failed", "", "") if found is None else Failure(**found["failure"])
            return replace(pair, failure=failure, failed=side)
        first_ns[side] = found["first_ns"]
        flags = tuple(dict.fromkeys((*pair.flags, *found["flags"])))
        pair = replace(
            pair,
            flags=flags,
            environment=Environment.from_dict(found["environment"]),
            sources={**pair.sources, side: found["source"]},
        )
    base, head = workers["base"], workers["head"]
    calls = 1
    settled = False
    warm: list[tuple[float, float]] = []
    start = time.perf_counter()
    while True:
        both = _round(base, head, calls, rng.random() < 0.5)
        if isinstance(both, str):
            return replace(pair, failure=Failure("failed", "", ""), failed=both)
        warm.append((median(both[0]), median(both[1])))
        shortest = min(warm[-1]) / 1e9
        calls = max(1, round(SLICE_S / max(shortest, 1e-7)))
        passed = (time.perf_counter() - start) / 2
        settled = settled or _settled(warm)
        if (passed >= WARM_UP_S[0] and settled) or passed >= WARM_UP_S[1]:
            break
    rounds: list[tuple[Slice, Slice]] = []
    start = time.perf_counter()
    for base_first in _balanced(rng):
        both = _round(base, head, calls, base_first)
        if isinstance(both, str):
            return replace(pair, failure=Failure("failed", "", ""), failed=both)
        rounds.append(both)
        passed = time.perf_counter() - start
        if len(rounds) < LEAST_ROUNDS:
            continue
        if passed >= ROUNDS_S[1] or (passed >= ROUNDS_S[0] and _precise(rounds)):
            break
    return replace(
        pair,
        base=tuple(both[0] for both in rounds),
        head=tuple(both[1] for both in rounds),
        settled=settled,
    )


def _round(base: Worker, head: Worker, calls: int, base_first: bool) -> tuple[Slice, Slice] | Side:
    """Let both measure a slice; return both, or the side that is gone."""
    slices: dict[Side, Slice] = {}
    order: tuple[tuple[Side, Worker], ...] = (("base", base), ("head", head))
    for side, worker in order if base_first else order[::-1]:
        times = worker.slice(calls)
        if times is None:
            return side
        slices[side] = times
    return slices["base"], slices["head"]


def _balanced(rng: random.Random) -> Iterator[bool]:
    """Yield who goes first: at random, and every second round the other way round."""
    while True:
        first = rng.random() < 0.5
        yield first
        yield not first


def _settled(warm: Sequence[tuple[float, float]]) -> bool:
    size = len(warm) // 4
    if size < 1:
        return False
    late, earlier = warm[-size:], warm[-2 * size : -size]
    return all(
        abs(median(x[i] for x in late) / median(x[i] for x in earlier) - 1) <= SETTLED
        for i in (0, 1)
    )


def _precise(rounds: Sequence[tuple[Slice, Slice]]) -> bool:
    """Tell, every few rounds, whether more of them would hardly say more."""
    if len(rounds) % LEAST_ROUNDS:
        return False
    return error_of_trimmed_mean(log_ratios(rounds)) <= PRECISE
