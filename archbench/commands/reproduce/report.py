"""Printed figures beside the computed ones, in the shape of the paper's own table."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from archbench.commands.reproduce.paper_table import folded, grid, is_grid
from archbench.papers.records import VERDICTS, PublishedFigure, Reproduction, VerdictChange
from archbench.papers.reproductions import Reproductions, tally, verdict_counts
from archbench.papers.verdict_looks import LOOKS
from archbench.record import as_json
from archbench.tables.columns import Columns, table_of, table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table, TableCell, Toned
from archbench.units import counted

LEGEND = (
    "= as computed; ≈ the computed value rounds to it; ↓ it was cut, not rounded; ~ one of its "
    "last digit away; ≠ inconsistent; ? not derivable from what was published; * reported, quoted "
    "and not verified. Behind a mark: what was computed."
)


def table_reports(reproductions: Sequence[Reproduction], listed: bool = False) -> Iterator[Report]:
    """Lay out the figures of each table for people, and sum up several tables in the end.

    `listed` has one row per figure, instead of the paper's own rows and columns.
    """
    tables = _by_table(reproductions)
    alone = len(tables) == 1
    for name, found in tables.items():
        table = _listing(found) if listed or not is_grid(found) else grid(found)
        yield Report(
            f"{name}: {_paper(r.figure for r in found)}",
            (table,),
            {},
            (("sum", tally(found)), *_counted_as(found)),
            (LEGEND,) if alone else (),
            lists=_explanations(found),
        )
    if not alone:
        yield summary_report(reproductions)


def _counted_as(reproductions: Sequence[Reproduction]) -> tuple[tuple[str, str], ...]:
    """Say by which convention, and of which networks, the table's params and MACs are."""
    ways: dict[str, dict[str, None]] = {}
    for r in reproductions:
        if r.own is not None and r.own.way and r.own.network:
            ways.setdefault(r.own.way, {})[r.own.network] = None
    parts = [f"{way} of {', '.join(networks)}" for way, networks in ways.items()]
    return (("counted", "; ".join(parts)),) if parts else ()


def summary_report(
    reproductions: Sequence[Reproduction], changed: Sequence[VerdictChange] = ()
) -> Report:
    """Sum up all tables, a line each; CSV and JSON hold every figure."""
    tables = _by_table(reproductions)
    columns = (
        Column("table", "table"),
        Column("figures", "figures", Kind.INTEGER),
        *(Column(verdict, LOOKS[verdict].mark, Kind.INTEGER) for verdict in VERDICTS),
    )
    shown: list[tuple[str, Sequence[Reproduction]]] = [*tables.items()]
    if len(tables) > 1:
        shown.append(("all", reproductions))
    rows: list[tuple[TableCell, ...]] = [
        (name, len(found), *verdict_counts(found).values()) for name, found in shown
    ]
    document = {
        "schema": "archbench.reproduce/1",
        "tables": [
            {
                "table": name,
                "paper": _paper(r.figure for r in found),
                "figures": len(found),
                "verdicts": verdict_counts(found),
            }
            for name, found in tables.items()
        ],
        "figures": as_json(reproductions),
        "changed": as_json(changed),
    }
    return Report(
        tally(reproductions),
        (Table(columns, tuple(rows)),),
        document,
        notes=(LEGEND,),
        rows=table_of_dicts(Reproductions(reproductions).to_rows(), Reproductions.COLUMNS),
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
    listed: list[dict[str, Any]] = [
        {"table": name, "figures": len(own), "paper": _paper(own), "networks": _networks(own)}
        for name, own in tables.items()
    ]
    rows = [{**one, "networks": " ".join(one["networks"])} for one in listed]
    title = f"{counted(len(tables), 'table')}, {counted(len(figures), 'figure')}"
    table = Table(columns, tuple(tuple(row.values()) for row in rows))
    return Report(title, (table,), {"schema": "archbench.tables/1", "tables": listed})


def _paper(figures: Iterable[PublishedFigure]) -> str:
    """Name where a table's figures come from, as far as it is the same place."""
    papers = list(dict.fromkeys(figure.paper for figure in figures))
    parts = [paper.split(", ") for paper in papers]
    shared = [part for part, *others in zip(*parts, strict=False) if {part} >= set(others)]
    return ", ".join(shared) or "several sources"


def _networks(figures: Iterable[PublishedFigure]) -> list[str]:
    return list(dict.fromkeys(f.architecture for f in figures if f.architecture))


def _listing(reproductions: Sequence[Reproduction]) -> Table:
    columns: Columns[Reproduction] = (
        (Column("row", "row"), lambda r: folded(r.figure.row)),
        (Column("column", "column", rank=2), lambda r: folded(r.figure.column)),
        (Column("printed", "printed"), lambda r: r.figure.printed),
        (Column("computed", "computed"), _computed),
        (Column("convention", "of", Kind.PRINTED, rank=3), lambda r: r.own.how if r.own else None),
    )
    if len({r.figure.paper for r in reproductions}) > 1:
        columns = (*columns, (Column("paper", "source", rank=4), lambda r: r.figure.paper))
    return table_of(columns, reproductions)


def _computed(r: Reproduction) -> Toned:
    """Return a verdict's mark, and behind it what was computed, if anything was."""
    look = LOOKS[r.verdict]
    return Toned(" ".join(filter(None, (look.mark, r.own.shown if r.own else ""))), look.tone)


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
        pairs.append((f"{where}: {first.figure.printed} {LOOKS[first.verdict].mark}", text))
    return (("Why", tuple(pairs)),) if pairs else ()
