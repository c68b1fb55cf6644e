"""What others took of the processor, from counters that the test sets and from real ones."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from archbench.timing.machine.cpu_load import (
    CpuReading,
    CpuWatch,
    busiest,
    load_between,
    read_cpu,
)
from archbench.timing.machine.disturbances import FOREIGN_CORES, CpuLoad
from archbench.timing.processes.process_tree import tree_s

START = CpuReading(at_s=100.0, all_s=800.0, working_s=300.0, steal_s=5.0, own_s=40.0)


def later(seconds: float, working: float, own: float, steal: float | None = 0.0) -> CpuReading:
    return CpuReading(
        at_s=START.at_s + seconds,
        all_s=START.all_s + 4 * seconds,
        working_s=START.working_s + working,
        steal_s=None if steal is None else START.steal_s + steal,
        own_s=START.own_s + own,
    )


@pytest.mark.parametrize(
    ("after", "load"),
    [
        (later(2.0, working=4.0, own=4.0), CpuLoad(0.0, 0.0)),
        (later(2.0, working=5.0, own=4.0), CpuLoad(0.5, 0.0)),
        (later(2.0, working=4.0, own=0.0), CpuLoad(2.0, 0.0)),
        (later(4.0, working=4.0, own=4.0, steal=1.0), CpuLoad(0.0, 0.25)),
        (later(2.0, working=3.99, own=4.0), CpuLoad(0.0, 0.0)),
        (later(2.0, working=4.0, own=4.0, steal=None), CpuLoad(0.0, None)),
        (START, CpuLoad(None, None)),
        (replace(START, at_s=102.0, own_s=44.0), CpuLoad(None, None)),
    ],
    ids=[
        "alone",
        "half a core",
        "idle ourselves",
        "steal",
        "grain",
        "no steal",
        "no time",
        "stuck",
    ],
)
def test_load_is_what_all_took_less_what_the_measurement_took(after, load) -> None:
    """In cores; unknown where the clock or the counters stand still, never below 0."""
    assert load_between(START, after) == load


@pytest.mark.parametrize(
    ("cores", "foreign"), [(None, False), (0.0, False), (FOREIGN_CORES, False), (0.11, True)]
)
def test_the_flag_needs_more_than_the_daemons_of_a_quiet_system(cores, foreign) -> None:
    """A tenth of a core; what is unknown raises no flag."""
    assert CpuLoad(cores, None).foreign is foreign


def test_a_watch_reads_on_entering_and_on_leaving() -> None:
    """There is no load before it ends."""
    readings = [START, later(2.0, working=3.0, own=1.0)]
    with CpuWatch(lambda: readings.pop(0)) as watch:
        assert watch.load is None
        assert len(readings) == 1
    assert readings == []
    assert watch.load == CpuLoad(1.0, 0.0)


@pytest.mark.skipif(os.name != "posix", reason="only there a child leaves its time behind")
def test_work_of_a_child_is_our_own_while_it_lives_and_after_it_was_waited_for() -> None:
    """A worker that has ended does not turn into a neighbour."""
    before = read_cpu().own_s
    code = "import time\nwhile time.process_time() < 0.32: pass\nprint(flush=True); input()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        worker.stdout.readline()  # it has worked for 0.32 s: 0.29 and the grain of two counters
        alive = read_cpu().own_s
        foreign = tree_s(worker.pid)
        worker.communicate(b"\n")
    assert alive - before >= 0.29
    assert 0.29 <= foreign < alive
    assert read_cpu().own_s >= alive - 0.02  # the counters' grain


def test_counters_of_this_machine_grow_and_contain_our_own() -> None:
    """Working time is part of all time; ours is not negative."""
    first = read_cpu()
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    second = read_cpu()
    if not second.all_s:
        pytest.skip("this system does not count processor time, as in some sandboxes")
    assert second.at_s > first.at_s
    assert second.own_s >= first.own_s >= 0
    assert second.all_s >= second.working_s > 0


def test_a_process_that_is_not_there_has_taken_nothing() -> None:
    """It ended between two looks."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    assert not psutil.pid_exists(ended.pid)
    assert tree_s(ended.pid) == 0


def test_the_busiest_come_first_and_the_idle_not_at_all() -> None:
    """In cores over the interval; a new process with a used number is another process."""
    looks = iter(
        [
            {(1, 0.0): ("init", 9.0), (9, 1.0): ("clang", 50.0), (8, 1.0): ("old", 70.0)},
            {
                (1, 0.0): ("init", 9.0),
                (5, 0.0): ("sshd", 0.1),
                (8, 2.0): ("new", 0.5),
                (9, 1.0): ("clang", 51.0),
            },
        ]
    )
    slept = []
    found = busiest(4, 2.0, slept.append, lambda: next(looks))
    assert slept == [2.0]
    assert [(p.pid, p.name, p.cores) for p in found] == [
        (9, "clang", 0.5),
        (8, "new", 0.25),
        (5, "sshd", 0.05),
    ]


def test_no_more_are_named_than_were_asked_for() -> None:
    """The first of them."""
    looks = iter([{}, {(pid, 0.0): ("make", pid) for pid in range(1, 9)}])
    found = busiest(2, 1.0, lambda seconds: None, lambda: next(looks))
    assert [process.pid for process in found] == [8, 7]


def test_our_own_processes_are_not_among_the_busiest() -> None:
    """Whatever we do while it looks."""

    def work(seconds: float) -> None:
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    assert os.getpid() not in {process.pid for process in busiest(10**6, 0.05, work)}
