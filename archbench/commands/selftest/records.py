"""Rates of false alarms and of detections of the time gate, on one machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from archbench.gates.records import Word
from archbench.record import Record
from archbench.timing.machine.records import Environment

Source = Literal["run", "resampled"]


@dataclass(frozen=True, slots=True)
class Rate(Record):
    """How often gates of one network and one slowdown said regressed."""

    DERIVED = ("rate",)

    model: str  #: the network
    slowdown: float  #: of head, as a share; 0 for equal sides
    measured: float | None  #: slowdown that all pairs together show; None where there are no pairs
    source: Source  #: gates that ran, or gates drawn from their pairs
    found: int  #: number of gates that said regressed
    runs: int  #: number of gates
    low: float  #: lower end of the exact 95 % interval of found / runs
    high: float  #: its upper end
    words: Mapping[Word, int]  #: number of gates with each verdict
    wall_s: float | None  #: median duration of a gate, the control included; None for drawn gates
    cell_s: float | None  #: median duration of the cell's own pairs in a gate; None likewise
    pairs: int  #: number of pairs that were recorded, or drawn from

    @property
    def rate(self) -> float:
        """The share of gates that said regressed."""
        return self.found / self.runs


@dataclass(frozen=True, slots=True)
class SelfTest(Record):
    """All rates, and how they were measured."""

    SCHEMA = "archbench.selftest/1"
    KEYS = ("one_process", "busy", "rates", "environment")

    rates: tuple[Rate, ...]  #: by model, source and slowdown
    one_process: bool  #: base and head took turns call by call in one process, not in two
    busy: bool  #: another process computed from the second half of every gate's screening on
    environment: Environment | None  #: where the gates ran; None where every gate failed

    def rows(self) -> list[dict[str, Any]]:
        """Return every rate on one level, with a key for each verdict that its gates gave."""
        rows = []
        for rate in self.rates:
            row = rate.to_dict()
            del row["words"]
            rows.append(row | {f"said_{word}": count for word, count in rate.words.items()})
        return rows
