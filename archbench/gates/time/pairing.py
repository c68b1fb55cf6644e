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
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryFile
from typing import Any

from archbench.gates.time.pairs import Pair, Side, Slice, log_ratios
from archbench.statistics.steadiness import has_settled
from archbench.statistics.trimmed_mean import error_of_trimmed_mean
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.processor import movable_cores
from archbench.timing.machine.records import Environment
from archbench.timing.processes.children import Child, limited
from archbench.timing.records import Failure
from archbench.timing.sessions.deaths import death
from archbench.timing.sessions.launch import pickled_arguments, worker_variables
from archbench.version import FOLDER

SLICE_S = 0.004  # or one call: the shorter, the more alike what both sides meet
WARM_UP_S = (0.25, 1.5)  # of each side, at least and at most
ROUNDS_S = (0.4, 1.0)  # of both sides together, at least and at most
LEAST_ROUNDS = 8
PRECISE = 0.0043  # of the session's ratio: a third of what processes differ by anyway
PADDING = 4096  # bytes of environment, at most: where a stack begins moves with them
START_S = 120.0  # in which both sides must be loaded and have run once
REST_S = 60.0  # for the rest of a pair, and
PASSES = 60  # times what the first pass took: more than a pair needs, so that only a hang is ended


@dataclass(frozen=True, slots=True)
class Sides:
    """What is compared."""

    base: tuple[Cell, Path]  #: cell, and the folder that its code is imported from
    head: tuple[Cell, Path]  #: likewise
    #: of base and of head, where nothing of the one may come from the other
    repositories: tuple[Path, Path] | None = None

    def of(self, side: Side) -> tuple[Cell, Path]:
        """Return one of them."""
        return self.base if side == "base" else self.head

    def not_for(self, side: Side) -> Path | None:
        """Return the other side's repository."""
        return None if self.repositories is None else self.repositories[side == "base"]


class SideFailed(Exception):
    """One side of a pair gave no times.

    Args:
        side: which.
        failure: why; None where its process is gone, and what it printed last has to tell.
    """

    def __init__(self, side: Side, failure: Failure | None = None) -> None:
        super().__init__(side)
        self.side = side
        self.failure = failure


