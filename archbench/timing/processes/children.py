"""Start a process that can be killed with all its descendants, on every system.

Elsewhere than on Windows a child leads a process group of its own, which is killed at once; psutil
finds descendants that left the group. On Windows psutil finds all of them. There a child shares its
parent's console on purpose: Ctrl-C reaches both, and the child's end ends the read from its pipe,
which Windows would not interrupt.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from errno import EINVAL
from typing import Any

import psutil

from archbench.timing.processes.process_tree import below, born_s, remember, runs

GRACE_S = 10.0  # for a child without an answer to end: torch's teardown takes a second
POLL_S = 0.02  # between two checks whether a child has ended
KILL_ROUNDS = 3  # a child may start more processes while it is killed
# a model may print characters that the system's own encoding does not have
ENCODING = {"PYTHONIOENCODING": "utf-8:backslashreplace"}


class Child(subprocess.Popen[str]):
    """A process whose whole tree can be killed; its pipes carry UTF-8.

    Args:
        command: words; or a line for the system's shell, with shell=True.
        variables: added to its environment.
        env: its environment; None for this process's own.
        settings: as subprocess.Popen takes them.
    """

    def __init__(
        self,
        command: Sequence[str] | str,
        variables: Mapping[str, str] | None = None,
        env: Mapping[str, str] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            command,
            encoding="utf-8",
            errors="replace",
            env={**(os.environ if env is None else env), **ENCODING, **(variables or {})},
            start_new_session=sys.platform != "win32",
            **settings,
        )
        self._born_s = born_s(self.pid)

    def tell(self, line: str) -> None:
        """Write a line to its standard input; if the child has died, its next answer is empty."""
        assert self.stdin is not None  # a pipe
        try:
            self.stdin.write(f"{line}\n")
            self.stdin.flush()
        except OSError as error:  # Windows says EINVAL of a broken pipe
            if not isinstance(error, BrokenPipeError) and error.errno != EINVAL:
                raise

    def answer(self) -> str:
        """Return the next line of its standard output; empty where it ended without one."""
        assert self.stdout is not None  # a pipe
        return self.stdout.readline()

    def let_end(self, limit_s: float | None = GRACE_S) -> None:
        """Wait until it ends by itself, so that its exit code is its own.

        Popen.wait() would free its process id, and another process could take it.
        """
        start = time.monotonic()
        while runs(self.pid) and (limit_s is None or time.monotonic() - start < limit_s):
            time.sleep(POLL_S)

    def kill_tree(self) -> None:
        """Kill it and all its descendants; Popen.wait() has not been called yet."""
        known: set[psutil.Process] = set()
        for _ in range(KILL_ROUNDS):
            found = set(below(self.pid, self._born_s)) - known
            self._kill_group()
            for process in found:
                with suppress(psutil.Error):
                    process.kill()
            if not found:
                return
            known |= found

    def _kill_group(self) -> None:
        if sys.platform == "win32":
            self.kill()
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it and all its descendants, wait for it, and close its pipes."""
        remember(self.pid)
        self.kill_tree()
        self.wait()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                with suppress(OSError):  # lines that it did not read
                    pipe.close()


@contextmanager
def limited(
    children: Sequence[Child], limit_s: float | None, too_long: threading.Event
) -> Iterator[None]:
    """Kill children, with all their descendants, that take longer than a limit; None is no limit.

    `too_long` is set before they are killed.
    """

    def end() -> None:
        too_long.set()
        for child in children:
            child.kill_tree()

    timer = threading.Timer(limit_s or 0.0, end)
    timer.daemon = True
    if limit_s is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
