"""What a run of the time gate compares: base and head, and how one pair of a cell is measured."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from archbench.gates.records import Verdict
from archbench.gates.time.pairs import Pair

CONTROL = "(base against itself)"

Measure = Callable[[Pair], Pair]  # returns the pair with its times, or with its failure


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides that are to be measured against each other."""

    base: str  #: what base is, for people
    head: str  #: what head is, for people
    measure: Mapping[str, Measure]  #: for each cell that can be compared, and for the control
    verdicts: tuple[Verdict, ...] = ()  #: of cells that are not measured
    one_process: bool = False  #: a pair is one process in which both take turns, not two

    @property
    def cells(self) -> list[str]:
        """Names of the cells to be measured."""
        return [name for name in self.measure if name != CONTROL]


def control_of(measures: Sequence[Measure]) -> Measure:
    """Return the function that measures the control: base of one cell against itself.

    The cell is the first one that can be measured.
    """
    untried = list(measures)

    def measure(pair: Pair) -> Pair:
        while True:
            control = replace(untried[0](pair), cell=CONTROL, control=True)
            if control.failure is None or len(untried) == 1:
                return control
            untried.pop(0)

    return measure


def without_sources(measure: Measure) -> Measure:
    """Return a function that measures two sides without noting the files of their models.

    The gate takes sides for equal whose models come from one file; these differ by arguments.
    """
    return lambda pair: replace(measure(pair), sources={})
