"""How a worker process died, in words, on every system."""

import signal

from archbench.errors import NothingMeasured
from archbench.timing.records import Failure

LAST_CHARACTERS = 400  # of a dead process's standard error
MEMORY_HINT = "a system without memory kills what takes most; try a smaller -b or -i"

# Windows ends a process with one of these in place of a signal.
# Source: Microsoft, [MS-ERREF] 2.3.1 NTSTATUS values.
WINDOWS = {
    0xC0000005: "an access violation",
    0xC0000006: "a page that could not be read",
    0xC0000017: "a lack of memory",
    0xC000001D: "an illegal instruction",
    0xC0000094: "an integer division by zero",
    0xC00000FD: "a stack overflow",
    0xC000012D: "a lack of memory",
    0xC0000135: "a DLL that was not found",
    0xC000013A: "Ctrl-C",
    0xC0000142: "a DLL that could not be initialised",
    0xC0000374: "a damaged heap",
    0xC0000409: "an abort",
}
WINDOWS_ERRORS = 0xC0000000  # from here on
OUT_OF_MEMORY = {-9, 0xC0000017, 0xC000012D}  # SIGKILL, and the two above


def death(printed: str, exit_code: int, limit_s: float | None = None, hint: str = "") -> Failure:
    """Return the failure of a worker that gave no answer.

    Args:
        printed: output of the worker.
        exit_code: of subprocess: below 0 for a signal, from 0xC0000000 on for an error of Windows.
        limit_s: time limit after which the worker was killed; None where it died by itself.
        hint: how to raise that limit.
    """
    if limit_s is not None:
        message = f"a process had not ended {limit_s:.0f} s after its start"
        return Failure("out_of_time", message, hint, NothingMeasured.exit_code)
    output = last_output(printed)
    killer = killed_by(exit_code)
    if killer is not None:
        hint = MEMORY_HINT if exit_code in OUT_OF_MEMORY else output
        message = f"the worker was killed by {killer}"
        return Failure("killed", message, hint, NothingMeasured.exit_code)
    return Failure(
        "failed", f"the worker ended with exit code {exit_code} before it answered", output
    )


def killed_by(exit_code: int) -> str | None:
    """Return the signal or the Windows error that ended a process; None where it exited.

    >>> killed_by(-6), killed_by(0xC0000005), killed_by(1)
    ('SIGABRT', 'an access violation (0xC0000005)', None)
    """
    if exit_code < 0:
        try:
            return signal.Signals(-exit_code).name
        except ValueError:  # those for real time have no names
            return f"signal {-exit_code}"
    if exit_code >= WINDOWS_ERRORS:
        return f"{WINDOWS.get(exit_code, 'Windows')} (0x{exit_code:08X})"
    return None


def last_output(printed: str) -> str:
    """Return the end of a process's output in a sentence; empty where it printed nothing."""
    output = " ".join(printed.split())[-LAST_CHARACTERS:]
    return f"it last printed: {output}" if output else ""
