"""A machine, and how well one can measure on it."""

from dataclasses import dataclass
from typing import Any

from archbench.record import Record, Row
from archbench.timing.ceilings import Ceilings
from archbench.timing.machine.disturbances import BusyProcess, CpuLoad
from archbench.timing.machine.records import Environment
from archbench.units import counted, duration, memory

TITLES = {  # of the fields whose name is no title
    "cores": "visible cores",
    "quota_cores": "quota, cores",
    "blas": "BLAS",
    "onednn": "oneDNN",
    "cudnn": "cuDNN",
    "cuda": "CUDA",
    "mig": "MIG",
    "tf32_matmul": "TF32 products",
    "tf32_cudnn": "TF32 convolutions",
    "device_memory_bytes": "device memory",
    "memory_bytes": "memory",
    "power_limit_w": "power limit, W",
}


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

    @property
    def summary_line(self) -> str:
        """Between processes, and between turns in one process."""
        apart = f"processes {self.level_sd:.1%}, turns {self.ratio_sd:.2%} apart (sd)"
        return f"{self.model} {duration(self.latency_median_s)}: {apart}"

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

    @property
    def summary_line(self) -> str:
        """The machine, and how much there is to change."""
        return f"{counted(len(self.advice), 'piece')} of advice; {self.environment.summary_line}"

    def to_rows(self) -> list[Row]:
        """Return a row for each known fact; "=" marks those that fingerprints are made of."""
        compared = set(self.environment.compared())
        return [
            {
                "fact": TITLES.get(name, name.replace("_", " ")),
                "value": _written(name, value),
                "compared": "=" if name in compared else "",
            }
            for name, value in self.environment.to_dict().items()
            if value not in (None, [], {})
        ]


def _written(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes") and isinstance(value, int):
        return memory(value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
