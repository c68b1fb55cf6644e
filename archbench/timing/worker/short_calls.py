"""Calls that are too short for the clock: several of them share one reading."""

from collections.abc import Sequence

from archbench.timing.worker.clock import Call, Clock, time_of
from archbench.timing.worker.loading import ReadyCell

SHORT_CALL_NS = 10_000  # reading the clock takes a hundredth of it: shorter calls share a reading
LONG_CALL_NS = 1_000_000  # a first call that takes this long is not a very short one


def calls_per_reading(ready: Sequence[ReadyCell], clock: Clock) -> int:
    """Return how many calls share one reading of the clock: 1, but for very short calls."""
    shortest = SHORT_CALL_NS
    for cell in ready:
        # the first call of a compiled model says nothing about the others
        if cell.first_ns > LONG_CALL_NS and not cell.prepared.compiled:
            continue
        shortest = min(shortest, time_of(cell.call, clock))
    return -(-SHORT_CALL_NS // max(1, shortest))


def repeated(call: Call, times: int) -> Call:
    """Return a function that makes so many calls; a single call is returned as it is."""
    if times == 1:
        return call

    def calls() -> None:
        for _ in range(times):
            call()

    return calls
