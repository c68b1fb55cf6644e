"""The figures that the papers print: figures.csv, one row each, transcribed by hand."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import cache
from typing import Any

from archbench.csv_tables import rows_of, several
from archbench.errors import ArchbenchError, nearest
from archbench.networks.registry import ARCHITECTURES, find
from archbench.papers.records import PublishedFigure


@cache
def figures() -> tuple[PublishedFigure, ...]:
    """Return every figure, table by table and in the order of its rows."""
    return tuple(_figure(**row) for row in rows_of("papers/figures.csv"))


def _figure(documents: str, architecture: str, **cells: Any) -> PublishedFigure:
    """Make a figure of its row, in which every column is a field."""
    return PublishedFigure(documents=several(documents), architecture=architecture or None, **cells)


@cache
def _by_id() -> dict[str, PublishedFigure]:
    return {figure.id: figure for figure in figures()}


def printed(name: str) -> Fraction:
    """Return the value of the figure of that id, which is a number."""
    return Fraction(figure(name).value)


def figure(name: str) -> PublishedFigure:
    """Return the figure of that id.

    >>> figure("resnet.table1.resnet50.flops").printed
    '3.8 × 10^9'
    """
    return _by_id()[name]


def tables() -> tuple[str, ...]:
    """Return the names of all tables, in the order of the file."""
    return tuple(dict.fromkeys(figure.table for figure in figures()))


def select(
    names: Sequence[str] = (), architecture: str | None = None
) -> tuple[PublishedFigure, ...]:
    """Return the figures of some tables (* stands for any text) and of one network, or all.

    Raises:
        ArchbenchError: there is no such table, or nothing is printed of that network there.
    """
    for name in names:
        if not any(fnmatchcase(table, name) for table in tables()):
            hint = f"{nearest(name, tables())}`archbench reproduce --list` names them all"
            if any(row.name == name for row in ARCHITECTURES):
                hint = f"`--architecture {name}` has the figures of that network"
            raise ArchbenchError(f"there is no table '{name}'", hint)
    if architecture is not None:
        find(architecture)
    selected = tuple(
        figure
        for figure in figures()
        if (not names or any(fnmatchcase(figure.table, name) for name in names))
        and architecture in (None, figure.architecture)
    )
    if not selected:
        where = f" in {' or '.join(names)}" if names else ""
        raise ArchbenchError(
            f"no figure of '{architecture}' is printed{where}",
            "`archbench reproduce --list` says which networks each table is about",
        )
    return selected
