"""Ctrl-C, also where it is swallowed: some of what torch imports catches every exception."""

import signal
import threading
from types import FrameType

_pressed = threading.Event()


def watch() -> None:
    """Remember that Ctrl-C was pressed, besides raising KeyboardInterrupt as Python does.

    Being told to end, or losing the terminal, is taken for the same: workers end with it.
    """
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
        signal.signal(number, _note)


def check() -> None:
    """Raise KeyboardInterrupt if it was raised before and got lost."""
    if _pressed.is_set():
        raise KeyboardInterrupt


def _note(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    raise KeyboardInterrupt
