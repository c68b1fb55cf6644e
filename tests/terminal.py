"""A pseudo-terminal whose screen is read back through a terminal emulator."""

import os
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO, TextIOWrapper
from subprocess import Popen

import pyte

LINES = 24
SCROLLED_OFF = 10_000  # lines that are kept above the screen
AT_ONCE = 65_536  # bytes
STREAMS = (0, 1, 2)  # standard input, output and error
END = b"\x1b]0;the test ends here\x07"  # the last that is written: a window's title, not shown
# makes the terminal the controlling one, whose Ctrl-C interrupts, and becomes the command
TAKES_THE_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.argv[1], sys.argv[1:])\n"
)


def emulated(columns: int) -> pyte.HistoryScreen:
    """Make an empty screen of so many columns."""
    return pyte.HistoryScreen(columns, LINES, history=SCROLLED_OFF)


def lines_of(screen: pyte.HistoryScreen) -> list[str]:
    """Return what was scrolled off a screen and what stands on it, without blanks at the ends."""
    above = ("".join(row[i].data for i in range(screen.columns)) for row in screen.history.top)
    lines = [line.rstrip() for line in (*above, *screen.display)]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def shown(text: str, columns: int) -> list[str]:
    """Return the lines of a terminal that took this text and nothing else."""
    screen = emulated(columns)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return lines_of(screen)


class Terminal:
    """A terminal, which shows whatever is written to it until it is closed.

    Args:
        columns: its width.
    """

    def __init__(self, columns: int) -> None:
        self.screen = emulated(columns)
        self.received = b""  # with all control sequences
        self._stream = pyte.ByteStream(self.screen)
        self._ours, self.theirs = os.openpty()
        termios.tcsetwinsize(self.theirs, (LINES, columns))
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def start(self, *argv: str) -> "Popen[bytes]":
        """Start a command that this terminal belongs to."""
        return Popen(
            [sys.executable, "-c", TAKES_THE_TERMINAL, *argv],
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            env={key: text for key, text in os.environ.items() if key not in ("COLUMNS", "LINES")}
            | {"TERM": "xterm-256color"},
        )

    def type(self, keys: bytes) -> None:
        """Press some keys."""
        os.write(self._ours, keys)

    def close(self) -> list[str]:
        """Let go of it; return its lines once all that was written has arrived."""
        with suppress(OSError):  # it was hung up, because the command that it belonged to ended
            os.write(self.theirs, END)
        os.close(self.theirs)
        self._reader.join()
        os.close(self._ours)
        return lines_of(self.screen)

    def _read(self) -> None:
        """Read until the end, or until nobody else holds the terminal (Linux: an error).

        Nobody holding it is not enough: Linux may say so before it has handed over what was
        written just before.
        """
        with suppress(OSError):
            while not self.received.endswith(END) and (part := os.read(self._ours, AT_ONCE)):
                self.received += part
                self._stream.feed(part)
        self.received = self.received.removesuffix(END)


class Recorded(TextIOWrapper):
    """A standard stream that remembers what was written to it."""

    def __init__(self, number: int) -> None:
        super().__init__(FileIO(number, "w", closefd=False), "utf-8", write_through=True)
        self.written = ""

    def write(self, text: str, /) -> int:
        self.written += text
        return super().write(text)


@contextmanager
def standing_in(terminal: Terminal) -> Iterator[Recorded]:
    """Let a terminal be this process's standard streams; yield its standard output."""
    before = sys.stdout, sys.stderr
    kept = [os.dup(number) for number in STREAMS]
    for number in STREAMS:
        os.dup2(terminal.theirs, number)
    out, sys.stderr = Recorded(1), Recorded(2)
    sys.stdout = out
    try:
        yield out
    finally:
        sys.stdout, sys.stderr = before
        for number, copy in zip(STREAMS, kept, strict=True):
            os.dup2(copy, number)
            os.close(copy)
