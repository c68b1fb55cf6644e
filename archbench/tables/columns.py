"""Tables made of records or of dicts: each column stands together with the values that it shows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from archbench.tables.table import Column, Table, TableCell

T = TypeVar("T")
Columns = Sequence[tuple[Column, Callable[[T], TableCell]]]  # each column with a record's value


def table_of(columns: Columns[T], records: Iterable[T], title: str = "") -> Table:
    """Return a table with one row per record.

    >>> sizes = ((Column("name", "name"), str), (Column("bits", "bits"), int.bit_length))
    >>> table_of(sizes, [6, 12]).rows
    (('6', 3), ('12', 4))
    """
    rows = tuple(tuple(value(record) for _, value in columns) for record in records)
    return Table(tuple(column for column, _ in columns), rows, title)


def table_of_dicts(rows: Sequence[Mapping[str, Any]], keys: Sequence[str] = ()) -> Table:
    """Return the table that CSV holds: a column for each key, or for every key of any row.

    >>> table_of_dicts([{"a": 1}, {"b": 2}]).rows
    ((1, None), (None, 2))
    """
    keys = keys or list(dict.fromkeys(key for row in rows for key in row))
    return Table(
        tuple(Column(key, key) for key in keys),
        tuple(tuple(row.get(key) for key in keys) for row in rows),
    )


def without_empty(table: Table) -> Table:
    """Leave out the optional columns that have no value in any row."""
    shown = [
        i
        for i, column in enumerate(table.columns)
        if not column.optional or any(row[i] not in (None, "") for row in table.rows)
    ]
    return Table(
        tuple(table.columns[i] for i in shown),
        tuple(tuple(row[i] for i in shown) for row in table.rows),
        table.title,
        table.marked,
        table.groups,
    )
