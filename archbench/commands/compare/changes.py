"""Profiles and sessions beside each other, as changes with their verdicts."""

from collections.abc import Sequence
from math import log
from statistics import median

from archbench.analysis.records import Profile
from archbench.commands.compare.records import Change, Comparison, StructureVerdict, TimeVerdict
from archbench.gates.rules import IMPORTANT, NEGLIGIBLE
from archbench.statistics.intervals import CONFIDENCE, detectable_with, student_quantile
from archbench.timing.ratios import ratio_to_reference
from archbench.timing.records import Session

TOTALS = ("params", "trainable_params", "buffers", "macs", "flops", "activations", "depth")


def compare_structure(profiles: Sequence[Profile]) -> Comparison:
    """Compare totals, stages of the same name, and operations of every profile with the first's."""
    changes: list[Change] = []
    reference = profiles[0]
    for other in profiles[1:]:
        for metric in TOTALS:
            a, b = getattr(reference.totals, metric), getattr(other.totals, metric)
            changes.append(_change(metric, "total", other.model, a, b))
        for name in stage_names(profiles):
            left, right = reference.stage(name), other.stage(name)
            if left is None and right is None:
                continue
            for metric in ("params", "macs"):
                a = None if left is None else getattr(left, metric)
                b = None if right is None else getattr(right, metric)
                changes.append(_change(metric, name, other.model, a, b))
        calls = {op.op: op.calls for op in reference.operations}
        others = {op.op: op.calls for op in other.operations}
        changes += [
            _change("calls", op, other.model, calls.get(op, 0), others.get(op, 0))
            for op in dict.fromkeys([*calls, *others])
        ]
    return Comparison(tuple(profiles), tuple(changes))


def with_times(comparison: Comparison, sessions: Sequence[Session]) -> Comparison:
    """Add what sessions measured, in which all the models took turns."""
    latencies = [
        median(session.median_s(i) for session in sessions) for i in range(len(comparison.profiles))
    ]
    changes = list(comparison.changes)
    for i, profile in enumerate(comparison.profiles[1:], 1):
        ratio, interval = ratio_to_reference(sessions, i)
        low, high = interval or (None, None)
        mde = None if interval is None else detectable_difference(ratio, interval, len(sessions))
        verdict = time_verdict(ratio, interval)
        a, b = latencies[0], latencies[i]
        changes.append(
            Change("latency_median_s", "total", profile.model, a, b, verdict, ratio, low, high, mde)
        )
    return Comparison(comparison.profiles, tuple(changes), tuple(sessions), tuple(latencies))


def detectable_difference(ratio: float, interval: tuple[float, float], count: int) -> float:
    """Return the difference that a measurement this precise would show nine times in ten.

    The interval is the ratio's 95 % interval of `count` values, two or more. It reaches so many
    standard errors to either side as Student's 97.5 % point has.
    """
    reach = log(max(interval[1] / ratio, ratio / interval[0]))
    return detectable_with(
        reach / student_quantile((1 + CONFIDENCE) / 2, count - 1), count, NEGLIGIBLE
    )


def stage_names(profiles: Sequence[Profile]) -> list[str]:
    """Merge the stages of several networks into one order that keeps each network's own."""
    merged: list[str] = []
    for profile in profiles:
        at = 0
        for stage in profile.stages:
            if stage.name in merged:
                at = merged.index(stage.name) + 1
            else:
                merged.insert(at, stage.name)
                at += 1
    return merged


def _change(metric: str, subject: str, model: str, a: int | None, b: int | None) -> Change:
    ratio = b / a if a and b is not None else None
    return Change(metric, subject, model, a, b, structure_verdict(a, b), ratio)


def structure_verdict(a: int | None, b: int | None) -> StructureVerdict:
    """Compare two exact counts; what one of them does not have counts as nothing."""
    left, right = a or 0, b or 0
    return "equal" if left == right else "smaller" if right < left else "larger"


def time_verdict(ratio: float, interval: tuple[float, float] | None) -> TimeVerdict:
    """Call a measured ratio of times what its interval allows, and no more.

    Faster or slower: the whole interval lies on one side of 1, and the ratio is 1 % away from it.
    No difference: the whole interval lies within 5 %. Otherwise the measurement cannot tell.
    """
    if interval is None:
        return "inconclusive"
    low, high = interval
    if low > 1 and ratio >= 1 + NEGLIGIBLE:
        return "slower"
    if high < 1 and ratio <= 1 - NEGLIGIBLE:
        return "faster"
    if low > 1 / (1 + IMPORTANT) and high < 1 + IMPORTANT:
        return "no_difference"
    return "inconclusive"
