"""What a summary shows: a profile, and what is set beside it."""

from dataclasses import dataclass
from typing import Any

from archbench.analysis.records import Profile
from archbench.networks.registry.records import Architecture, PaperTable
from archbench.record import Record, Row, as_json
from archbench.units import counted


@dataclass(frozen=True, slots=True)
class CrossCheckRow(Record):
    """One kind of operation, counted twice."""

    KEYS = ("operator", "macs", "fvcore", "difference", "why")

    operator: str
    macs: int
    fvcore: int
    why: str  #: they differ, or "" where they agree

    @property
    def summary_line(self) -> str:
        """The operation, and both counts."""
        return f"{self.operator}: {self.macs:,} MACs, fvcore {self.fvcore:,}"

    @property
    def difference(self) -> int:
        """What fvcore counts more."""
        return self.fvcore - self.macs


@dataclass(frozen=True, slots=True)
class CrossCheck(Record):
    """The same network counted by fvcore."""

    version: str  #: fvcore's
    #: one per kind of operation; both columns sum to the totals of both counters
    rows: tuple[CrossCheckRow, ...]
    #: (operation, calls) that fvcore says it has no rule for, and archbench counts
    missed: tuple[tuple[str, int], ...]

    @property
    def summary_line(self) -> str:
        """The version, and how many kinds of operation differ."""
        differ = sum(1 for row in self.rows if row.difference)
        kinds = counted(len(self.rows), "kind")
        return f"fvcore {self.version}: {kinds} of operation, {differ} counted otherwise"

    def to_rows(self) -> list[Row]:
        """Return a row for each kind of operation."""
        return [row for found in self.rows for row in found.to_rows()]

    def to_dict(self) -> dict[str, Any]:
        """Return the cross-check under its JSON names."""
        return {
            "fvcore_version": self.version,
            "operators": as_json(self.rows),
            "missed_by_fvcore": [{"op": op, "calls": calls} for op, calls in self.missed],
        }


@dataclass(frozen=True, slots=True)
class Summary:
    """What a summary shows of a network."""

    profile: Profile  #: its counts
    architecture: Architecture | None = None  #: its row of the registry; None of a user's own
    paper: PaperTable | None = None  #: the columns that its paper's table has; None of a user's own
    cross_check: CrossCheck | None = None  #: fvcore's count; None where it was not asked for
