"""A machine, and how well one can measure on it."""

from dataclasses import dataclass
from typing import Any

from archbench.record import Record
from archbench.timing.ceilings import Ceilings
from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.machine.records import Environment


@dataclass(frozen=True, slots=True)
class Noise(Record):
    """What the same network measured twice differs by, on a machine as it is now."""

    model: str  #: that ran, twice in each process
    sessions: int  #: fresh processes
    rounds: int  #: turns in all of them
    latency_median_s: float  #: of the network
    #: of the logarithm of a process's median: how processes differ from one another
    level_sd: float
    #: of the logarithm of a process's ratio of the two: what is left when both take turns in one
    #: process
    ratio_sd: float
    #: (processes, the difference that `compare` sees nine times in ten)
    detectable: tuple[tuple[int, float], ...]
    #: (processes, half the width that a latency's 95 % interval has)
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
    """What `archbench doctor` found."""

    SCHEMA = "archbench.doctor/1"

    environment: Environment  #: of a worker process
    load: CpuLoad  #: what others took of the processor while nothing was measured
    busiest: tuple[BusyProcess, ...]  #: the processes that took most
    available_memory_bytes: int | None  #: what is left
    noise: Noise | None  #: None where it was not measured
    ceilings: Ceilings | None  #: None where they were not measured
    advice: tuple[str, ...]  #: sentences, one for each thing to change
