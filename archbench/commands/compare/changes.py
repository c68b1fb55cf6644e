"""Profiles and sessions beside each other, as changes."""

from collections.abc import Sequence
from math import log
from statistics import median

from archbench.analysis.records import Profile
from archbench.commands.compare.records import Change, Comparison
from archbench.commands.compare.verdicts import structure_verdict, time_verdict
from archbench.gates.rules import NEGLIGIBLE
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

    The interval reaches so many standard errors to either side as Student's 97.5 % point has.

    Args:
        ratio: what was found.
        interval: its 95 % interval.
        count: values that it comes from, two or more.
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
