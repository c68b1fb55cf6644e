"""Ctrl-C, also where it is swallowed: some of what torch imports catches every exception."""

import signal
import threading
from types import FrameType

_pressed = threading.Event()


# Ctrl-C; being told to end; losing the terminal, on POSIX systems and on Windows
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def watch() -> None:
    """Remember that Ctrl-C was pressed, besides raising KeyboardInterrupt as Python does.

    Being told to end, or losing the terminal, is taken for the same: workers end with it.
    """
    for name in SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _note)


def check() -> None:
    """Raise KeyboardInterrupt if it was raised before and got lost."""
    if _pressed.is_set():
        raise KeyboardInterrupt


def _note(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    raise KeyboardInterrupt
