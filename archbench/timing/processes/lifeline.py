"""End a worker process when the process that started it ends."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

import psutil

from archbench.timing.processes.process_tree import below, born_s

PR_SET_PDEATHSIG = 1  # linux/prctl.h
WAKE_S = 10.0  # the thread that waits wakes up so often, for some microseconds


def end_with_parent() -> None:
    """End this process when its parent ends, however that happens.

    Linux kills it. Elsewhere a thread waits for the parent's end: it sleeps in the system, without
    Python's lock, and so takes no time from the measurement (on macOS, psutil before 7.2 wakes up
    25 times a second instead).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
                return
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    """Wait for the parent's end; then kill all descendants of this process, and exit."""
    while _lives(parent):
        pass
    for process in below(os.getpid(), born_s(os.getpid())):
        with suppress(psutil.Error):
            process.kill()
    os._exit(1)


def _lives(parent: int) -> bool:
    """Wait some seconds for a parent's end; tell whether it still runs.

    A zombie is still there, but its children have another parent.
    """
    try:
        psutil.Process(parent).wait(WAKE_S)
    except psutil.TimeoutExpired:
        return os.getppid() == parent
    except psutil.Error:
        return False
    return False
