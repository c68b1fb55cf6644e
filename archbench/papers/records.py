"""Figures that papers print, and the same figures computed again."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

from archbench.record import Record, Row, as_json

FigureKind = Literal["derivable", "arithmetic", "reported"]


@dataclass(frozen=True, slots=True)
class PublishedFigure(Record):
    """One figure that a paper or document prints."""

    id: str  #: its name: table, row and column, with dots
    table: str  #: the table or text that it belongs to
    paper: str  #: where it was first printed
    documents: tuple[str, ...]  #: the lecture notes and slides that quote it
    #: the registry's name of the network it belongs to; None where there is none
    architecture: str | None
    row: str  #: its row, as the document calls it
    column: str  #: its column, as the document calls it
    printed: str  #: exactly what is printed
    value: str  #: the print as a value in base units: "112x112x64" for a size, "7x7" for a kernel
    unit: str  #: what it counts: params, macs, channels, kernel, shape, percent_error, ..
    #: how the document counts, where that is known: "K=1024; weights without biases"
    convention: str
    #: derivable from an architecture, arithmetic from other figures, or reported only
    kind: FigureKind

    @property
    def summary_line(self) -> str:
        """Name and print."""
        return f"{self.id}: {self.printed} ({self.unit})"

    @property
    def number(self) -> int | float | str:
        """The value as a number, where it is one."""
        for kind in (int, float):
            try:
                return kind(self.value)
            except ValueError:
                continue
        return self.value


Verdict = Literal[
    "exact",
    "rounded",
    "truncated",
    "within_1_unit",
    "inconsistent",
    "not_derivable",
    "reported",
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
CONFIRMED: frozenset[Verdict] = frozenset({"exact", "rounded"})


@dataclass(frozen=True, slots=True)
class Reading(Record):
    """One way to count what a figure may stand for, and what it gives."""

    KEYS = ("how", "computed", "verdict")

    network: str  #: the counted network: registry name and arguments; "" where none was counted
    way: str  #: what was counted of it: "weights without biases, K = 1024"; "" where that is plain
    computed: int | float | str  #: the value, in base units
    shown: str  #: the value as the figure would print it, with more digits
    verdict: Verdict  #: on the figure, were it read so

    @property
    def summary_line(self) -> str:
        """The value, the verdict, and how it was counted."""
        how = f" ({self.how})" if self.how else ""
        return f"{self.shown}, {self.verdict.replace('_', ' ')}{how}"

    @property
    def how(self) -> str:
        """Network and way in one."""
        return ", ".join(filter(None, (self.network, self.way)))


@dataclass(frozen=True, slots=True)
class Reproduction(Record):
    """A printed figure beside the computed one."""

    COLUMNS = (
        *("id", "table", "paper", "documents", "architecture", "row", "column", "printed"),
        *("value", "computed", "unit", "verdict", "convention", "explanation"),
    )

    figure: PublishedFigure  #: what is printed
    verdict: Verdict  #: how the two agree
    #: the reading by the figure's own network and convention; None where nothing determines it, or
    #: where it is only quoted
    own: Reading | None
    others: tuple[Reading, ...] = ()  #: other readings of it, where there are any
    #: why it is not what was expected, or what to know about it; never empty unless the verdict is
    #: exact or rounded
    explanation: str = ""

    @property
    def summary_line(self) -> str:
        """The figure's name, what is printed, what was computed, and the verdict."""
        computed = "" if self.own is None else f", {self.own.shown} computed"
        printed = f"{self.figure.printed} printed"
        return f"{self.figure.id}: {printed}{computed}, {self.verdict.replace('_', ' ')}"

    def to_rows(self) -> list[Row]:
        """Return the reproduction as one row, with everything but the other readings."""
        found = self.to_dict() | {"documents": "; ".join(self.figure.documents)}
        return [{column: found[column] for column in self.COLUMNS}]

    def to_dict(self) -> dict[str, Any]:
        """Return the reproduction as `archbench.reproduce/1` prints it."""
        figure = self.figure
        return {
            "id": figure.id,
            "table": figure.table,
            "paper": figure.paper,
            "documents": list(figure.documents),
            "architecture": figure.architecture,
            "row": figure.row,
            "column": figure.column,
            "printed": figure.printed,
            "value": figure.number,
            "computed": None if self.own is None else self.own.computed,
            "unit": figure.unit,
            "verdict": self.verdict,
            "convention": "" if self.own is None else self.own.how,
            "readings": as_json(self.others),
            "explanation": self.explanation,
        }


@dataclass(frozen=True, slots=True)
class VerdictChange(Record):
    """A figure whose verdict is not the expected one."""

    id: str  #: the figure's
    expected: Verdict | None  #: the recorded verdict; None where none is
    verdict: Verdict  #: what it is now
