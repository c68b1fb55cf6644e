"""A machine, and how well one can measure on it."""

from dataclasses import dataclass
from typing import Any

from archbench.record import Record
from archbench.timing.ceilings import Ceilings
from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.machine.records import Environment


@dataclass(frozen=True, slots=True)
class Noise(Record):
    """What the same network measured twice differs by, on a machine as it is now.

    Args:
        model: that ran, twice in each process.
        sessions: fresh processes.
        rounds: turns in all of them.
        latency_median_s: of the network.
        level_sd: of the logarithm of a process's median: how processes differ from one another.
        ratio_sd: of the logarithm of a process's ratio of the two: what is left when both take
            turns in one process.
        detectable: (processes, the difference that `compare` sees nine times in ten).
        bench_interval: (processes, half the width that a latency's 95 % interval has).
    """

    model: str
    sessions: int
    rounds: int
    latency_median_s: float
    level_sd: float
    ratio_sd: float
    detectable: tuple[tuple[int, float], ...]
    bench_interval: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the noise under its JSON names."""
        return {
            **Record.to_dict(self),
            "detectable": {str(count): effect for count, effect in self.detectable},
            "bench_interval": {str(count): width for count, width in self.bench_interval},
        }


@dataclass(frozen=True, slots=True)
class Diagnosis(Record):
    """What `archbench doctor` found.

    Args:
        environment: of a worker process.
        load: what others took of the processor while nothing was measured.
        busiest: the processes that took most.
        available_memory_bytes: what is left.
        noise: None where it was not measured.
        ceilings: None where they were not measured.
        advice: sentences, one for each thing to change.
    """

    SCHEMA = "archbench.doctor/1"

    environment: Environment
    load: CpuLoad
    busiest: tuple[BusyProcess, ...]
    available_memory_bytes: int | None
    noise: Noise | None
    ceilings: Ceilings | None
    advice: tuple[str, ...]
