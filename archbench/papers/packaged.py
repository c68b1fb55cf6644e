"""The packaged CSV files of this folder."""

import csv
from importlib.resources import files


def rows_of(name: str) -> list[dict[str, str]]:
    """Read one of them, a dict per line."""
    text = files("archbench.papers").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def titles(cell: str) -> tuple[str, ...]:
    """Split a cell that names several documents."""
    return tuple(title for title in cell.split("; ") if title)
