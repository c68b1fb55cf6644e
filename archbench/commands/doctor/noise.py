"""How noisy a machine is, from sessions in which one network ran as if it were two."""

from collections.abc import Sequence
from math import expm1, log, sqrt
from statistics import median, stdev

from archbench.commands.doctor.records import Noise
from archbench.gates.rules import NEGLIGIBLE
from archbench.statistics.intervals import CONFIDENCE, detectable_with, student_quantile
from archbench.timing.ratios import log_ratio
from archbench.timing.records import Session

PROCESSES = (5, 12, 20)  # that an effect is told for


def noise_of(sessions: Sequence[Session]) -> Noise | None:
    """Return what the sessions differ by; None for fewer than three, which tell nothing."""
    if len(sessions) < 3:
        return None
    levels = [log(session.median_s()) for session in sessions]
    ratios = [log_ratio(session, 1) for session in sessions]
    ratio_sd = sqrt(sum(ratio**2 for ratio in ratios) / len(ratios))  # its centre is known: 0
    level_sd = stdev(levels)
    return Noise(
        model=sessions[0].cells[0].model,
        sessions=len(sessions),
        rounds=sum(session.rounds for session in sessions),
        latency_median_s=median(session.median_s() for session in sessions),
        level_sd=level_sd,
        ratio_sd=ratio_sd,
        detectable=tuple(
            (count, detectable_with(ratio_sd / sqrt(count), count, NEGLIGIBLE))
            for count in PROCESSES
        ),
        bench_interval=tuple((n, half_width(level_sd, n)) for n in PROCESSES),
    )


def half_width(sd: float, processes: int) -> float:
    """Return by how much a latency's 95 % interval reaches above its centre, relatively."""
    return expm1(student_quantile((1 + CONFIDENCE) / 2, processes - 1) * sd / sqrt(processes))
