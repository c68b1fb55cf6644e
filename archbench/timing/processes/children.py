"""Start a process so that it can be ended with all that it starts, on every system.

Elsewhere than on Windows a child leads a process group of its own, which is killed at once; psutil
finds those below it that left the group. On Windows psutil finds them all. There a child shares
its parent's console on purpose: Ctrl-C reaches both, and the child's end ends the read from its
pipe, which Windows would not interrupt.
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

GRACE_S = 10.0  # for a child that died without an answer to end: tearing torch down takes one
LOOK_S = 0.02  # between two looks at a child that is to end
LOOKS = 3  # at what is below a child while it is killed: it may start more meanwhile
# what a model prints may hold signs that a system's own encoding cannot carry
SPOKEN = {"PYTHONIOENCODING": "utf-8:backslashreplace"}


class Child(subprocess.Popen[str]):
    """A process whose whole tree can be ended; its pipes carry UTF-8.

    Args:
        command: words; or a line for the system's shell, with shell=True.
        variables: of its environment, beside those of env.
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
            env={**(os.environ if env is None else env), **SPOKEN, **(variables or {})},
            start_new_session=sys.platform != "win32",
            **settings,
        )
        self._born_s = born_s(self.pid)

    def tell(self, line: str) -> None:
        """Write a line to its standard input; where it is gone, its next answer shows that."""
        if self.stdin is None:
            raise RuntimeError("a child without a pipe to its standard input")
        try:
            self.stdin.write(f"{line}\n")
            self.stdin.flush()
        except OSError as error:  # Windows says EINVAL of a broken pipe
            if not isinstance(error, BrokenPipeError) and error.errno != EINVAL:
                raise

    def answer(self) -> str:
        """Return the next line of its standard output; empty where it ended without one."""
        if self.stdout is None:
            raise RuntimeError("a child without a pipe from its standard output")
        return self.stdout.readline()

    def let_end(self, limit_s: float | None = GRACE_S) -> None:
        """Let it end by itself, so that its exit code is its own.

        It is not waited for as Popen.wait() does: until then nobody else can have its number.

        Args:
            limit_s: for how long; None for as long as it takes.
        """
        start = time.monotonic()
        while runs(self.pid) and (limit_s is None or time.monotonic() - start < limit_s):
            time.sleep(LOOK_S)

    def kill_tree(self) -> None:
        """Kill it and all that it started; it has not been waited for yet."""
        known: set[psutil.Process] = set()
        for _ in range(LOOKS):
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
        """Kill it and all that it started, wait for it, and close its pipes."""
        remember(self.pid)
        self.kill_tree()
        self.wait()
        for pipe in (self.stdin, self.stdout):
            if pipe is not None:
                with suppress(OSError):  # what it was told and did not read
                    pipe.close()


@contextmanager
def limited(
    children: Sequence[Child], limit_s: float | None, too_long: threading.Event
) -> Iterator[None]:
    """End children that take longer, with all that they started; None lets them run on.

    Args:
        children: that are waited for meanwhile.
        limit_s: seconds from now.
        too_long: is set before they are ended.
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
