"""The cost column of "Rethinking" Table 3, the ladder from GoogLeNet to Inception-v3."""

from archbench.papers.figures import figure
from archbench.papers.records import PublishedFigure


def cost(row: str) -> PublishedFigure:
    """Return the cost of one of its rows."""
    return figure(f"rethinking.table3.{row}.cost")
