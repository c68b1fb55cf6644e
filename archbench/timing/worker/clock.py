"""The clock: nanoseconds of wall time, read only when the device has finished its work."""

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import torch

WAIT_SIZE = 4096  # a product of this size takes milliseconds, reading one number of it far less

Call = Callable[[], object]  # the function that is timed; the result of a call is dropped


class Clock(Protocol):
    """A clock that knows when the device is done; tests use one that they turn themselves."""

    def now_ns(self) -> int:
        """Return a time that only ever grows."""
        ...

    def wait(self) -> None:
        """Return when everything that was launched so far has been computed."""
        ...


class DeviceClock:
    """The clock of a device: a call returns when the CPU is done, but not when others are.

    Both methods are attributes, so that calling them takes as little time as possible: that time
    is measured too.
    """

    def __init__(self, device: torch.device) -> None:
        self.now_ns = time.perf_counter_ns  # monotonic, of the highest resolution
        self.wait: Callable[[], None] = lambda: None  # the CPU has nothing left to do
        if device.type == "cuda":
            self.wait = partial(torch.cuda.synchronize, device)
        elif device.type != "cpu":
            self.wait = partial(torch.accelerator.synchronize, device)


def time_of(call: Call, clock: Clock) -> int:
    """Return the nanoseconds of one call, with the device idle before and done after."""
    wait, now_ns = clock.wait, clock.now_ns  # looking them up later would be timed
    wait()
    before = now_ns()
    call()
    wait()
    return now_ns() - before


def really_waits(device: torch.device, clock: Clock) -> bool:
    """Tell whether the clock's wait() lasts until the device is done.

    If it does not, reading one number of a large product takes longer than the wait before it.
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
