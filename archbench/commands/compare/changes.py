"""Profiles and sessions beside each other, as changes with their verdicts."""

from collections.abc import Sequence
from math import log
from statistics import median

from archbench.analysis.records import BOUNDED, Profile, StageCost, Totals
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
        model = other.model
        changes += [
            counted_change(metric, "total", model, reference.totals, other.totals)
            for metric in TOTALS
        ]
        for name in stage_names(profiles):
            left, right = reference.stage(name), other.stage(name)
            if left is not None or right is not None:
                changes += [
                    counted_change(metric, name, model, left, right)
                    for metric in ("params", "macs")
                ]
        calls = {op.op: op.calls for op in reference.operations}
        others = {op.op: op.calls for op in other.operations}
        changes += [
            _change("calls", op, model, calls.get(op, 0), others.get(op, 0))
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

    The interval is the ratio's 95 % interval of `count` values, three or more. It reaches so many
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


def counted_change(
    metric: str,
    subject: str,
    model: str,
    left: Totals | StageCost | None,
    right: Totals | StageCost | None,
) -> Change:
    """Compare a count of a network, or of a stage that one of the two may lack."""
    a, b = (None if one is None else getattr(one, metric) for one in (left, right))
    bounded = metric in BOUNDED
    return _change(
        metric,
        subject,
        model,
        a,
        b,
        a_is_whole=not bounded or left is None or left.complete,
        b_is_whole=not bounded or right is None or right.complete,
    )


def _change(
    metric: str,
    subject: str,
    model: str,
    a: int | None,
    b: int | None,
    a_is_whole: bool = True,
    b_is_whole: bool = True,
) -> Change:
    complete = a_is_whole and b_is_whole
    verdict = structure_verdict(a, b, a_is_whole, b_is_whole)
    ratio = b / a if complete and a and b is not None else None
    return Change(metric, subject, model, a, b, verdict, ratio, complete=complete)


def structure_verdict(
    a: int | None, b: int | None, a_is_whole: bool = True, b_is_whole: bool = True
) -> StructureVerdict:
    """Compare two counts; what one of them does not have counts as nothing.

    A count that is not whole is a lower bound. What it can still show is that its network has more.

    >>> structure_verdict(7, 9, b_is_whole=False), structure_verdict(9, 7, b_is_whole=False)
    ('larger', 'unknown')
    """
    left, right = a or 0, b or 0
    if a_is_whole and b_is_whole:
        return "equal" if left == right else "smaller" if right < left else "larger"
    if right > left and a_is_whole:
        return "larger"
    if left > right and b_is_whole:
        return "smaller"
    return "unknown"


def time_verdict(ratio: float, interval: tuple[float, float] | None) -> TimeVerdict:
    """Return the verdict that the interval of a ratio of times supports.

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
