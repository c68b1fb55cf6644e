"""Tie the life of a worker to the life of the process that started it."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

import psutil

from archbench.timing.processes.process_tree import below, born_s

PR_SET_PDEATHSIG = 1  # linux/prctl.h
AWAKE_S = 10.0  # how often the thread that waits wakes up: some microseconds each


def end_with_parent() -> None:
    """Let this process end when the one that started it does, however that happens.

    Linux kills it. Elsewhere a thread of its own waits for the parent's end: it sleeps in the
    system, without Python's lock, and so takes no time from what is measured (psutil before 7.2
    looks 25 times a second on macOS instead).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
                return
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    """Wait for the parent's end; then end all that this process started, and itself."""
    while _lives(parent):
        pass
    for process in below(os.getpid(), born_s(os.getpid())):
        with suppress(psutil.Error):
            process.kill()
    os._exit(1)


def _lives(parent: int) -> bool:
    """Wait for a parent's end for a while; tell whether it still lives.

    One that has ended and was not waited for is still there, but has handed over its children.
    """
    try:
        psutil.Process(parent).wait(AWAKE_S)
    except psutil.TimeoutExpired:
        return os.getppid() == parent
    except psutil.Error:
        return False
    return False
