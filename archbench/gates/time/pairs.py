"""One pair of the time gate, base and head of one cell in turn; and the plan of a whole run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import exp, log
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
Slice = tuple[int, ...]  # nanoseconds of consecutive calls


@dataclass(frozen=True)
class Pair(Record):
    """One pair with its raw times."""

    SCHEMA = "archbench.pair/1"
    OMITTED = ("tensors",)

    cell: str  #: its name
    stage: Stage  #: screening of all cells, confirmation of the suspects, or their extension
    number: int  #: among the pairs of that cell and stage, from 0
    control: bool  #: base against itself, which shows whether the machine is quiet enough
    seed: int  #: of weights, inputs and the order of slices
    first: Side  #: the side that was started first
    core: int | None = None  #: the one core that both sides shared; None where they were free
    base: tuple[Slice, ...] = ()  #: slices of base, one a round
    head: tuple[Slice, ...] = ()  #: slices of head, one a round
    settled: bool = False  #: whether the times had stopped drifting before the first round
    flags: tuple[Flag, ...] = ()  #: what a reader should know
    load: CpuLoad | None = None  #: what other processes took of the processor meanwhile
    started_s: float = 0.0  #: Unix time
    wall_s: float = 0.0  #: from the start of the processes to their end
    failure: Failure | None = None  #: why there are no times
    failed: Side | None = None  #: the side that failed
    environment: Environment | None = None  #: of both sides
    #: the file that each side's model came from; None for a model that is not the user's own
    sources: Mapping[Side, str | None] = field(default_factory=dict, hash=False)
    #: modules that a side imported from the other side's tree
    strays: Mapping[Side, tuple[str, ...]] = field(default_factory=dict, hash=False)
    #: every tensor that a side's function of inputs returned, "x:float32:8x3x32x32", with the batch
    tensors: Mapping[Side, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def summary_line(self) -> str:
        """Cell, stage, and the ratio of the two times, or why there is none."""
        which = f"{self.cell}, {self.stage} {self.number}{' (control)' if self.control else ''}"
        if self.failure is not None:
            return f"{which}: {self.failure.summary_line}"
        return f"{which}: ratio {exp(self.log_ratio):.3f}" if self.base else f"{which}: no times"

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
    """What a run of the time gate compares; the first line of a recorded run."""

    SCHEMA = "archbench.gate/1"

    cells: tuple[str, ...]  #: names of the cells that are measured
    control: str  #: the name of the control, base against itself
    base: str  #: what base is: a commit, or a model
    head: str  #: what head is, likewise
    rules: Rules  #: the numbers of the gate
    known: tuple[Verdict, ...] = ()  #: of cells that are not measured, such as those only base has
    one_process: bool = False  #: a pair is one process in which both take turns, not two
