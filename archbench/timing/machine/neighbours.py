"""What other processes took of the processor while something was measured.

For the process that waits for the workers: reading takes time, which would be theirs.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

import psutil

from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.processes.process_tree import pids, tree_s

INTERVAL_S = 0.5  # the system counts in hundredths of a second: this tells 0.02 cores apart
WORKING = ("user", "nice", "system", "irq", "softirq")  # guests' time is in user and nice already


@dataclass(frozen=True, slots=True)
class CpuReading:
    """Counters of processor time at one moment, in seconds since the system started."""

    at_s: float
    all_s: float  #: of everything, idle time included
    working_s: float  #: of all processes
    steal_s: float | None
    own_s: float  #: of the tree of processes that the measurement is


def read_cpu(root: int | None = None) -> CpuReading:
    """Read the counters.

    Args:
        root: the process whose tree is not foreign; this one by default.
    """
    times = psutil.cpu_times()._asdict()
    return CpuReading(
        at_s=time.monotonic(),
        all_s=sum(times.values()),
        working_s=sum(times.get(name, 0.0) for name in WORKING),
        steal_s=times.get("steal"),
        own_s=tree_s(os.getpid() if root is None else root),
    )


def load_between(before: CpuReading, after: CpuReading) -> CpuLoad:
    """Return what others took between two readings.

    Unknown where no time passed, or where the system's counters stand still, as in some sandboxes.
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
    """Reads the counters on entering and on leaving; `load` is what others took meanwhile.

    Args:
        root: the process whose tree is not foreign; this one by default.
        read: returns a reading for that process.
    """

    def __init__(
        self, root: int | None = None, read: Callable[[int | None], CpuReading] = read_cpu
    ) -> None:
        self._root, self._read = root, read
        self.load: CpuLoad | None = None  # None until it was left

    def __enter__(self) -> "CpuWatch":
        self._before = self._read(self._root)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.load = load_between(self._before, self._read(self._root))


def busiest(
    count: int,
    interval_s: float = INTERVAL_S,
    sleep: Callable[[float], None] = time.sleep,
    processes: Callable[[], dict[tuple[int, float], tuple[str, float]]] | None = None,
) -> tuple[BusyProcess, ...]:
    """Return the processes that take most of the processor, the greatest first.

    This one, those that it started and those that took nothing are left out; a container does not
    see its neighbours.

    Args:
        count: at most so many.
        interval_s: to look for.
        sleep: waits that long.
        processes: {(pid, start): (name, processor time in seconds)}, of all that are foreign.
    """
    look = processes or _foreign_processes
    before = look()
    sleep(interval_s)
    found = []
    for key, (name, after_s) in look().items():
        # what started meanwhile has used all of its time since
        took_s = after_s - before.get(key, ("", 0.0))[1]
        if took_s > 0:
            found.append(BusyProcess(key[0], name, took_s / interval_s))
    found.sort(key=lambda process: (-process.cores, process.pid))
    return tuple(found[:count])


def _foreign_processes() -> dict[tuple[int, float], tuple[str, float]]:
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
