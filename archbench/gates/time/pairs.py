"""What one pair of fresh processes measured: base and head of one cell, in turn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import log
from statistics import median
from typing import Literal

from archbench.gates.records import Verdict
from archbench.gates.rules import Rules
from archbench.record import Record
from archbench.statistics.trimmed_mean import trimmed_mean
from archbench.timing.machine.disturbances import CpuLoad
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure, Flag

Side = Literal["base", "head"]
Stage = Literal["screen", "confirm", "extend"]
Slice = tuple[int, ...]  # nanoseconds of calls that followed each other


@dataclass(frozen=True)
class Pair(Record):
    """Raw times of one pair."""

    SCHEMA = "archbench.pair/1"

    cell: str  #: its name
    #: of the gate: a screen of all cells, the confirmation of what stood out, or its one extension
    stage: Stage
    number: int  #: among the pairs of that cell and stage, from 0
    control: bool  #: base against itself, to find out whether the machine can be believed
    seed: int  #: of weights, inputs and the order of slices
    first: Side  #: the side that was started first
    core: int | None = None  #: the one that both sides shared; None where they were free
    base: tuple[Slice, ...] = ()  #: slices of base, one a round
    head: tuple[Slice, ...] = ()  #: slices of head, likewise
    settled: bool = False  #: whether the times had stopped drifting when they were taken
    flags: tuple[Flag, ...] = ()  #: what a reader should know
    load: CpuLoad | None = None  #: what others took of the processor meanwhile
    started_s: float = 0.0  #: Unix time
    wall_s: float = 0.0  #: from the start of the processes to their end
    failure: Failure | None = None  #: why there are no times
    failed: Side | None = None  #: the side that failed
    environment: Environment | None = None  #: of both
    #: the file that each side's model came from, where that is the user's own
    sources: Mapping[Side, str | None] = field(default_factory=dict, hash=False)
    #: modules that a side imported from the other side's tree
    strays: Mapping[Side, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @cached_property
    def log_ratio(self) -> float:
        """The logarithm of head's time over base's: the trimmed mean over rounds."""
        return trimmed_mean(log_ratios(zip(self.base, self.head, strict=True)))

    @property
    def base_s(self) -> float:
        """The median time of base's slices."""
        return median(median(times) for times in self.base) / 1e9

    @property
    def head_s(self) -> float:
        """The median time of head's slices."""
        return median(median(times) for times in self.head) / 1e9


def log_ratios(rounds: Iterable[tuple[Slice, Slice]]) -> list[float]:
    """Return the logarithm of head's time over base's, round by round."""
    return [log(median(head) / median(base)) for base, head in rounds]


@dataclass(frozen=True, slots=True)
class GatePlan(Record):
    """What a run of the time gate is about; the first line of a recorded one."""

    SCHEMA = "archbench.gate/1"

    cells: tuple[str, ...]  #: names of what is judged
    control: str  #: the name of base against itself
    base: str  #: what it is: a commit, or a model
    head: str  #: likewise
    rules: Rules  #: the numbers of the gate
    #: verdicts that need no measuring: of cells that only base has, and the like
    known: tuple[Verdict, ...] = ()
    one_process: bool = False  #: a pair is one process in which both take turns, not two
