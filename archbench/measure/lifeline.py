"""Tie the life of a worker to the life of the process that started it."""

import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress

import psutil

from archbench.measure.process_tree import below, born_s

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Let this process end when the one that started it does, however that happens.

    Linux kills it. Elsewhere a thread of its own waits for the parent's end. The wait is one call
    of the system, which sleeps without Python's lock and so takes no time from what is measured
    (psutil before 7.2 looks 25 times a second on macOS instead).
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) == 0:
                return
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    """Wait for the parent's end; then end all that this process started, and itself."""
    with suppress(psutil.Error):  # it is gone already
        psutil.Process(parent).wait()
    for process in below(os.getpid(), born_s(os.getpid())):
        with suppress(psutil.Error):
            process.kill()
    os._exit(1)
