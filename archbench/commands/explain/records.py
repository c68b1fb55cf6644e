"""Why another tool prints another number for the same network: the sum from one to the other."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from archbench.analysis.tools.records import Printed, Quantity, Term
from archbench.papers.records import Verdict
from archbench.record import Record, Row, as_json
from archbench.units import counted

Status = Literal["run", "published", "paper", "not_installed", "failed", "not_run"]


@dataclass(frozen=True, slots=True)
class Reconciliation(Record):
    """The way from archbench's count of a network to what one tool prints."""

    tool: str  #: its name
    quantity: Quantity  #: what is counted
    says: str  #: what the tool calls it
    network: str  #: what the tool counted: the same network, or the one that it ships in its place
    start: int  #: archbench's count
    terms: tuple[Term, ...]  #: what is counted otherwise, in the order in which it is added
    status: Status  #: where the printed number comes from, or why there is none
    printed: Printed | None = None  #: what the tool prints; None where that is not known here
    source: str = ""  #: the tool's version, the publication, or how the tool failed
    verdict: Verdict | None = None  #: on a figure of a paper, as `archbench reproduce` judges it

    @property
    def summary_line(self) -> str:
        """The tool, the network, and the number that the tool prints."""
        printed = "not known" if self.printed is None else f"{self.printed.value:,}"
        return f"{self.tool}, {self.quantity} of {self.network}: {printed}"

    def to_rows(self) -> list[Row]:
        """Return a row for each part: the amounts up to "sum" add up to it."""
        parts: list[tuple[str, str | None, int]] = [("ours", None, self.start)]
        parts += [("term", term.name, term.amount) for term in self.terms]
        parts.append(("sum", None, self.total))
        if self.printed is not None:
            parts.append(("printed", self.printed.text, self.printed.value))
            parts.append(("unexplained", None, self.unexplained))
        who = {
            "quantity": self.quantity,
            "tool": self.tool,
            "network": self.network,
            "says": self.says,
            "status": self.status,
        }
        return [who | {"part": part, "name": name, "amount": n} for part, name, n in parts]

    @property
    def total(self) -> int:
        """What the tool should print, by its own rules."""
        return self.start + sum(term.amount for term in self.terms)

    @property
    def agrees(self) -> bool | None:
        """Whether it prints that; None where nothing is known of it."""
        if self.printed is None or self.verdict == "not_derivable":
            return None
        if self.verdict is not None:
            return self.verdict != "inconsistent"
        return self.printed.agrees_with(self.total)

    @property
    def unexplained(self) -> int:
        """What the terms leave between the total and the printed number; 0 where they agree."""
        if self.printed is None or self.agrees is not False:
            return 0
        return self.printed.value - self.total

    def to_dict(self) -> dict[str, Any]:
        """Return the reconciliation under its JSON names."""
        printed = self.printed
        return {
            "tool": self.tool,
            "quantity": self.quantity,
            "says": self.says,
            "network": self.network,
            "start": self.start,
            "terms": as_json(self.terms),
            "total": self.total,
            "printed": None if printed is None else printed.text,
            "printed_unit": None if printed is None else printed.unit,
            "agrees": self.agrees,
            "unexplained": self.unexplained if printed is not None else None,
            "status": self.status,
            "verdict": self.verdict,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Explanation(Record):
    """One network, counted here and elsewhere, for one sample."""

    COLUMNS = ("quantity", "tool", "network", "says", "status", "part", "name", "amount")

    model: str  #: its name
    params: int  #: archbench's count of its parameters
    macs: int  #: archbench's count of its multiply-adds
    inputs: str  #: what it was given, as people write it
    reconciliations: tuple[Reconciliation, ...]  #: one for each tool and quantity
    arguments: Mapping[str, Any] = field(default_factory=dict)  #: arguments of the network
    notes: tuple[str, ...] = ()  #: what was left out, and why

    @property
    def summary_line(self) -> str:
        """The network, and the number of other counts of it."""
        others = counted(len(self.reconciliations), "other count")
        return f"{self.model}: {others} of its params and MACs"

    def to_rows(self) -> list[Row]:
        """Return a row for each part of each sum."""
        return [row for found in self.reconciliations for row in found.to_rows()]

    def of(self, quantity: Quantity) -> tuple[Reconciliation, ...]:
        """Return the reconciliations of one quantity."""
        return tuple(r for r in self.reconciliations if r.quantity == quantity)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench explain -f json` prints, archbench.explain/1."""
        return {
            "schema": "archbench.explain/1",
            "model": self.model,
            "arguments": {name: str(value) for name, value in self.arguments.items()},
            "params": self.params,
            "macs": self.macs,
            "inputs": self.inputs,
            "tools": as_json(self.reconciliations),
            "notes": list(self.notes),
        }
