"""What a lock holds now, and what is new in it."""

from archbench.gates.structure.cells_table import cells_table
from archbench.gates.structure.locking import Locking
from archbench.tables.columns import table_of_dicts
from archbench.tables.table import Report


def lock_report(locking: Locking, path: str) -> Report:
    """Return the report of a lock that was written."""
    rows = [
        (cell.name, locking.state_of(cell), cell.structure.figures(), cell.structure.complete)
        for cell in locking.lock.cells
    ]
    return Report(
        title=f"{path}: {locking.summary_line}",
        tables=(cells_table("state", rows),),
        document={"schema": "archbench.locking/1", "lock": path, **locking.to_dict()},
        facts=tuple(("removed", name) for name in locking.removed),
        rows=table_of_dicts(locking.to_rows(), Locking.COLUMNS),
    )
