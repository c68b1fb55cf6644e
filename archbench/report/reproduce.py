"""Printed figures beside the computed ones, in the shape of the paper's own table."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from archbench.records.published import (
    VERDICTS,
    PublishedFigure,
    Reproduction,
    Verdict,
    VerdictChange,
)
from archbench.report.table import Cell, Column, Kind, Report, Table, Tone, Toned
from archbench.units import counted

MARKS: Mapping[Verdict, str] = {
    "exact": "=",
    "rounded": "≈",
    "truncated": "<",
    "within_1_unit": "±",
    "inconsistent": "≠",
    "not_derivable": "?",
    "reported": "*",
}
WORDS: Mapping[Verdict, str] = {
    "exact": "exact",
    "rounded": "rounded",
    "truncated": "truncated",
    "within_1_unit": "within one unit",
    "inconsistent": "inconsistent",
    "not_derivable": "not derivable",
    "reported": "reported",
}
TONES: Mapping[Verdict, Tone] = {
    "exact": Tone.GOOD,
    "rounded": Tone.GOOD,
    "truncated": Tone.FAIR,
    "within_1_unit": Tone.FAIR,
    "inconsistent": Tone.BAD,
    "not_derivable": Tone.FAIR,
    "reported": Tone.QUIET,
}
LEGEND = (
    "= as computed; ≈ the computed value rounds to it; < it was cut, not rounded; ± one of its "
    "last digit away; ≠ inconsistent; ? not derivable from what was published; * reported, quoted "
    "and not verified. Behind a mark: what was computed."
)

GRID_COLUMNS, GRID_CELLS, GRID_SHARE = 3, 7, 0.45  # at least, of a table that is no mere list
LABEL, LONG_CELL, FOLDED_CELL = 24, 16, 13  # characters

KEYS = (
    *("id", "table", "paper", "documents", "architecture", "row", "column", "printed", "value"),
    *("computed", "unit", "verdict", "convention", "explanation"),
)


def table_reports(reproductions: Sequence[Reproduction], listed: bool = False) -> Iterator[Report]:
    """Lay out the figures of each table for people, and sum up several tables in the end.

    Args:
        reproductions: at least one.
        listed: one row per figure, instead of the paper's own rows and columns.
    """
    tables = _by_table(reproductions)
    alone = len(tables) == 1
    for name, found in tables.items():
        table = _listing(found) if listed or not _is_grid(found) else _grid(found)
        yield Report(
            f"{name}: {_paper(r.figure for r in found)}",
            (table,),
            {},
            (("sum", tally(found)),),
            (LEGEND,) if alone else (),
            lists=_explanations(found),
        )
    if not alone:
        yield summary_report(reproductions)


def summary_report(
    reproductions: Sequence[Reproduction], changed: Sequence[VerdictChange] = ()
) -> Report:
    """Sum up all tables, a line each; CSV and JSON hold every figure."""
    tables = _by_table(reproductions)
    columns = (
        Column("table", "table"),
        Column("figures", "figures", Kind.INTEGER),
        *(Column(verdict, MARKS[verdict], Kind.INTEGER) for verdict in VERDICTS),
    )
    rows: list[tuple[Cell, ...]] = [(name, *_numbers(found)) for name, found in tables.items()]
    if len(rows) > 1:
        rows.append(("all", *_numbers(reproductions)))
    document = {
        "schema": "archbench.reproduce/1",
        "tables": [_table_dict(name, found) for name, found in tables.items()],
        "figures": [reproduction.to_dict() for reproduction in reproductions],
        "changed": [change.to_dict() for change in changed],
    }
    return Report(
        tally(reproductions),
        (Table(columns, tuple(rows)),),
        document,
        notes=(LEGEND,),
        rows=_machine_rows(reproductions),
    )


def _by_table(reproductions: Sequence[Reproduction]) -> dict[str, list[Reproduction]]:
    tables: dict[str, list[Reproduction]] = {}
    for reproduction in reproductions:
        tables.setdefault(reproduction.figure.table, []).append(reproduction)
    return tables


def tables_report(figures: Sequence[PublishedFigure]) -> Report:
    """List the tables that can be reproduced."""
    tables: dict[str, list[PublishedFigure]] = {}
    for figure in figures:
        tables.setdefault(figure.table, []).append(figure)
    columns = (
        Column("table", "table"),
        Column("figures", "figures", Kind.INTEGER),
        Column("paper", "paper", rank=1),
        Column("networks", "networks", rank=2),
    )
    rows = tuple(
        (name, len(found), _paper(found), " ".join(_networks(found)))
        for name, found in tables.items()
    )
    document = {
        "schema": "archbench.tables/1",
        "tables": [
            {
                "table": name,
                "figures": len(found),
                "paper": _paper(found),
                "networks": list(_networks(found)),
            }
            for name, found in tables.items()
        ],
    }
    title = f"{counted(len(tables), 'table')}, {counted(len(figures), 'figure')}"
    return Report(title, (Table(columns, rows),), document)


def _paper(figures: Iterable[PublishedFigure]) -> str:
    """Name where a table's figures come from, as far as it is the same place."""
    papers = list(dict.fromkeys(figure.paper for figure in figures))
    parts = [paper.split(", ") for paper in papers]
    shared = [part for part, *others in zip(*parts, strict=False) if {part} >= set(others)]
    return ", ".join(shared) or "several sources"


