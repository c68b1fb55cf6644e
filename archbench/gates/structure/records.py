"""The records of the structure gate: cells, budgets, allowances, changes, and a check."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal, get_args

from archbench.gates.records import NOTHING, Verdict, Word, exit_code, worst_words
from archbench.gates.verdict_words import tally
from archbench.record import Record, Row, as_json
from archbench.units import counted

Metric = Literal[
    "params",
    "trainable_params",
    "buffers",
    "macs",
    "activations",
    "operators",
    "weight_bytes",
    "peak_activation_bytes",
]
METRICS: tuple[Metric, ...] = get_args(Metric)


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit on a figure, whatever a lock says."""

    metric: Metric | Literal["flops"]  #: the figure
    sign: str  #: "<=", "<", ">=", ">" or "=="
    limit: Fraction  #: exact
    text: str  #: as the user wrote it


@dataclass(frozen=True, slots=True)
class Allowance:
    """Growth that is no regression: a share of the locked figure, or a number."""

    metric: Metric  #: the figure
    share: Fraction = Fraction(0)  #: of the locked figure
    more: int = 0  #: in the unit of the figure

    def allows(self, before: int, now: int) -> bool:
        """Tell whether a figure may grow from one value to another."""
        return now <= before * (1 + self.share) + self.more


@dataclass(frozen=True, slots=True)
class GateCell:
    """A declared cell: a network at one input size, under a name of the user's."""

    name: str  #: unique among the cells
    model: str  #: a MODEL string
    #: without the batch, one text for each input; empty for the architecture's own
    input_size: tuple[str, ...] = ()
    batch_size: int = 1  #: samples in one pass
    #: arguments of the network or factory
    model_kwargs: Mapping[str, Any] = field(default_factory=dict, hash=False)
    budgets: tuple[Budget, ...] = ()  #: limits of its figures


Kind = Literal["changed", "added", "removed", "renamed", "moved"]
What = Literal["stage", "layer", "operator"]


@dataclass(frozen=True, slots=True)
class Part(Record):
    """A stage, a layer or a kind of operator, before or after a change."""

    name: str
    type: str = ""
    output_shape: tuple[int, ...] | None = None
    params: int = 0
    macs: int = 0
    activations: int = 0
    calls: int = 0
    trainable_params: int = 0
    buffers: int = 0

    @property
    def summary_line(self) -> str:
        """Name, type, parameters and calls."""
        kind = f" ({self.type})" if self.type else ""
        calls = counted(self.calls, "call")
        return f"{self.name or '(itself)'}{kind}: {self.params:,} params, {calls}"


@dataclass(frozen=True, slots=True)
class StructureChange(Record):
    """A part of a network that differs from the lock."""

    cell: str  #: its name
    what: What  #: that the part is
    kind: Kind  #: of the change
    before: Part | None  #: in the lock; None for an added part
    now: Part | None  #: None for a removed part

    @property
    def summary_line(self) -> str:
        """Cell, kind of part, kind of change, and the part's name."""
        part = self.now or self.before
        name = "" if part is None else f" {part.name or '(itself)'}"
        return f"{self.cell}: {self.what}{name} {self.kind}"


@dataclass(frozen=True, slots=True)
class Check(Record):
    """All that the structure gate found."""

    COLUMNS = (
        *("cell", "metric", "verdict", "before", "now", "limit", "ratio", "low", "high", "mde"),
        *("p", "note", "complete"),
    )

    lock: str  #: the file that was checked against
    cells: tuple[str, ...]  #: names of the cells that were computed, failed ones included
    verdicts: tuple[Verdict, ...]  #: of every figure of every cell; cells in their order
    changes: tuple[StructureChange, ...] = ()  #: of structure
    #: what was computed, cell by cell
    figures: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)  #: on a cell as a whole
    #: (cell, operation) without a counting rule: MACs are a lower bound there
    uncounted: tuple[tuple[str, str], ...] = ()
    missed: tuple[tuple[str, str], ...] = ()  #: (cell, what the count left out besides)
    incomplete: tuple[str, ...] = ()  #: cells whose MACs are lower bounds
    other_convention: bool = False  #: the lock counts by another convention
    #: the command that accepts the changes, or what has to come first; empty where nothing changed
    accept: str = ""
    strict: bool = False  #: cells that could not be decided fail too

    @property
    def summary_line(self) -> str:
        """The lock, how many cells have which verdict, and the exit code."""
        words = tally(list(self.verdict_of_cell.values())) or "no cells"
        return f"against {self.lock}: {words}; exit code {self.exit_code}"

    @property
    def verdict_of_cell(self) -> dict[str, Word]:
        """Each cell's worst verdict, worst cells first."""
        return worst_words(self.verdicts)

    @property
    def exit_code(self) -> int:
        """0 fine, 1 regressed, 3 failed, 4 undecided under strict, 5 nothing was computed."""
        if not self.cells:
            return NOTHING
        return exit_code(self.verdict_of_cell.values(), self.strict, bool(self.incomplete))

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench check -f json` prints, schema archbench.check/1."""
        return {
            "schema": "archbench.check/1",
            "lock": self.lock,
            "verdicts": as_json(self.verdicts),
            "cells": [
                {
                    "name": name,
                    "verdict": verdict,
                    "figures": dict(self.figures[name]) if name in self.figures else None,
                    **({"complete": False} if name in self.incomplete else {}),
                    "note": self.notes.get(name, ""),
                }
                for name, verdict in self.verdict_of_cell.items()
            ],
            "structure": as_json(self.changes),
            "uncounted": [{"cell": cell, "op": op} for cell, op in self.uncounted],
            "missed": [{"cell": cell, "gap": gap} for cell, gap in self.missed],
            "accept": self.accept,
            "strict": self.strict,
            "exit_code": self.exit_code,
        }

    def to_rows(self) -> list[Row]:
        """Return a row for each verdict, and one for each note on a cell."""
        notes = [Verdict(name, None, "ok", note=note) for name, note in self.notes.items()]
        return [row for verdict in (*self.verdicts, *notes) for row in verdict.to_rows()]
