"""From one lock to the next: the cells that are added, changed, kept and removed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from archbench.errors import ArchbenchError
from archbench.gates.structure.cells_table import TITLES
from archbench.gates.structure.changes import structure_changes
from archbench.gates.structure.locks import Lock, LockedCell
from archbench.record import Record, Row
from archbench.units import counted


@dataclass(frozen=True, slots=True)
class Locking(Record):
    """A new lock, and how it differs from the one before."""

    COLUMNS = ("cell", "state", *TITLES)

    lock: Lock  #: the new one
    added: tuple[str, ...] = ()  #: names of new cells
    changed: tuple[str, ...] = ()  #: names of cells with another setting or structure
    removed: tuple[str, ...] = ()  #: names of cells that are taken out

    @property
    def summary_line(self) -> str:
        """The number of cells, and how many were added, changed and removed."""
        return f"{counted(len(self.lock.cells), 'cell')}, {self.news}"

    @property
    def news(self) -> str:
        """How many cells were added, changed and removed: "1 added, 2 changed"."""
        states = {"added": self.added, "changed": self.changed, "removed": self.removed}
        news = (f"{len(names)} {state}" for state, names in states.items() if names)
        return ", ".join(news) or "nothing new"

    def state_of(self, cell: LockedCell) -> Literal["added", "changed", "unchanged"]:
        """Return how a cell of the lock differs from the lock before."""
        if cell.name in self.added:
            return "added"
        return "changed" if cell.name in self.changed else "unchanged"

    def to_dict(self) -> dict[str, Any]:
        """Return the names of the cells: all, and those of which there is news."""
        return {
            "added": list(self.added),
            "changed": list(self.changed),
            "removed": list(self.removed),
            "cells": [cell.name for cell in self.lock.cells],
            "incomplete": list(self.incomplete),
        }

    def to_rows(self) -> list[Row]:
        """Return a row for each cell of the lock: its name, its state and its figures."""
        return [
            {"cell": cell.name, "state": self.state_of(cell), **cell.structure.figures()}
            for cell in self.lock.cells
        ]

    @property
    def incomplete(self) -> tuple[str, ...]:
        """The names of cells whose MACs are lower bounds."""
        return tuple(cell.name for cell in self.lock.cells if not cell.structure.complete)

    @property
    def differs(self) -> bool:
        """Tell whether any cell was added, changed or removed."""
        return bool(self.added or self.changed or self.removed)


def next_lock(
    old: Lock | None,
    convention: int,
    cells: Sequence[LockedCell],
    everything: bool,
    reason: str = "",
    update: bool = True,
) -> Locking:
    """Return the lock that holds computed cells.

    Args:
        old: the lock before; None where there is none.
        convention: that the cells were counted under.
        cells: as they are now.
        everything: whether these are all cells; if so, other cells of the old lock are removed.
        reason: is kept with every cell that is added, changed or removed.
        update: whether an equal cell that was locked under another torch is written anew.

    Raises:
        ArchbenchError: cells of two conventions would stand in one lock.
    """
    old = old or Lock(convention)
    before = {cell.name: cell for cell in old.cells}
    names = {cell.name for cell in cells}
    others = [cell for name, cell in before.items() if name not in names]
    same_convention = old.convention == convention
    if not same_convention and others and not everything:
        raise _two_conventions(old.convention, convention)
    kept = [] if everything else list(others)
    added: list[str] = []
    changed: list[str] = []
    for cell in cells:
        known = before.get(cell.name)
        if known is not None and same_convention and _unchanged(known, cell, update):
            kept.append(known)
            continue
        (added if known is None else changed).append(cell.name)
        kept.append(replace(cell, reason=reason))
    removed = [cell.name for cell in others] if everything else []
    reasons = dict(old.removed) | dict.fromkeys(removed, reason)
    lock = Lock(
        convention,
        tuple(sorted(kept, key=lambda cell: cell.name)),
        tuple(sorted((name, why) for name, why in reasons.items() if name not in names)),
    )
    return Locking(lock, tuple(added), tuple(changed), tuple(removed))


def _two_conventions(old: int, now: int) -> ArchbenchError:
    return ArchbenchError(
        f"the lock counts by convention {old}, this archbench by {now}, and "
        "cells of both cannot stand in one lock",
        "update all cells at once: `archbench lock --update --reason ...`",
    )


def _unchanged(before: LockedCell, now: LockedCell, update: bool) -> bool:
    """Tell whether a locked cell stays as it is: only its reason, or torch's release, differs."""
    return (
        (before.structure.torch == now.structure.torch or not update)
        and before.setting() == now.setting()
        and before.structure.figures() == now.structure.figures()
        and not structure_changes(now.name, before.structure, now.structure)
    )
