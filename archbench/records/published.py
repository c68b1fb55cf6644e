"""What papers print, and what becomes of it when it is computed again."""

from dataclasses import dataclass
from typing import Literal

FigureKind = Literal["derivable", "arithmetic", "reported"]


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """One figure that a paper or document prints.

    Args:
        id: its name: table, row and column, with dots.
        table: the table or text that it belongs to.
        paper: where it was first printed.
        documents: the lecture notes and slides that quote it.
        architecture: the registry's name of the network it belongs to; None where there is none.
        row: its row, as the document calls it.
        column: its column, as the document calls it.
        printed: exactly what is printed.
        value: that as one value in base units, "112x112x64" for a size, "7x7" for a kernel.
        unit: what it counts: params, macs, channels, kernel, shape, percent_error, ...
        convention: how the document counts, where that is known: "K=1024; weights without biases".
        kind: derivable from an architecture, arithmetic from other figures, or reported only.
    """

    id: str
    table: str
    paper: str
    documents: tuple[str, ...]
    architecture: str | None
    row: str
    column: str
    printed: str
    value: str
    unit: str
    convention: str
    kind: FigureKind
