"""The exact totals of every network, kept so that `archbench list` needs neither torch nor time.

tests/networks/test_registry.py holds them to the analysis; `make totals` writes them anew.
"""

from collections.abc import Mapping
from typing import NamedTuple

from archbench.csv_tables import rows_of


class KeptTotals(NamedTuple):
    """What a network holds and does for one image of its own size."""

    params: int
    macs: int
    depth: int


def kept_totals() -> Mapping[str, KeptTotals]:
    """Return the totals of every row of the registry, by name."""
    return {
        row["name"]: KeptTotals(int(row["params"]), int(row["macs"]), int(row["depth"]))
        for row in rows_of("networks/registry/totals.csv")
    }
