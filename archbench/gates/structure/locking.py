"""From one lock to the next: what is written anew, what stays, what is taken out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archbench.errors import ArchbenchError
from archbench.gates.structure.changes import structure_changes
from archbench.gates.structure.locks import Lock, LockedCell
from archbench.gates.structure.records import METRICS


@dataclass(frozen=True, slots=True)
class Locking:
    """What writing a lock would do."""

    lock: Lock  #: the new one
    added: tuple[str, ...] = ()  #: names of cells that are new
    changed: tuple[str, ...] = ()  #: of those whose setting or structure is another than before
    removed: tuple[str, ...] = ()  #: of those that are taken out

    @property
    def differs(self) -> bool:
        """Tell whether anything is another than before."""
        return bool(self.added or self.changed or self.removed)


def next_lock(
    old: Lock | None,
    convention: int,
    cells: Sequence[LockedCell],
    everything: bool,
    reason: str = "",
    update: bool = True,
) -> Locking:
    """Put cells into a lock.

    Args:
        old: the lock before; None where there is none.
        convention: that the cells were counted under.
        cells: as they are now.
        everything: these are all there are, so that what else the old lock holds goes.
        reason: is kept with every cell that changes.
        update: a cell that another torch counted alike is written anew, under this one's release.

    Raises:
        ArchbenchError: cells of two conventions would stand in one lock.
    """
    before = {} if old is None else {cell.name: cell for cell in old.cells}
    named = {cell.name for cell in cells}
    left = [cell for name, cell in before.items() if name not in named]
    if old is not None and old.convention != convention and left and not everything:
        raise ArchbenchError(
            f"the lock counts by convention {old.convention}, this archbench by {convention}, and "
            "cells of both cannot stand in one lock",
            "update all cells at once: `archbench lock --update --reason ...`",
        )
    same_convention = old is None or old.convention == convention
    kept: list[LockedCell] = []
    added: list[str] = []
    changed: list[str] = []
    for cell in cells:
        known = before.get(cell.name)
        same_torch = known is None or known.structure.torch == cell.structure.torch
        if (
            known is not None
            and same_convention
            and _same(known, cell)
            and (same_torch or not update)
        ):
            kept.append(known)
            continue
        (added if known is None else changed).append(cell.name)
        kept.append(replace(cell, reason=reason))
    removed = [cell.name for cell in left] if everything else []
    gone = {} if old is None else dict(old.removed)
    gone |= dict.fromkeys(removed, reason)
    lock = Lock(
        convention,
        tuple(sorted([*kept, *([] if everything else left)], key=lambda cell: cell.name)),
        tuple(sorted((name, why) for name, why in gone.items() if name not in named)),
    )
    return Locking(lock, tuple(added), tuple(changed), tuple(removed))


def _same(before: LockedCell, now: LockedCell) -> bool:
    """Tell whether nothing in two cells differs but the reason, and perhaps torch's release."""
    return (
        before.setting() == now.setting()
        and all(before.structure.figure(m) == now.structure.figure(m) for m in METRICS)
        and not structure_changes(now.name, before.structure, now.structure)
    )
