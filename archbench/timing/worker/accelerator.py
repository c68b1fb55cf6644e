"""What only an accelerator has: work that goes on after its call returned, and times of its own.

Three figures that answer three questions: the host's latency (the runner's), the device's own time
for one call, and the throughput of calls back to back.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any, Protocol

from archbench.private_torch import hold_kernel
from archbench.timing.records import DeviceTimes
from archbench.timing.worker.clock import Clock

SHORT_S = 50e-6  # events are exact to half a microsecond: shorter calls share a pair of them
LEAST_CALLS, MOST_CALLS = 10, 1000  # event pairs in flight
BLOCK_S = 0.2  # of work back to back
BLOCKS = 5
LAUNCHES = 20  # that are timed for themselves
LONGEST_HOLD_S = 0.02  # while the stream is held, nothing is computed

Call = Callable[[], object]


class Stream(Protocol):
    """The queue of a device; tests hand in one whose time they turn themselves."""

    def mark(self) -> Any:
        """Queue an event, which notes the device's time when all before it is done."""
        ...

    def between_ns(self, first: Any, last: Any) -> float:
        """Return the nanoseconds from event to event; both have happened."""
        ...

    def hold(self, seconds: float) -> None:
        """Keep the device waiting so long, so that launches get ahead of it."""
        ...


class CudaStream:
    """The current stream of a CUDA device."""

    def __init__(self, cuda: Any) -> None:
        """Take torch.cuda, or what stands for it."""
        self._cuda = cuda
        self._cycles_per_s: float | None = None

    def mark(self) -> Any:
        """Record an event."""
        event = self._cuda.Event(enable_timing=True)
        event.record()
        return event

    def between_ns(self, first: Any, last: Any) -> float:
        """Ask the events, which count milliseconds."""
        return float(first.elapsed_time(last)) * 1e6

    def hold(self, seconds: float) -> None:
        """Queue a kernel that only waits; where torch has none, do nothing."""
        sleep = hold_kernel(self._cuda)
        if sleep is None:
            return
        if self._cycles_per_s is None:
            cycles = 1_000_000
            before = self.mark()
            sleep(cycles)
            after = self.mark()
            self._cuda.synchronize()
            self._cycles_per_s = cycles / (self.between_ns(before, after) / 1e9)
        sleep(int(seconds * self._cycles_per_s))


def device_times(
    call: Call, stream: Stream, clock: Clock, latency_s: float, seconds: float
) -> DeviceTimes:
    """Time calls on the device, one by one and then in blocks.

    Args:
        call: returns when its work is launched.
        stream: where that work is queued.
        clock: the host's, to see how long launching takes.
        latency_s: of one call as the host saw it, which sets how many calls fit.
        seconds: for the single calls, and as much again for the blocks.
    """
    enqueue_ns = _launches(call, clock)
    enqueue_s = median(enqueue_ns) / 1e9
    rough_s = _between(call, stream, clock, enqueue_s, together=1, count=3)[1] / 1e9
    together = max(1, round(SHORT_S / max(rough_s, 1e-6)))
    longest_s = max(latency_s, rough_s, enqueue_s)
    count = min(MOST_CALLS, max(LEAST_CALLS, int(seconds / (2 * longest_s * together))))
    calls_ns = _between(call, stream, clock, enqueue_s, together, count)
    block_s = min(BLOCK_S, max(seconds, longest_s) / BLOCKS)
    block_calls = max(1, round(block_s / max(rough_s, enqueue_s)))
    return DeviceTimes(
        tuple(calls_ns), enqueue_ns, _blocks(call, stream, clock, block_calls), block_calls
    )


def _launches(call: Call, clock: Clock) -> tuple[int, ...]:
    """Time launching alone: before each call the device is idle, so that its queue is empty.

    A full queue, of about a thousand kernels, would let the host wait for the device.
    """
    found = []
    for _ in range(LAUNCHES):
        clock.wait()
        before = clock.now_ns()
        call()
        found.append(clock.now_ns() - before)
    clock.wait()
    return tuple(found)


def _between(
    call: Call, stream: Stream, clock: Clock, enqueue_s: float, together: int, count: int
) -> list[int]:
    """Time calls from event to event, in ascending order; there is one wait, at the end."""
    pairs = []
    for _ in range(count):
        stream.hold(min(LONGEST_HOLD_S, 1.5 * enqueue_s * together))
        first = stream.mark()
        for _ in range(together):
            call()
        pairs.append((first, stream.mark()))
    clock.wait()
    return sorted(round(stream.between_ns(*pair) / together) for pair in pairs)


def _blocks(call: Call, stream: Stream, clock: Clock, calls: int) -> tuple[int, ...]:
    marks = [stream.mark()]
    for _ in range(BLOCKS):
        for _ in range(calls):
            call()
        marks.append(stream.mark())
    clock.wait()
    return tuple(round(stream.between_ns(first, last)) for first, last in pairwise(marks))