def _networks(figures: Iterable[PublishedFigure]) -> Iterable[str]:
    return dict.fromkeys(figure.architecture for figure in figures if figure.architecture)


def tally(reproductions: Sequence[Reproduction]) -> str:
    """Count verdicts in a line: "133 figures: 108 exact, 14 rounded, ..."."""
    counts = Counter(reproduction.verdict for reproduction in reproductions)
    parts = [f"{counts[verdict]} {WORDS[verdict]}" for verdict in VERDICTS if counts[verdict]]
    return f"{counted(len(reproductions), 'figure')}: {', '.join(parts)}"


def _numbers(reproductions: Sequence[Reproduction]) -> tuple[int, ...]:
    counts = Counter(reproduction.verdict for reproduction in reproductions)
    return (len(reproductions), *(counts[verdict] for verdict in VERDICTS))


def _table_dict(name: str, reproductions: Sequence[Reproduction]) -> dict[str, Any]:
    counts = Counter(reproduction.verdict for reproduction in reproductions)
    return {
        "table": name,
        "paper": _paper(r.figure for r in reproductions),
        "figures": len(reproductions),
        "verdicts": {verdict: counts[verdict] for verdict in VERDICTS},
    }


def _machine_rows(reproductions: Sequence[Reproduction]) -> Table:
    """One row per figure, with everything but the other readings."""
    rows = []
    for reproduction in reproductions:
        fields = reproduction.to_dict() | {"documents": "; ".join(reproduction.figure.documents)}
        rows.append(tuple(fields[key] for key in KEYS))
    return Table(tuple(Column(key, key) for key in KEYS), tuple(rows))


def _is_grid(reproductions: Sequence[Reproduction]) -> bool:
    """Tell a table, whose cells fill most of its rows and columns, from figures out of a text."""
    cells = {(r.figure.row, r.figure.column) for r in reproductions}
    rows, columns = {row for row, _ in cells}, {column for _, column in cells}
    wide = len(columns) >= GRID_COLUMNS and len(cells) >= GRID_CELLS
    return wide and len(cells) >= GRID_SHARE * len(rows) * len(columns)


def _grid(reproductions: Sequence[Reproduction]) -> Table:
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
        (_folded(row), *(_cell(cells.get((row, name), [])) for name in names))
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


def _cell(group: Sequence[Reproduction]) -> Cell:
    """Write a cell of the paper: what is printed, how it fared, and what was computed instead."""
    if not group:
        return None
    printed = ", ".join(dict.fromkeys(r.figure.printed for r in group))
    worst = max((r.verdict for r in group), key=_SEVERITY.index)
    computed = [r.own.shown for r in group if r.own is not None and r.verdict != "exact"]
    verdict = " ".join([MARKS[worst], *dict.fromkeys(computed)])
    lines = [f"{printed} {verdict}"]
    if len(lines[0]) > LONG_CELL:
        parts = printed.replace("; ", ";\n").replace("] ", "]\n").split("\n")
        lines = [line for part in parts for line in wrap(part, FOLDED_CELL)]
        if len(f"{lines[-1]} {verdict}") > LONG_CELL:
            lines.append(verdict)
        else:
            lines[-1] = f"{lines[-1]} {verdict}"
    return Toned("\n".join(lines), TONES[worst])


_SEVERITY: tuple[Verdict, ...] = (
    "reported",
    "exact",
    "rounded",
    "truncated",
    "within_1_unit",
    "not_derivable",
    "inconsistent",
)


def _listing(reproductions: Sequence[Reproduction]) -> Table:
    columns = (
        Column("row", "row"),
        Column("column", "column", rank=2),
        Column("printed", "printed"),
        Column("computed", "computed", Kind.PRINTED),
        Column("verdict", "verdict"),
        Column("convention", "by", Kind.PRINTED, rank=3),
    )
    rows = tuple(
        (
            _folded(r.figure.row),
            _folded(r.figure.column),
            r.figure.printed,
            r.own.shown if r.own else None,
            Toned(f"{MARKS[r.verdict]} {WORDS[r.verdict]}", TONES[r.verdict]),
            r.own.how if r.own else None,
        )
        for r in reproductions
    )
    return Table(columns, rows)


def _folded(label: str) -> str:
    return "\n".join(wrap(label, LABEL))


def _explanations(
    reproductions: Sequence[Reproduction],
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Gather explanations; figures that share one stand together."""
    shared: dict[str, list[Reproduction]] = {}
    for r in reproductions:
        if r.explanation:
            shared.setdefault(r.explanation, []).append(r)
    pairs = []
    for text, found in shared.items():
        first = found[0]
        where = f"{first.figure.row}, {first.figure.column}"
        if len(found) > 1:
            where = f"{where}, and {counted(len(found) - 1, 'more', 'more')}"
        pairs.append((f"{where}: {first.figure.printed} {MARKS[first.verdict]}", text))
    return (("Why", tuple(pairs)),) if pairs else ()
