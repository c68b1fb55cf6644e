"""The clock: nanoseconds of wall time, read only when the device has finished its work."""

import time
from collections.abc import Callable
from typing import Protocol

import torch


class Clock(Protocol):
    """What the runner needs of a clock; tests hand it one that they turn themselves."""

    def now_ns(self) -> int:
        """Return a time that only ever grows."""
        ...

    def wait(self) -> None:
        """Return when everything that was launched so far has been computed."""
        ...


class DeviceClock:
    """The clock of a device: the CPU's work is done when its call returns, others' is not."""

    def __init__(self, device: torch.device) -> None:
        self._wait: Callable[[], None] = _nothing
        if device.type == "cuda":
            self._wait = lambda: torch.cuda.synchronize(device)
        elif device.type != "cpu":
            self._wait = lambda: torch.accelerator.synchronize(device)

    def now_ns(self) -> int:
        """Return the monotonic clock of the highest resolution."""
        return time.perf_counter_ns()

    def wait(self) -> None:
        """Wait for the device."""
        self._wait()


def _nothing() -> None:
    """Wait for nothing."""
