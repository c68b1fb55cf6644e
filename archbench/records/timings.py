"""What was measured."""

from dataclasses import dataclass

from archbench.records.environments import Environment


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
