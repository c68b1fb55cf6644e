"""In which order sessions run, and how time is shared out."""

from collections import Counter

import pytest

from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Failure, Session
from archbench.timing.sessions.schedule import interleave, run_jobs


def jobs(models: str, sessions: int) -> list[list[Job]]:
    return [[Job((Cell(model),), i, 0) for i in range(sessions)] for model in models]


def test_cells_take_turns_in_random_order() -> None:
    """Every cell's first session comes before any cell's second, in an order that changes."""
    order = interleave(jobs("abcd", 6), seed=1)
    turns = [order[i : i + 4] for i in range(0, 24, 4)]
    for number, turn in enumerate(turns):
        assert {job.number for job in turn} == {number}
        assert {job.cells[0].model for job in turn} == set("abcd")
    assert len({tuple(job.cells[0].model for job in turn) for turn in turns}) > 2
    assert order != interleave(jobs("abcd", 6), seed=2)
    assert order == interleave(jobs("abcd", 6), seed=1)


def test_a_cell_that_lacks_fewer_sessions_ends_sooner() -> None:
    """As after an interruption."""
    order = interleave([*jobs("a", 3), *jobs("b", 1)], seed=0)
    assert Counter(job.cells[0].model for job in order) == {"a": 3, "b": 1}


class Machine:
    """Launches in no time at all, on a clock that the test turns."""

    def __init__(self, seconds: dict[str, float], failing: str = "") -> None:
        self.time = 0.0
        self.seconds, self.failing = seconds, failing
        self.launched: list[Job] = []

    def now(self) -> float:
        return self.time

    def launch(self, job: Job) -> Session:
        self.launched.append(job)
        model = job.cells[0].model
        self.time += self.seconds[model]
        failure = Failure("oom", "too large") if model in self.failing else None
        return Session(job.cells, job.number, job.seed, failure=failure)


def test_all_sessions_run_and_are_handed_on_as_they_end() -> None:
    """In their order, each once."""
    machine = Machine({"a": 1.0, "b": 2.0})
    queue = interleave(jobs("ab", 3), 0)
    for count, session in enumerate(run_jobs(queue, machine.launch, now=machine.now), 1):
        assert machine.launched == queue[:count]
        assert session.cells == queue[count - 1].cells
    assert machine.launched == queue
    assert all(job.budget_s is None for job in machine.launched)


def test_a_cell_that_failed_is_not_tried_again_and_the_others_go_on() -> None:
    """Out of memory once is out of memory five times."""
    machine = Machine({"a": 1.0, "b": 1.0}, failing="b")
    done = list(run_jobs(interleave(jobs("ab", 5), 0), machine.launch, now=machine.now))
    assert Counter(session.cells[0].model for session in done) == {"a": 5, "b": 1}


def test_a_limit_shares_out_what_is_left() -> None:
    """Each session's budget is the time left over the sessions left; none begins after the end."""
    machine = Machine({"a": 4.0})
    done = list(run_jobs(jobs("a", 5)[0], machine.launch, max_time_s=10.0, now=machine.now))
    assert [job.budget_s for job in machine.launched] == pytest.approx([2.0, 1.5, 2 / 3])
    assert len(done) == 3


def test_a_process_is_ended_when_all_the_time_is_gone_but_not_at_once() -> None:
    """What is left of the whole time, and half a minute at least."""
    machine = Machine({"a": 40.0})
    list(run_jobs(jobs("a", 5)[0], machine.launch, max_time_s=100.0, now=machine.now))
    assert [job.limit_s for job in machine.launched] == [100.0, 60.0, 30.0]
    machine = Machine({"a": 1.0})
    list(run_jobs(jobs("a", 5)[0], machine.launch, now=machine.now))
    assert {job.limit_s for job in machine.launched} == {None}


def test_the_time_that_is_left_is_what_each_cells_own_sessions_took() -> None:
    """After one round it is exact here: two sessions of 1 s and two of 5 s were to come."""
    machine = Machine({"a": 1.0, "b": 5.0})
    told: list[tuple[float, float | None]] = []
    queue = interleave(jobs("ab", 3), 0)
    list(
        run_jobs(
            queue, machine.launch, show_progress=lambda *args: told.append(args), now=machine.now
        )
    )
    assert told[0] == (0.0, None)
    assert told[2] == (pytest.approx(6 / 18), pytest.approx(12.0))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == (1.0, 0.0)
