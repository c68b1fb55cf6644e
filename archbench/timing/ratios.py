"""How the times of models that took turns relate to each other."""

from collections.abc import Sequence
from math import exp, log
from statistics import median

from archbench.statistics.intervals import hodges_lehmann, log_interval
from archbench.timing.records import Session


def log_ratio(session: Session, model: int) -> float:
    """Return the median over rounds of the logarithm of a model's time over the reference's."""
    pairs = zip(session.times_ns[0], session.times_ns[model], strict=True)
    return median(log(b / a) for a, b in pairs)


def ratio_to_reference(
    sessions: Sequence[Session], model: int
) -> tuple[float, tuple[float, float] | None]:
    """Estimate how a model's time relates to the reference's, over several processes.

    Each round gives the log of one ratio, each process the median of its rounds. Rounds of one
    process share its luck with memory and neighbours, so the interval is over processes.

    Returns the ratio, and its 95 % interval, or None where there is one process only.
    """
    logs = [log_ratio(session, model) for session in sessions]
    interval = log_interval(logs)
    if interval is None:
        return exp(hodges_lehmann(logs)), None
    return exp(hodges_lehmann(logs)), (exp(interval[0]), exp(interval[1]))
