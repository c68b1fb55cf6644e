"""Rates of false alarms and of detections of the time gate, on one machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from archbench.gates.records import Word
from archbench.record import Record, Row
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
    def summary_line(self) -> str:
        """Network, slowdown, and how many gates said regressed."""
        gates = f"{self.found} of {self.runs:,} gates" + (
            "" if self.source == "run" else " (resampled)"
        )
        return f"{self.model}, {self.slowdown:.1%} slower: {gates} said regressed"

    def to_rows(self) -> list[Row]:
        """Return the rate as one row, with a column for each verdict that its gates gave."""
        row = self.to_dict()
        del row["words"]
        return [row | {f"said_{word}": count for word, count in self.words.items()}]

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

    @property
    def summary_line(self) -> str:
        """False alarms and detections of the gates that ran."""
        ran = [rate for rate in self.rates if rate.source == "run"]
        parts = [_share("false alarms", [rate for rate in ran if not rate.slowdown])]
        parts += [
            _share(f"{slowdown:.1%} found", [rate for rate in ran if rate.slowdown == slowdown])
            for slowdown in dict.fromkeys(rate.slowdown for rate in ran if rate.slowdown)
        ]
        models = ", ".join(dict.fromkeys(rate.model for rate in self.rates))
        return f"{models}: {', '.join(filter(None, parts)) or 'no gates'}"

    def to_rows(self) -> list[Row]:
        """Return a row for each rate."""
        return [row for rate in self.rates for row in rate.to_rows()]


def _share(what: str, rates: Sequence[Rate]) -> str:
    """Write how many gates of several rates said regressed; empty where there are none."""
    runs = sum(rate.runs for rate in rates)
    return f"{what} {sum(rate.found for rate in rates)} of {runs:,}" if runs else ""
