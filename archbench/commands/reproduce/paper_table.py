"""Printed figures in the places that they have in the paper's own table."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from archbench.papers.records import Reproduction
from archbench.papers.verdict_looks import LOOKS, SEVERITY
from archbench.tables.table import Column, Kind, Table, TableCell, Toned

GRID_COLUMNS, GRID_CELLS, GRID_SHARE = 3, 7, 0.45  # at least, of a table that is no mere list
LABEL, LONG_CELL, FOLDED_CELL = 24, 16, 13  # characters


def is_grid(reproductions: Sequence[Reproduction]) -> bool:
    """Return whether figures fill most of a table's rows and columns, as those of a text do not."""
    cells = {(r.figure.row, r.figure.column) for r in reproductions}
    rows, columns = {row for row, _ in cells}, {column for _, column in cells}
    wide = len(columns) >= GRID_COLUMNS and len(cells) >= GRID_CELLS
    return wide and len(cells) >= GRID_SHARE * len(rows) * len(columns)


def grid(reproductions: Sequence[Reproduction]) -> Table:
    """Give every figure the place that it has in the paper.

    Where space is short, columns that hold no surprise go first, and of those the last.
    """
    cells: dict[tuple[str, str], list[Reproduction]] = {}
    for r in reproductions:
        cells.setdefault((r.figure.row, r.figure.column), []).append(r)
    names = _column_order(cells)
    columns = [Column("row", "")]
    for i, name in enumerate(names):
        found = [r for (_, column), group in cells.items() for r in group if column == name]
        plain = all(r.verdict in ("exact", "reported") for r in found)
        columns.append(Column(name, name, Kind.PRINTED, rank=i + 1 + (100 if plain else 0)))
    rows = tuple(
        (folded(row), *(_cell(cells.get((row, name), [])) for name in names))
        for row in dict.fromkeys(row for row, _ in cells)
    )
    return Table(tuple(columns), rows)


def _column_order(cells: Iterable[tuple[str, str]]) -> list[str]:
    """Merge the orders in which the rows have their columns, none of which need have them all."""
    rows: dict[str, list[str]] = {}
    for row, column in cells:
        rows.setdefault(row, []).append(column)
    order: list[str] = []
    for columns in sorted(rows.values(), key=len, reverse=True):  # the fullest row decides
        place = 0 if set(columns) & set(order) else len(order)
        for column in columns:
            if column in order:
                place = order.index(column) + 1
            else:
                order.insert(place, column)
                place += 1
    return order


def _cell(group: Sequence[Reproduction]) -> TableCell:
    """Write a cell of the paper: what is printed, how it fared, and what was computed instead."""
    if not group:
        return None
    printed = ", ".join(dict.fromkeys(r.figure.printed for r in group))
    worst = max((r.verdict for r in group), key=SEVERITY.index)
    computed = [r.own.shown for r in group if r.own is not None and r.verdict != "exact"]
    verdict = " ".join([LOOKS[worst].mark, *dict.fromkeys(computed)])
    lines = [f"{printed} {verdict}"]
    if len(lines[0]) > LONG_CELL:
        parts = printed.replace("; ", ";\n").replace("] ", "]\n").split("\n")
        lines = [line for part in parts for line in wrap(part, FOLDED_CELL)]
        if len(f"{lines[-1]} {verdict}") > LONG_CELL:
            lines.append(verdict)
        else:
            lines[-1] = f"{lines[-1]} {verdict}"
    return Toned("\n".join(lines), LOOKS[worst].tone)


def folded(label: str) -> str:
    """Break a long label into lines."""
    return "\n".join(wrap(label, LABEL))
