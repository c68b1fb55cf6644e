"""How often the time gate is wrong, and how often it sees what is there, on one machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from archbench.gates.records import Word
from archbench.libraries import needed
from archbench.record import Record
from archbench.timing.machine.records import Environment

if TYPE_CHECKING:
    import pandas

Source = Literal["run", "resampled"]


@dataclass(frozen=True, slots=True)
class Rate(Record):
    """How often a gate called a slowdown one."""

    DERIVED = ("rate",)

    model: str  #: that was gated
    slowdown: float  #: that was built into head, as a share; 0 for none
    measured: float | None  #: what all pairs of it together show; None where there are none
    source: Source  #: gates that ran, or gates drawn from the pairs of those
    found: int  #: gates that said regressed
    runs: int  #: all gates
    low: float  #: lower end of the exact 95 % interval of found / runs
    high: float  #: its upper end
    words: Mapping[Word, int]  #: how often each verdict was said
    wall_s: float | None  #: median time of a gate, its control included; None of drawn ones
    cell_s: float | None  #: median time that the cell alone took of it
    pairs: int  #: that were recorded, or drawn from

    @property
    def rate(self) -> float:
        """The share of gates that said regressed."""
        return self.found / self.runs


@dataclass(frozen=True, slots=True)
class SelfTest(Record):
    """All rates, and the way in which they were measured."""

    SCHEMA = "archbench.selftest/1"
    KEYS = ("one_process", "busy", "rates", "environment")

    rates: tuple[Rate, ...]  #: by model, source and slowdown
    one_process: bool  #: base and head took turns call by call in one process, not in two
    busy: bool  #: something else computed in the second half of every gate
    environment: Environment | None  #: where; None where every gate failed

    def to_frame(self) -> "pandas.DataFrame":
        """Return a row for each rate."""
        with needed("pandas", "data frames"):
            import pandas

        return pandas.DataFrame([_flat(rate) for rate in self.rates], dtype=object)


def _flat(rate: Rate) -> dict[str, Any]:
    row = rate.to_dict()
    words = row.pop("words")
    return row | {f"said_{word}": count for word, count in words.items()}
