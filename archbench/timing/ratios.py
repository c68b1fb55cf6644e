"""Ratios between the times of models that took turns."""

from collections.abc import Sequence
from math import exp, log
from statistics import median

from archbench.statistics.intervals import hodges_lehmann, log_interval
from archbench.timing.records import Session


def log_ratio(session: Session, model: int) -> float:
    """Return the median over rounds of log(model's time / reference's time)."""
    pairs = zip(session.times_ns[0], session.times_ns[model], strict=True)
    return median(log(b / a) for a, b in pairs)


def ratio_to_reference(
    sessions: Sequence[Session], model: int
) -> tuple[float, tuple[float, float] | None]:
    """Return the ratio of a model's time to the reference's, and its 95 % confidence interval.

    Each process gives the median of its rounds. Rounds of one process share its place in memory and
    its neighbours, so the interval is over processes; it is None for fewer than three.
    """
    logs = [log_ratio(session, model) for session in sessions]
    ratio, interval = exp(hodges_lehmann(logs)), log_interval(logs)
    return ratio, None if interval is None else (exp(interval[0]), exp(interval[1]))
