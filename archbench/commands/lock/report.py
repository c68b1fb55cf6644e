"""What a lock holds now, and what is new in it."""

from archbench.gates.structure.cells_table import cells_table
from archbench.gates.structure.locking import Locking
from archbench.tables.table import Report
from archbench.units import counted


def lock_report(locking: Locking, path: str) -> Report:
    """Return the report of a lock that was written."""
    cells = locking.lock.cells
    states = {"added": locking.added, "changed": locking.changed, "removed": locking.removed}
    state_of = {name: state for state, names in states.items() for name in names}
    news = ", ".join(f"{len(names)} {state}" for state, names in states.items() if names)
    rows = [
        (
            cell.name,
            state_of.get(cell.name, "unchanged"),
            cell.structure.figures(),
            cell.structure.complete,
        )
        for cell in cells
    ]
    return Report(
        title=f"{path}: {counted(len(cells), 'cell')}, {news or 'nothing new'}",
        tables=(cells_table("state", rows),),
        document={
            "schema": "archbench.locking/1",
            "lock": path,
            **{state: list(names) for state, names in states.items()},
            "cells": [cell.name for cell in cells],
            "incomplete": list(locking.incomplete),
        },
        facts=tuple(("removed", name) for name in locking.removed),
    )