class Worker:
    """One side's process.

    Args:
        side: which.
        job: what it loads.
        root: the tree that its code is imported from.
        variables: of its environment.
    """

    def __init__(self, side: Side, job: Job, root: Path, variables: Mapping[str, str]) -> None:
        self.side = side
        self._job = job
        self._printed = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # close()
        fixed = worker_variables(job)
        # threads that wait for their next turn would compute beside the other side's
        fixed |= {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}
        fixed |= {"PYTHONPATH": _python_path()}
        self.process = Child(
            [sys.executable, "-P", "-m", "archbench.gates.time.worker"],
            {**fixed, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            cwd=root,
        )

    def load(self, core: int | None, other: Path | None) -> None:
        """Let it load; answer() waits until it has.

        Args:
            core: the only one that it computes on from then on; None for any.
            other: the repository that it must not import anything from.
        """
        asked: dict[str, Any] = {
            "job": self._job.to_dict(),
            "arguments": pickled_arguments(self._job),
        }
        asked |= {"core": core, "other": None if other is None else str(other)}
        self.process.tell(json.dumps(asked, default=repr))

    def answer(self) -> dict[str, Any]:
        """Wait for its next line.

        Raises:
            SideFailed: it says so, or is gone.
        """
        try:
            found: dict[str, Any] = json.loads(self.process.answer())
        except ValueError:
            raise SideFailed(self.side) from None
        if "failure" in found:
            raise SideFailed(self.side, Failure(**found["failure"]))
        return found

    def slice(self, calls: int) -> Slice:
        """Let it make so many calls; return their times in nanoseconds.

        Raises:
            SideFailed: it says so, or is gone.
        """
        self.process.tell(json.dumps({"calls": calls}))
        return tuple(self.answer()["times_ns"])

    def close(self) -> str:
        """End it, and return what it printed last."""
        self.process.end()
        self._printed.seek(0)
        words = self._printed.read()
        self._printed.close()
        return words


def _python_path() -> str:
    """Return $PYTHONPATH, whose relative folders are each tree's own, and where archbench is."""
    places = [os.environ.get("PYTHONPATH", ""), str(FOLDER.parent)]
    return os.pathsep.join(place for place in places if place)


def run_pair(pair: Pair, sides: Sides, start_s: float = START_S) -> Pair:
    """Measure one pair of fresh processes.

    Args:
        pair: what is known of it before.
        sides: what runs.
        start_s: in which both must be loaded and have run once.
    """
    rng = random.Random(pair.seed)
    pair = replace(pair, core=core_of_both(sides, rng), started_s=time.time())
    order: tuple[Side, Side] = ("base", "head") if pair.first == "base" else ("head", "base")
    workers: dict[Side, Worker] = {}
    too_long = threading.Event()
    failed: SideFailed | None = None
    limit_s = start_s
    try:
        for side in order:
            cell, root = sides.of(side)
            job = Job((cell,), pair.number, pair.seed, huge_pages=True)
            variables = {"ARCHBENCH_PADDING": "x" * rng.randrange(PADDING)}
            workers[side] = Worker(side, job, root, variables)
            workers[side].load(pair.core, sides.not_for(side))
        processes = [worker.process for worker in workers.values()]
        with limited(processes, limit_s, too_long):
            pair, first_s = _loaded(pair, workers)
        limit_s = REST_S + PASSES * first_s
        with limited(processes, limit_s, too_long):
            pair = _measured(pair, workers["base"], workers["head"], rng)
    except SideFailed as error:
        failed = error
        if error.failure is None:
            workers[error.side].process.let_end()
    finally:
        said = {side: worker.close() for side, worker in workers.items()}
    pair = replace(pair, wall_s=time.time() - pair.started_s)
    if failed is None:
        return pair
    failure = failed.failure
    if failure is None:
        code = workers[failed.side].process.returncode
        failure = death(said[failed.side], code, limit_s if too_long.is_set() else None)
    return replace(pair, failure=failure, failed=failed.side)


def _loaded(pair: Pair, workers: Mapping[Side, Worker]) -> tuple[Pair, float]:
    """Wait until both are loaded; return what they told, and how long the longer first run took.

    Raises:
        SideFailed: one of them could not be; head where neither could.
    """
    found: dict[Side, dict[str, Any]] = {}
    failed: SideFailed | None = None
    for side in ("head", "base"):
        try:
            found[side] = workers[side].answer()
        except SideFailed as error:
            failed = failed or error
    if failed is not None:
        raise failed
    first_s = max(one["first_ns"] for one in found.values()) / 1e9
    flags = (flag for one in found.values() for flag in one["flags"])
    loaded = replace(
        pair,
        flags=tuple(dict.fromkeys(flags)),
        environment=Environment.from_dict(found["head"]["environment"]),
        sources={side: one["source"] for side, one in found.items()},
        strays={side: tuple(one["strays"]) for side, one in found.items() if one["strays"]},
    )
    return loaded, first_s


def core_of_both(sides: Sides, rng: random.Random) -> int | None:
    """Choose the core that both sides share, so that they meet the same neighbours.

    What a neighbour takes of one core for half a second would otherwise be taken of one side. Only
    where each side computes in one thread, and where the system can do it.
    """
    if any(sides.of(side)[0].threads != 1 for side in ("base", "head")):
        return None
    cores = movable_cores()
    return None if cores is None else rng.choice(cores)


def _measured(pair: Pair, base: Worker, head: Worker, rng: random.Random) -> Pair:
    """Warm both up, and let them take turns.

    Raises:
        SideFailed: one of them is gone, or says that it failed.
    """
    calls = 1
    settled = False
    warm: list[tuple[float, float]] = []
    start = time.perf_counter()
    while True:
        both = _round(base, head, calls, rng.random() < 0.5)
        warm.append((median(both[0]), median(both[1])))
        shortest = min(warm[-1]) / 1e9
        calls = max(1, round(SLICE_S / max(shortest, 1e-7)))
        passed = (time.perf_counter() - start) / 2
        settled = settled or has_settled(warm)
        if (passed >= WARM_UP_S[0] and settled) or passed >= WARM_UP_S[1]:
            break
    rounds: list[tuple[Slice, Slice]] = []
    start = time.perf_counter()
    for base_first in _balanced(rng):
        rounds.append(_round(base, head, calls, base_first))
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


def _round(base: Worker, head: Worker, calls: int, base_first: bool) -> tuple[Slice, Slice]:
    """Let both measure a slice."""
    if base_first:
        first = base.slice(calls)
        return first, head.slice(calls)
    first = head.slice(calls)
    return base.slice(calls), first


def _balanced(rng: random.Random) -> Iterator[bool]:
    """Yield who goes first: at random, and every second round the other way round."""
    while True:
        first = rng.random() < 0.5
        yield first
        yield not first


def _precise(rounds: Sequence[tuple[Slice, Slice]]) -> bool:
    """Tell, every few rounds, whether more of them would hardly say more."""
    if len(rounds) % LEAST_ROUNDS:
        return False
    return error_of_trimmed_mean(log_ratios(rounds)) <= PRECISE
