"""In which order the sessions of several cells run, and how the time there is is shared out."""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Session

SESSIONS = 5  # fresh processes a cell
PATIENCE_S = 30.0  # a process may start and run once, however short the time is

Launch = Callable[[Job], Session]
Done = Callable[[Session], None]
Tell = Callable[[float, float | None], None]  # the share that is done, the seconds that are left


def in_random_turns(jobs: Iterable[Sequence[Job]], seed: int) -> list[Job]:
    """Interleave the sessions of several cells: the first of each in random order, the second...

    Args:
        jobs: for each cell its sessions.
        seed: of the order.
    """
    rng = random.Random(seed)
    queues = [list(queue) for queue in jobs]
    order: list[Job] = []
    while any(queues):
        turn = [queue.pop(0) for queue in queues if queue]
        order += rng.sample(turn, len(turn))
    return order


def run_all(
    jobs: Sequence[Job],
    launch: Launch,
    max_time_s: float | None = None,
    done: Done = lambda session: None,
    tell: Tell = lambda share, left_s: None,
    now: Callable[[], float] = time.monotonic,
) -> list[Session]:
    """Run jobs one after the other; stop where the time is up.

    A cell that failed is not tried again: its other sessions would end alike.

    Args:
        jobs: in their order.
        launch: does one in a fresh process.
        max_time_s: for all of them; each gets an equal share of what is left. A process that still
            runs when all of it is gone is ended, but not in its first half minute.
        done: is handed every session as it ends.
        tell: is told before the first and after every session.
        now: a clock in seconds.
    """
    start = now()
    sessions: list[Session] = []
    took: dict[tuple[str, ...], list[float]] = {}
    left = list(jobs)
    tell(0.0, None)
    while left:
        job = left.pop(0)
        if max_time_s is not None:
            remaining = max_time_s - (now() - start)
            if remaining <= 0:
                break
            budget_s, limit_s = remaining / (len(left) + 1), max(remaining, PATIENCE_S)
            job = replace(job, budget_s=budget_s, limit_s=limit_s)
        before = now()
        session = launch(job)
        sessions.append(session)
        done(session)
        took.setdefault(_key(job), []).append(now() - before)
        if session.failure is not None:
            left = [other for other in left if other.cells != job.cells]
        left_s = _time_left(left, took)
        if max_time_s is not None:
            left_s = min(left_s, max(0.0, max_time_s - (now() - start)))
        passed = now() - start
        tell(passed / (passed + left_s) if passed + left_s else 1.0, left_s)
    return sessions


def _key(job: Job) -> tuple[str, ...]:
    return tuple(cell.id for cell in job.cells)


def _time_left(jobs: Sequence[Job], took: Mapping[tuple[str, ...], Sequence[float]]) -> float:
    """Expect of each cell what its own sessions took so far; of a new one, what the others did."""
    usual = fmean(fmean(times) for times in took.values())
    return sum(fmean(took.get(_key(job), [usual])) for job in jobs)


def in_turn(cells: tuple[Cell, ...], files: tuple[str | None, ...], sessions: int) -> list[Job]:
    """Lay out processes in which several cells take turns.

    What is loaded first runs a little slower or faster for the whole life of its process, so the
    order of loading is random too. Each process draws its own: orders that were balanced among the
    processes would cancel in their mean and not in their spread, and the interval be too wide.
    """
    rng = random.SystemRandom()
    numbers = range(len(cells))
    return [
        Job(
            cells,
            session,
            seed=rng.getrandbits(32),
            order=tuple(rng.sample(numbers, len(cells))),
            module_files=files,
            measure_s=None,
        )
        for session in range(sessions)
    ]
