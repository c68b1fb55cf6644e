"""Clocks and devices that tests turn themselves."""

from collections import deque
from types import SimpleNamespace
from typing import Any


class FakeClock:
    """Time passes only in the calls; the device works on until it is waited for."""

    def __init__(self) -> None:
        self.time = 0
        self.queued = 0
        self.events: list[str] = []

    def now_ns(self) -> int:
        return self.time

    def wait(self) -> None:
        self.time += self.queued
        self.queued = 0
        self.events.append("wait")

    def work(self, name: str, duration: int) -> None:
        self.events.append(name)
        self.queued += duration


class FakeDevice:
    """A device with a queue of its own: launching costs the host time, the work is done later.

    It is a clock, a stream, and what stands for torch.cuda.
    """

    def __init__(self, launch_ns: int, kernel_ns: int, depth: int = 10**9) -> None:
        self.launch_ns, self.kernel_ns = launch_ns, kernel_ns
        self.depth = depth  # kernels that may wait; then the host does
        self.ends: deque[int] = deque()  # of the kernels that were launched
        self.host = 0  # the host's time
        self.free = 0  # when the device has done all that it was given
        self.log: list[str] = []

    def now_ns(self) -> int:
        return self.host

    def wait(self) -> None:
        self.log.append("wait")
        self.host = max(self.host, self.free)

    def call(self, kernels: int = 1) -> None:
        """Launch some kernels."""
        self.log.append("call")
        for _ in range(kernels):
            self.host += self.launch_ns
            if len(self.ends) >= self.depth:
                self.host = max(self.host, self.ends.popleft())
            self.free = max(self.free, self.host) + self.kernel_ns
            self.ends.append(self.free)

    def mark(self) -> int:
        self.log.append("mark")
        self.free = max(self.free, self.host)
        return self.free

    def between_ns(self, first: int, last: int) -> float:
        return last - first

    def hold(self, seconds: float) -> None:
        self.log.append("hold")
        self.free = max(self.free, self.host) + round(seconds * 1e9)

    def cuda(self) -> Any:
        """What stands for torch.cuda: events, streams, graphs and the allocator's counters."""
        device = self

        class Event:
            def __init__(self, enable_timing: bool = False) -> None:
                self.at: int | None = None

            def record(self) -> None:
                self.at = device.mark()

            def elapsed_time(self, other: "Event") -> float:
                assert self.at is not None
                assert other.at is not None
                return (other.at - self.at) / 1e6

        def sleep(cycles: int) -> None:
            device.hold(cycles / 2e9)  # two cycles a nanosecond

        return SimpleNamespace(Event=Event, _sleep=sleep, synchronize=device.wait)
