"""The table of what changed inside a cell: stages, layers and operators."""

from collections.abc import Sequence
from dataclasses import replace

from archbench.gates.structure.records import Check, StructureChange
from archbench.tables.columns import without_empty
from archbench.tables.table import Column, Table, TableCell
from archbench.units import counted, shape_for_people

SHOWN = 12  # changed parts of one cell and one kind; JSON has them all


def parts_table(check: Check, name: str) -> Table:
    """Return the stages, layers and operators of one cell that changed in more than name."""
    columns = (
        Column("what", "what"),
        Column("name", "where"),
        Column("type", "type", rank=2, optional=True),
        Column("kind", "how"),
        Column("params", "params"),
        Column("trainable_params", "trainable", rank=3, optional=True),
        Column("buffers", "buffers", rank=3, optional=True),
        Column("macs", "MACs"),
        Column("output_size", "output size", optional=True),
        Column("calls", "calls", rank=1, optional=True),
    )
    rows = tuple(_part_rows(check, name))
    return without_empty(Table(columns, rows, f"{name}: where the structure changed"))


def _part_rows(check: Check, name: str) -> list[tuple[TableCell, ...]]:
    rows: list[tuple[TableCell, ...]] = []
    for what in ("stage", "layer", "operator"):
        changes = [
            c for c in check.changes if c.cell == name and c.what == what and c.kind != "renamed"
        ]
        changes.sort(key=_only_follows)
        rows += [_part_row(change) for change in changes[:SHOWN]]
        if len(changes) > SHOWN:
            rest = len(changes) - SHOWN
            rows.append((what, f"and {counted(rest, 'more', 'more')}", *[""] * 8))
    return rows


def _only_follows(change: StructureChange) -> bool:
    """Tell whether nothing but a size changed, as in all layers behind one that did."""
    if change.before is None or change.now is None:
        return False
    return replace(change.before, output_shape=None) == replace(change.now, output_shape=None)


def _part_row(change: StructureChange) -> tuple[TableCell, ...]:
    sides = [part for part in (change.before, change.now) if part is not None]
    sizes = [shape_for_people(part.output_shape) or "" for part in sides]
    return (
        change.what,
        sides[-1].name or "(itself)",
        _arrow([part.type for part in sides]),
        change.kind,
        _difference(change, "params"),
        _difference(change, "trainable_params") if _is_frozen_or_thawed(change) else "",
        _difference(change, "buffers"),
        _difference(change, "macs"),
        _arrow(sizes),
        _difference(change, "calls") if change.what != "stage" else "",
    )


def _is_frozen_or_thawed(change: StructureChange) -> bool:
    """Tell whether parameters were frozen or thawed: then the two counts change differently."""
    return _difference(change, "trainable_params") != _difference(change, "params")


def _arrow(texts: Sequence[str]) -> str:
    """Write the text before and the text now with an arrow between; one text if they are equal."""
    return " → ".join(dict.fromkeys(text for text in texts if text))


def _difference(change: StructureChange, field: str) -> str:
    """Write by how much a count changed; nothing where it did not."""
    a = 0 if change.before is None else getattr(change.before, field)
    b = 0 if change.now is None else getattr(change.now, field)
    return "" if a == b else f"{b - a:+,}"
