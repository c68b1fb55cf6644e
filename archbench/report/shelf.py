"""The registry as a report."""

from collections.abc import Sequence

from archbench.records import Architecture
from archbench.report.table import Column, Kind, Report, Table


def shelf_report(architectures: Sequence[Architecture]) -> Report:
    """List architectures by family and year, with what sets each apart."""
    columns = (
        Column("name", "name"),
        Column("family", "family", rank=1),
        Column("year", "year", rank=2),
        Column("input_shape", "input", Kind.SHAPE, rank=3),
        Column("num_classes", "classes", Kind.INTEGER, rank=4),
        Column("differs", "version", rank=6),
        Column("paper", "paper", rank=5),
    )
    ordered = sorted(architectures, key=lambda row: (row.family, row.year, row.paper))
    rows = tuple(
        (
            row.name,
            row.family,
            str(row.year),
            row.input_shape,
            row.num_classes,
            row.differs or None,
            row.paper,
        )
        for row in ordered
    )
    document = {
        "schema": "archbench.list/1",
        "architectures": [row.to_dict() for row in ordered],
    }
    return Report(f"{len(ordered)} architectures", (Table(columns, rows),), document)
