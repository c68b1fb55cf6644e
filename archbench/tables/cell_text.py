"""Raw cells as people read them: one unit a column, a dash where there is no value."""

from collections.abc import Sequence

from archbench.tables.table import Bound, Column, Kind, Table, TableCell, Toned
from archbench.units import (
    bytes_scale,
    column_scale,
    memory,
    scaled,
    shape_for_people,
    share,
    three_digits,
    time_scale,
)

MISSING = "-"
_NUMBERS = frozenset(
    {
        *(Kind.COUNT, Kind.SCALED, Kind.INTEGER, Kind.RATIO, Kind.SHARE),
        *(Kind.SECONDS, Kind.BYTES, Kind.SIZE, Kind.RATE),
    }
)


def is_number(table: Table, i: int) -> bool:
    """Tell whether a column holds numbers, which stand to the right."""
    kind = table.columns[i].kind
    if kind is Kind.PRINTED:
        return all(isinstance(row[i], int | None) for row in table.rows)
    return kind in _NUMBERS


def written(table: Table) -> tuple[list[str], list[list[str]]]:
    """Write headings and cells for people: one unit a column, a dash where there is no value."""
    heads, texts = [], []
    for i, column in enumerate(table.columns):
        head, cells = _column(column, [row[i] for row in table.rows], _sharing(table, i))
        heads.append(head)
        texts.append(cells)
    return heads, [list(row) for row in zip(*texts, strict=True)]


def _sharing(table: Table, i: int) -> list[int | float]:
    """Return the numbers of every column that shares its unit with column i."""
    group = table.columns[i].group
    together = [j for j, c in enumerate(table.columns) if j == i or (group and c.group == group)]
    cells = [row[j] for row in table.rows for j in together]
    numbers = (cell.value if isinstance(cell, Bound) else cell for cell in cells)
    return [number for number in numbers if isinstance(number, int | float)]


def _column(
    column: Column, cells: Sequence[TableCell], numbers: Sequence[int | float]
) -> tuple[str, list[str]]:
    factor: float
    if column.kind is Kind.COUNT:
        factor, unit = column_scale(numbers)
    elif column.kind is Kind.SECONDS:
        factor, unit = time_scale(numbers)
    elif column.kind is Kind.BYTES:
        factor, unit = bytes_scale(numbers)
    elif column.kind is Kind.RATE:
        factor, unit = 1.0, ""
    else:
        return column.title, [_cell(cell, column.kind) for cell in cells]
    head = f"{column.title} ({unit})" if unit else column.title
    return head, [_count(cell, factor) for cell in cells]


def _count(cell: TableCell, factor: float) -> str:
    if isinstance(cell, Bound):
        return f"{cell.sign} {_count(cell.value, factor)}"
    if not isinstance(cell, int | float):
        return MISSING
    if isinstance(cell, int) and factor == 1:
        return f"{cell:,}"
    return three_digits(cell / factor)


def _cell(cell: TableCell, kind: Kind) -> str:
    if isinstance(cell, Toned):
        return cell.text
    if isinstance(cell, Bound):
        return f"{cell.sign} {_cell(cell.value, kind)}"
    if cell is None:
        return "" if kind is Kind.PRINTED else MISSING
    if isinstance(cell, tuple):
        if kind is Kind.IMAGE and len(cell) == 1:
            cell = (cell[0], 1, 1)
        return shape_for_people(cell) or MISSING
    if kind in (Kind.SCALED, Kind.SIZE) and isinstance(cell, int | float):
        return scaled(cell) if kind is Kind.SCALED else memory(cell)
    if kind is Kind.RATIO and isinstance(cell, int | float):
        return f"{cell:.3f}"
    if kind is Kind.SHARE and isinstance(cell, int | float):
        return share(cell)
    return f"{cell:,}" if isinstance(cell, int | float) else cell
