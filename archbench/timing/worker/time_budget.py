"""How long a session warms up and measures."""

import time
from dataclasses import dataclass

from archbench.timing.jobs import Job
from archbench.timing.worker.process_setup import Place

CPU_WARM_UP_S = (0.4, 3.0)  # at least, at most
ACCELERATOR_WARM_UP_S = (1.0, 6.0)  # their clocks rise slowly
WARM_UP_SHARE = 0.4  # of a limited time, at most
MEASURE_S = 1.0  # where neither the job nor its budget says


@dataclass(frozen=True, slots=True)
class Effort:
    """Time limits of a session, in seconds; a round that has begun is completed."""

    warm_up_least_s: float  #: warming up takes at least so long
    warm_up_most_s: float  #: then measuring begins, whether the times have settled or not
    measure_s: float  #: of the rounds that are kept
    least_rounds: int = 3  #: that are kept, however long they take


def warm_up_s(device_type: str) -> tuple[float, float]:
    """Return the shortest and the longest warm-up of a process whose time is not limited."""
    return CPU_WARM_UP_S if device_type == "cpu" else ACCELERATOR_WARM_UP_S


def effort_of(job: Job, place: Place) -> Effort:
    """Return the usual times, or shares of what is left of the job's budget."""
    least, most = warm_up_s(place.device.type)
    if job.budget_s is None:
        return Effort(least, most, job.measure_s or MEASURE_S)
    left = max(0.0, job.budget_s - (time.time() - job.started_s))
    most = min(most, WARM_UP_SHARE * left)
    # the device's own times and the layers take as long as the rounds, each
    parts = 1 + (place.stream is not None and len(job.cells) == 1) + bool(job.layers)
    measure = (left - most) / parts
    if job.measure_s is not None:
        measure = min(measure, job.measure_s)
    return Effort(min(least, most), most, measure, least_rounds=1)
