"""CPU load of other processes while something is measured.

It is read in the process that waits for the workers: reading takes time, which would be theirs.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.processes.process_tree import pids, tree_s

INTERVAL_S = 0.5  # the system counts hundredths of a second: 0.02 cores can be told apart
WORKING = ("user", "nice", "system", "irq", "softirq")  # user and nice contain the time of guests

# {(process id, start): (name, processor time in seconds)}
ProcessTimes = dict[tuple[int, float], tuple[str, float]]


@dataclass(frozen=True, slots=True)
class CpuReading:
    """Counters of processor time at one moment, in seconds since the system started."""

    at_s: float
    all_s: float  #: of everything, idle time included
    working_s: float  #: of all processes
    steal_s: float | None
    own_s: float  #: of the measurement's own process tree


def read_cpu() -> CpuReading:
    """Return the counters now; this process and its descendants are the measurement's own."""
    times = psutil.cpu_times()._asdict()
    return CpuReading(
        at_s=time.monotonic(),
        all_s=sum(times.values()),
        working_s=sum(times.get(name, 0.0) for name in WORKING),
        steal_s=times.get("steal"),
        own_s=tree_s(os.getpid()),
    )


def load_between(before: CpuReading, after: CpuReading) -> CpuLoad:
    """Return the load of other processes between two readings.

    It is unknown where no time passed, or where the system's counters stand still, as in some
    sandboxes.
    """
    passed = after.at_s - before.at_s
    if passed <= 0 or after.all_s <= before.all_s:
        return CpuLoad(None, None)
    own = after.own_s - before.own_s
    others = (after.working_s - before.working_s - own) / passed
    steal = None
    if before.steal_s is not None and after.steal_s is not None:
        steal = max(0.0, (after.steal_s - before.steal_s) / passed)
    return CpuLoad(max(0.0, others), steal)  # below 0 only by the counters' grain


class CpuWatch:
    """Reads the counters on entering and on leaving; `load` is the load of others meanwhile."""

    def __init__(self, read: Callable[[], CpuReading] = read_cpu) -> None:
        self._read = read
        self.load: CpuLoad | None = None  # None until it was left

    def __enter__(self) -> "CpuWatch":
        self._before = self._read()
        return self

    def __exit__(self, *error: object) -> None:
        self.load = load_between(self._before, self._read())


def busiest(
    count: int,
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], None] = time.sleep,
    processes: Callable[[], ProcessTimes] | None = None,
) -> tuple[BusyProcess, ...]:
    """Return the foreign processes that load the processor most, the busiest first.

    This process, its children and idle processes are left out. A container does not see the
    processes of its neighbours.
    """
    read = processes or _foreign_processes
    before = read()
    sleep(interval_s)
    found = []
    for key, (name, after_s) in read().items():
        # a process that started meanwhile has used all of its time since
        took_s = after_s - before.get(key, ("", 0.0))[1]
        if took_s > 0:
            found.append(BusyProcess(key[0], name, took_s / interval_s))
    found.sort(key=lambda process: (-process.cores, process.pid))
    return tuple(found[:count])


def _foreign_processes() -> ProcessTimes:
    own = pids(os.getpid())
    found = {}
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                if process.pid not in own:
                    times = process.cpu_times()
                    key = (process.pid, process.create_time())
                    found[key] = (process.name(), times.user + times.system)
        except psutil.Error:  # it has ended, or is another user's
            continue
    return found
