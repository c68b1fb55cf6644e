"""The table of cells with their figures, which `check` and `lock` show."""

from collections.abc import Iterable, Mapping

from archbench.analysis.records import BOUNDED
from archbench.gates.structure.records import Metric
from archbench.tables.table import Column, Kind, Table, TableCell, at_least

TITLES: Mapping[Metric, str] = {
    "params": "params",
    "macs": "MACs",
    "activations": "activations",
    "operators": "operators",
    "weight_bytes": "weights",
    "peak_activation_bytes": "peak activation",
}


def cells_table(
    second: str, cells: Iterable[tuple[str, TableCell, Mapping[str, int | None], bool]]
) -> Table:
    """Return a table with a row for each cell.

    Args:
        second: key and title of the second column: "verdict", "state".
        cells: name, second column and figures of each, and whether its count is complete; a figure
            that is missing stays empty.
    """
    columns = (Column("cell", "cell"), Column(second, second), *_figure_columns())
    rows = tuple(
        (name, word, *(_figure(metric, figures.get(metric), complete) for metric in TITLES))
        for name, word, figures, complete in cells
    )
    return Table(columns, rows)


def _figure(metric: Metric, value: int | None, complete: bool) -> TableCell:
    return at_least(value, complete or metric not in BOUNDED)


def _figure_columns() -> list[Column]:
    columns = []
    for rank, (metric, title) in enumerate(TITLES.items()):
        kind = Kind.SIZE if metric.endswith("_bytes") else Kind.SCALED
        kind = Kind.INTEGER if metric == "operators" else kind
        columns.append(Column(metric, title, kind, rank))
    return columns
