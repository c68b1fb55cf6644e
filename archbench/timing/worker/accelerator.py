"""Times that only an accelerator has, whose work goes on after a call has returned.

The runner measures the latency that the host sees. Here are the device's own time for one call,
the time that launching takes, and the throughput of calls back to back.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any, Protocol

from archbench.private_torch import hold_kernel
from archbench.timing.records import DeviceTimes
from archbench.timing.worker.clock import Call, Clock
from archbench.timing.worker.layers import Marker

SHORT_S = 50e-6  # events are exact to half a microsecond: shorter calls share a pair of them
LEAST_CALLS, MOST_CALLS = 10, 1000  # event pairs in flight
BLOCK_S = 0.2  # longest block of calls back to back
BLOCKS = 5
LAUNCHES = 20  # that are timed by themselves
LONGEST_HOLD_S = 0.02  # while the stream is held, nothing is computed


class Stream(Marker, Protocol):
    """The queue of a device; a mark is an event that notes the time when work before it is done."""

    def hold(self, seconds: float) -> None:
        """Let the device wait, so that launches get ahead of it."""
        ...


class CudaStream:
    """The current stream of a CUDA device."""

    def __init__(self, cuda: Any) -> None:
        """Take torch.cuda, or a test's substitute."""
        self._cuda = cuda
        self._cycles_per_s: float | None = None

    def mark(self) -> Any:
        """Record an event."""
        event = self._cuda.Event(enable_timing=True)
        event.record()
        return event

    def between_ns(self, first: Any, last: Any) -> float:
        """Convert from the milliseconds that events count."""
        return float(first.elapsed_time(last)) * 1e6

    def hold(self, seconds: float) -> None:
        """Queue a kernel that only waits; where torch has none, do nothing."""
        sleep = hold_kernel(self._cuda)
        if sleep is None:
            return
        if self._cycles_per_s is None:
            self._cycles_per_s = self._cycle_rate(sleep)
        sleep(int(seconds * self._cycles_per_s))

    def _cycle_rate(self, sleep: Callable[[int], object]) -> float:
        """Return the cycles per second by which the waiting kernel counts."""
        cycles = 1_000_000
        before = self.mark()
        sleep(cycles)
        after = self.mark()
        self._cuda.synchronize()
        return cycles / (self.between_ns(before, after) / 1e9)


def device_times(
    call: Call, stream: Stream, clock: Clock, latency_s: float, seconds: float
) -> DeviceTimes:
    """Return the launch times of a call, its times on the device, and those of blocks of calls.

    Args:
        call: returns when its work is launched.
        stream: queue of that work.
        clock: the host's, which times the launches.
        latency_s: of one call, as the host saw it; it decides how many calls fit.
        seconds: for the single calls, and as much again for the blocks.
    """
    enqueue_ns = _launch_times_ns(call, clock)
    enqueue_s = median(enqueue_ns) / 1e9
    rough_s = _call_times_ns(call, stream, clock, enqueue_s, calls_per_time=1, count=3)[1] / 1e9
    calls_per_time = max(1, round(SHORT_S / max(rough_s, 1e-6)))
    longest_s = max(latency_s, rough_s, enqueue_s)
    count = min(MOST_CALLS, max(LEAST_CALLS, int(seconds / (2 * longest_s * calls_per_time))))
    calls_ns = _call_times_ns(call, stream, clock, enqueue_s, calls_per_time, count)
    block_s = min(BLOCK_S, max(seconds, longest_s) / BLOCKS)
    block_calls = max(1, round(block_s / max(rough_s, enqueue_s)))
    block_ns = _block_times_ns(call, stream, clock, block_calls)
    return DeviceTimes(tuple(calls_ns), enqueue_ns, block_ns, block_calls)


def _launch_times_ns(call: Call, clock: Clock) -> tuple[int, ...]:
    """Time launching alone: before each call the device is idle, so that its queue is empty.

    A full queue, of about a thousand kernels, would let the host wait for the device.
    """
    times = []
    for _ in range(LAUNCHES):
        clock.wait()
        before = clock.now_ns()
        call()
        times.append(clock.now_ns() - before)
    clock.wait()
    return tuple(times)


def _call_times_ns(
    call: Call, stream: Stream, clock: Clock, enqueue_s: float, calls_per_time: int, count: int
) -> list[int]:
    """Return the device's times of a call, in ascending order; the host waits once, at the end."""
    pairs = []
    for _ in range(count):
        stream.hold(min(LONGEST_HOLD_S, 1.5 * enqueue_s * calls_per_time))
        first = stream.mark()
        for _ in range(calls_per_time):
            call()
        pairs.append((first, stream.mark()))
    clock.wait()
    return sorted(round(stream.between_ns(*pair) / calls_per_time) for pair in pairs)


def _block_times_ns(call: Call, stream: Stream, clock: Clock, calls: int) -> tuple[int, ...]:
    marks = [stream.mark()]
    for _ in range(BLOCKS):
        for _ in range(calls):
            call()
        marks.append(stream.mark())
    clock.wait()
    return tuple(round(stream.between_ns(first, last)) for first, last in pairwise(marks))
