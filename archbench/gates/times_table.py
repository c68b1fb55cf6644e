"""How verdicts on time look, whichever gate they come from."""

from collections.abc import Iterable

from archbench.gates.records import Verdict
from archbench.gates.verdict_words import toned
from archbench.tables.table import Column, Kind, Table, TableCell


def times_table(
    titles: tuple[str, str, str],
    count: Column,
    rows: Iterable[tuple[Verdict, TableCell, TableCell, TableCell]],
) -> Table:
    """Return a table with a row for each verdict.

    Args:
        titles: of what is judged, of the one side and of the other.
        count: column of how many values a verdict has.
        rows: each verdict with the seconds of both sides and that count.
    """
    cell, first, second = titles
    columns = (
        Column("cell", cell),
        Column(f"{first}_s", first, Kind.SECONDS, 2, "time"),
        Column(f"{second}_s", second, Kind.SECONDS, 2, "time"),
        Column("ratio", "ratio", Kind.RATIO),
        Column("low", "95 % low", Kind.RATIO, 1),
        Column("high", "high", Kind.RATIO, 1),
        Column("mde", "could have seen", Kind.SHARE),
        Column("p", "p", rank=3),
        count,
        Column("verdict", "verdict"),
    )
    return Table(columns, tuple(_row(*row) for row in rows))


def _row(
    v: Verdict, first: TableCell, second: TableCell, count: TableCell
) -> tuple[TableCell, ...]:
    p = None if v.p is None else f"{v.p:.2g}"
    return (v.cell, first, second, v.ratio, v.low, v.high, v.mde, p, count, toned(v.verdict))
