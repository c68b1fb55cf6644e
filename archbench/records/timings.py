"""What was measured, and on which machine."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Environment:
    """Where something was measured."""

    python: str
    torch: str
    system: str
    processor: str
    cores: int | None  # this process may run on
    threads: int  # torch computes with
    device: str
    device_name: str

    def to_dict(self) -> dict[str, Any]:
        """Return the environment as the JSON contract names it."""
        return {
            "python": self.python,
            "torch": self.torch,
            "system": self.system,
            "processor": self.processor,
            "cores": self.cores,
            "threads": self.threads,
            "device": self.device,
            "device_name": self.device_name,
        }


@dataclass(frozen=True, slots=True)
class Session:
    """Raw times of one process, in which the models took turns call by call.

    Args:
        models: their names; the first is the reference.
        rounds_ns: one tuple per round, the time of each model's call in it.
        warm_up_rounds: rounds before those, thrown away.
        settled: whether the times had stopped drifting when measuring began.
        seed: of the order in which the models took turns.
    """

    models: tuple[str, ...]
    rounds_ns: tuple[tuple[int, ...], ...]
    batch_size: int
    warm_up_rounds: int
    settled: bool
    seed: int
    environment: Environment
