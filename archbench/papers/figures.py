"""The figures that the papers print: figures.csv, one row each, transcribed by hand."""

from functools import cache

from archbench.papers.packaged import rows_of, titles
from archbench.records.published import PublishedFigure


@cache
def figures() -> tuple[PublishedFigure, ...]:
    """Return every figure, table by table and in the order of its rows."""
    return tuple(
        PublishedFigure(
            row["id"],
            row["table"],
            row["paper"],
            titles(row["documents"]),
            row["architecture"] or None,
            row["row"],
            row["column"],
            row["printed"],
            row["value"],
            row["unit"],
            row["convention"],
            row["kind"],  # type: ignore[arg-type]  # tests/test_published.py holds the words
        )
        for row in rows_of("figures.csv")
    )


@cache
def _by_id() -> dict[str, PublishedFigure]:
    return {figure.id: figure for figure in figures()}


def figure(name: str) -> PublishedFigure:
    """Return the figure of that id.

    >>> figure("resnet.table1.resnet50.flops").printed
    '3.8 × 10^9'
    """
    return _by_id()[name]
