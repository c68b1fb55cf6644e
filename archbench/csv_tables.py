"""The CSV tables that the package holds."""

import csv
from importlib.resources import files


def rows_of(path: str) -> list[dict[str, str]]:
    """Read one of them, such as "papers/figures.csv": a dict per line."""
    text = files("archbench").joinpath(path).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def several(cell: str) -> tuple[str, ...]:
    """Split a cell that names several documents, networks or rules."""
    return tuple(name for name in cell.split("; ") if name)
