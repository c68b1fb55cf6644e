"""Sessions of one cell, summed up as a Timing."""

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from archbench.analysis.memory.records import MemoryEstimate
from archbench.commands.bench.records import Timing
from archbench.statistics.intervals import interval_of_centre, quantile
from archbench.timing.cells import Cell
from archbench.timing.records import Flag, Session

LAUNCH_BOUND = 0.8  # launching takes more than this share of the device's time: trtexec's rule
LEAST_P90, LEAST_P99 = 64, 662  # samples; MLPerf LoadGen's minima for 90 % and 99 %
LEAST_CALLS = 3  # a process that got fewer was cut short
OFTEN = 0.5  # a flag that depends on the moment counts where this share of sessions has it

_MOMENTARY: frozenset[Flag] = frozenset({"cut_short", "unsettled", "foreign_process", "throttled"})


def timing_of(
    cell: Cell,
    sessions: Sequence[Session],
    macs: int | None = None,
    gaps: tuple[str, ...] = (),
    estimate: MemoryEstimate | None = None,
) -> Timing:
    """Return what all sessions of a cell add up to, failed ones among them; there may be none."""
    good = [session for session in sessions if session.failure is None and session.rounds]
    failed = next((session.failure for session in sessions if session.failure), None)
    if not good:
        flag: Flag = "out_of_time" if failed is None else failed.kind
        return Timing(cell, macs=macs, gaps=gaps, estimate=estimate, flags=(flag,), failure=failed)
    # the times of one that was cut short are of a process that was not warm
    good = [session for session in good if session.rounds >= LEAST_CALLS] or good
    medians = [session.median_s() for session in good]
    low, high = interval_of_centre(medians) or (None, None)
    pooled = sorted(time for session in good for time in session.times_ns[0])
    single = all(session.calls_per_time == 1 for session in good)  # means have no tails
    device_s = _device_median_s(good)
    flags = _flags(good)
    if device_s is not None and _launch_bound(good, device_s):
        flags = (*flags, "launch_bound")
    if failed is not None:
        flags = (*flags, failed.kind)
    return Timing(
        cell,
        sessions=len(good),
        samples=len(pooled),
        latency_median_s=median(medians),
        latency_low_s=low,
        latency_high_s=high,
        latency_p90_s=quantile(pooled, 0.9) / 1e9 if single and len(pooled) >= LEAST_P90 else None,
        latency_p99_s=quantile(pooled, 0.99) / 1e9 if single and len(pooled) >= LEAST_P99 else None,
        device_median_s=device_s,
        throughput_per_s=median(_throughput_per_s(session, cell.batch_size) for session in good),
        compile_cold_s=_compile_s(good, before=False),
        compile_warm_s=_compile_s(good, before=True),
        peak_memory_bytes=_most(session.peak_memory_bytes for session in good),
        activations_peak_bytes=_most(session.activations_peak_bytes for session in good),
        estimate=estimate,
        macs=macs,
        gaps=gaps,
        flags=flags,
        failure=failed,
    )


def _throughput_per_s(session: Session, batch_size: int) -> float:
    """Return samples per second of passes back to back: of blocks where the device has its own."""
    if session.device is not None:
        seconds = sum(session.device.block_ns) / 1e9
        return batch_size * session.device.block_calls * len(session.device.block_ns) / seconds
    return batch_size * session.rounds / (sum(session.times_ns[0]) / 1e9)


def _device_median_s(sessions: Sequence[Session]) -> float | None:
    medians = [median(s.device.calls_ns) / 1e9 for s in sessions if s.device is not None]
    return median(medians) if medians else None


def _launch_bound(sessions: Sequence[Session], device_s: float) -> bool:
    launching = [median(s.device.enqueue_ns) / 1e9 for s in sessions if s.device is not None]
    return median(launching) > LAUNCH_BOUND * device_s


def _compile_s(sessions: Sequence[Session], before: bool) -> float | None:
    times = [
        session.compile_s
        for session in sessions
        if session.compile_s is not None and session.compiled_before is before
    ]
    return median(times) if times else None


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _flags(sessions: Sequence[Session]) -> tuple[Flag, ...]:
    """Merge the sessions' flags; one that comes with the moment must be there in half of them."""
    counts = Counter(flag for session in sessions for flag in session.flags)
    return tuple(
        flag
        for flag, count in counts.items()
        if flag not in _MOMENTARY or count >= OFTEN * len(sessions)
    )
