"""The exact totals of every network, kept so that `archbench list` needs neither torch nor time.

tests/networks/test_registry.py holds them to the analysis; `make totals` writes them anew.
"""

import csv
from collections.abc import Mapping
from importlib.resources import files
from typing import NamedTuple

FILE = "totals.csv"


class KeptTotals(NamedTuple):
    """What a network holds and does for one image of its own size."""

    params: int
    macs: int
    depth: int


def kept_totals() -> Mapping[str, KeptTotals]:
    """Return the totals of every row of the registry, by name."""
    lines = (
        files("archbench.networks.registry").joinpath(FILE).read_text(encoding="utf-8").splitlines()
    )
    return {
        row["name"]: KeptTotals(int(row["params"]), int(row["macs"]), int(row["depth"]))
        for row in csv.DictReader(lines)
    }
