"""Measure one pair in one process: base and head take turns call by call."""

from dataclasses import replace

from archbench.gates.time.pairs import Pair
from archbench.timing.cells import Cell
from archbench.timing.records import Session
from archbench.timing.sessions.job_runner import JobRunner

MEASURE_S = 0.7  # after the warm-up; measuring for longer makes the ratio no more precise
LIMIT_S = 600.0  # time limit of the process, so that only a hanging one is killed


def run_in_one_process(pair: Pair, cells: tuple[Cell, Cell], runner: JobRunner) -> Pair:
    """Measure a pair as one session of two cells, base's and head's."""
    from archbench.timing.jobs import Job

    job = Job(
        cells,
        pair.number,
        pair.seed,
        order=(0, 1) if pair.first == "base" else (1, 0),
        huge_pages=True,
        measure_s=MEASURE_S,
        limit_s=LIMIT_S,
    )
    return pair_of(pair, runner(job))


def pair_of(pair: Pair, session: Session) -> Pair:
    """Convert a session of two models into a pair; each call counts as one slice."""
    measured = replace(
        pair,
        settled=session.settled,
        flags=session.flags,
        load=session.load,
        started_s=session.started_s,
        wall_s=session.wall_s,
        environment=session.environment,
        failure=session.failure,
    )
    if session.failure is not None:
        return measured
    base, head = (tuple((time,) for time in times) for times in session.times_ns)
    return replace(measured, base=base, head=head)
