"""What a renderer reads: tables of raw values in base units, and the lines around them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from archbench.units import Shape


class Tone(StrEnum):
    """How welcome a text is: its colour on a terminal. The text says it too."""

    GOOD = "good"
    FAIR = "fair"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class Toned:
    """A text with its tone; its lines stand below each other."""

    text: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that is only a bound: people see its sign, machines the number."""

    value: int | float
    sign: Literal["≥", "≤"]


def at_least(value: float | None, complete: bool) -> "float | Bound | None":
    """Return a number as a cell: a lower bound unless it is complete."""
    return value if complete or value is None else Bound(value, "≥")


# None: there is no such value. Never 0, never "".
TableCell = str | int | float | Shape | Toned | Bound | None


class Kind(StrEnum):
    """How people see a column; machines get every value whole."""

    TEXT = "text"
    COUNT = "count"  # a large number: one prefix for the whole column
    SCALED = "scaled"  # a large number with its own prefix, where rows differ much
    INTEGER = "integer"  # a small one, written out
    RATIO = "ratio"
    SHARE = "share"  # of 1, seen as percent
    SECONDS = "seconds"  # one unit for the whole column
    BYTES = "bytes"  # one unit for the whole column, in powers of 1024
    SIZE = "size"  # bytes with their own unit, likewise
    RATE = "rate"  # per second: three digits that count
    SHAPE = "shape"
    IMAGE = "image"  # a shape as the papers' tables print it, a vector as an image of one pixel
    PROSE = "prose"  # a sentence or more, which wraps to the width that is left
    PRINTED = "printed"  # what a paper's cell says; empty where the paper's cell is empty


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    key: str  #: its name for machines, the unit last
    title: str  #: its name for people
    kind: Kind = Kind.TEXT  #: how people see it
    #: columns of the highest rank are left out first where space is short; 0 always stays
    rank: int = 0
    group: str = ""  #: columns of one group share their prefix or unit, so that one can read across
    optional: bool = False  #: `without_empty()` leaves it out where no row has a value


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of raw cells under their columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[TableCell, ...], ...]
    title: str = ""
    marked: frozenset[int] = frozenset()  #: rows that differ from what they stand beside
    groups: Mapping[int, str] = field(default_factory=dict)  #: headings, each above a row


Lists = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # (heading, (name, text) pairs)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything one command has to say, whichever format it is asked for in."""

    title: str  #: its first line
    #: for people; the first one is what CSV holds, unless `rows` is given
    tables: tuple[Table, ...]
    document: Mapping[str, Any]  #: the JSON object
    facts: tuple[tuple[str, str], ...] = ()  #: (name, text) pairs that stand under the tables
    notes: tuple[str, ...] = ()  #: sentences that stand last
    rows: Table | None = None  #: what CSV holds
    lists: Lists = ()  #: more of them, each under its heading
    #: (name, command) pairs that stand after the facts, to be copied as they are
    commands: tuple[tuple[str, str], ...] = ()
    #: (heading, lines) pairs that stand below, each line as it is
    listings: tuple[tuple[str, str], ...] = ()
    background: tuple[tuple[str, str], ...] = ()  #: more of them: where and how it was measured
    whole: str = "-f csv"  #: the option that shows what a narrow terminal leaves out
