"""In which order the sessions of several cells run, and how a time limit is shared among them."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from archbench.errors import ArchbenchError
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Session

SESSIONS = 5  # fresh processes for each cell
PATIENCE_S = 30.0  # a process may start and run once, however short the time is

CellIds = tuple[str, ...]


def check_effort(sessions: int, max_time_s: float | None) -> None:
    """Check the number of processes and the time limit of a measurement.

    Raises:
        ArchbenchError: one of them is not positive.
    """
    if sessions < 1:
        raise ArchbenchError(f"{sessions} is not a number of processes", "--sessions 5")
    if max_time_s is not None and max_time_s <= 0:
        raise ArchbenchError(f"{max_time_s} is not a number of seconds", "--max-time 60")


def interleave(jobs: Iterable[Sequence[Job]], seed: int) -> list[Job]:
    """Return the first sessions of all cells in random order, then the second ones, and so on."""
    rng = random.Random(seed)
    queues = [list(queue) for queue in jobs]
    order: list[Job] = []
    while any(queues):
        turn = [queue.pop(0) for queue in queues if queue]
        order += rng.sample(turn, len(turn))
    return order


def comparison_jobs(
    cells: tuple[Cell, ...], files: tuple[str | None, ...], sessions: int
) -> list[Job]:
    """Return jobs in which several cells take turns.

    The model that is loaded first runs a little slower or faster for the whole life of its process,
    so the order of loading is random too. Each process draws its own: orders that are balanced
    among the processes would cancel in their mean and not in their spread, and the interval would
    be too wide.
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


def run_jobs(
    jobs: Sequence[Job],
    launch: Callable[[Job], Session],
    max_time_s: float | None = None,
    show_progress: Callable[[float, float | None], None] = lambda share, left_s: None,
    now: Callable[[], float] = time.monotonic,
) -> Iterator[Session]:
    """Run jobs one after the other, and yield each session as it ends; stop where the time is up.

    A cell that failed is not run again: its other sessions would end alike.

    Args:
        jobs: in their order.
        launch: runs one in a fresh process.
        max_time_s: time limit of all jobs; each gets an equal share of what is left. A process that
            still runs when the time is up is killed, but not in its first half minute.
        show_progress: is called before the first session and after every one, with the share that
            is done and the seconds that are left.
        now: a clock in seconds.
    """
    start = now()
    took_s: dict[CellIds, list[float]] = {}
    left = list(jobs)
    show_progress(0.0, None)
    while left:
        before = now()
        remaining_s = None if max_time_s is None else max_time_s - (before - start)
        if remaining_s is not None and remaining_s <= 0:
            break
        job = _with_limits(left[0], remaining_s, len(left))
        session = launch(job)
        yield session
        took_s.setdefault(_ids(job), []).append(now() - before)
        left = [other for other in left[1:] if session.failure is None or other.cells != job.cells]
        show_progress(*_progress(now() - start, max_time_s, left, took_s))


def _with_limits(job: Job, remaining_s: float | None, jobs_left: int) -> Job:
    """Return a job with its share of the remaining time."""
    if remaining_s is None:
        return job
    budget_s, limit_s = remaining_s / jobs_left, max(remaining_s, PATIENCE_S)
    return replace(job, budget_s=budget_s, limit_s=limit_s)


def _progress(
    passed_s: float,
    max_time_s: float | None,
    jobs: Sequence[Job],
    took_s: Mapping[CellIds, Sequence[float]],
) -> tuple[float, float]:
    """Return the share that is done and the seconds that are left.

    A job is expected to take the mean time of its cell's sessions so far; that of a new cell, the
    mean of the other cells.
    """
    usual_s = fmean(fmean(times) for times in took_s.values())
    left_s = sum(fmean(took_s.get(_ids(job), [usual_s])) for job in jobs)
    if max_time_s is not None:
        left_s = min(left_s, max(0.0, max_time_s - passed_s))
    return passed_s / (passed_s + left_s) if passed_s + left_s else 1.0, left_s


def _ids(job: Job) -> CellIds:
    return tuple(cell.id for cell in job.cells)
