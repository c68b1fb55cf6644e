"""Counts of archbench and of fvcore, beside each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class CrossCheckRow:
    """One kind of operation, counted twice."""

    operator: str
    macs: int
    fvcore: int
    why: str  # they differ, or "" where they agree

    def to_dict(self) -> dict[str, Any]:
        """Return the row under its JSON names."""
        return {
            "operator": self.operator,
            "macs": self.macs,
            "fvcore": self.fvcore,
            "difference": self.fvcore - self.macs,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """The same network counted by fvcore.

    Args:
        version: fvcore's.
        rows: one per kind of operation; both columns sum to the totals of both counters.
        missed: (operation, calls) that fvcore says it has no rule for, and archbench counts.
    """

    version: str
    rows: tuple[CrossCheckRow, ...]
    missed: tuple[tuple[str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the cross-check under its JSON names."""
        return {
            "fvcore_version": self.version,
            "operators": [row.to_dict() for row in self.rows],
            "missed_by_fvcore": [{"op": op, "calls": calls} for op, calls in self.missed],
        }
