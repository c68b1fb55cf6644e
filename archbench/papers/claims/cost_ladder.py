"""The cost column of "Rethinking" Table 3, the ladder from GoogLeNet to Inception-v3."""

from decimal import Decimal

from archbench.papers.figures import figure


def billions(macs: float) -> Decimal:
    """Round as the cost column does."""
    return round(Decimal(macs) / 10**9, 1)


def printed_billions(row: str) -> Decimal:
    """Read the cost of one of its rows."""
    return Decimal(figure(f"rethinking.table3.{row}.cost").printed)
