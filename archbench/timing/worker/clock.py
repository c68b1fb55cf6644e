"""The clock: nanoseconds of wall time, read only when the device has finished its work."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch

WAIT_SIZE = 4096  # a product of this size takes milliseconds, reading one number of it far less


class Clock(Protocol):
    """What the runner needs of a clock; tests hand it one that they turn themselves."""

    def now_ns(self) -> int:
        """Return a time that only ever grows."""
        ...

    def wait(self) -> None:
        """Return when everything that was launched so far has been computed."""
        ...


class DeviceClock:
    """The clock of a device: the CPU's work is done when its call returns, others' is not.

    Both are attributes, so that calling them takes as little as possible: it is timed too.
    """

    now_ns: Callable[[], int]
    wait: Callable[[], None]

    def __init__(self, device: torch.device) -> None:
        self.now_ns = time.perf_counter_ns  # monotonic, of the highest resolution
        self.wait = _nothing
        if device.type == "cuda":
            self.wait = partial(torch.cuda.synchronize, device)
        elif device.type != "cpu":
            self.wait = partial(torch.accelerator.synchronize, device)


def time_of(call: Callable[[], Any], wait: Callable[[], None], now_ns: Callable[[], int]) -> int:
    """Return the nanoseconds of one call, with the device idle before and done after.

    Args:
        call: what is timed.
        wait: the clock's; looking it up here would be timed.
        now_ns: likewise.
    """
    wait()
    before = now_ns()
    call()
    wait()
    return now_ns() - before


def really_waits(device: torch.device, clock: Clock) -> bool:
    """Tell whether waiting for a device takes as long as its work does.

    Where it does not, reading one number of a large product afterwards waits instead.
    """
    a = torch.ones(WAIT_SIZE, WAIT_SIZE, device=device)
    (a @ a)[0, 0].item()
    clock.wait()
    start = clock.now_ns()
    product = a @ a
    clock.wait()
    waited = clock.now_ns() - start
    product[0, 0].item()
    read = clock.now_ns() - start - waited
    return read < waited


def _nothing() -> None:
    """Wait for nothing."""
