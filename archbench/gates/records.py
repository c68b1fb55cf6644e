"""What gates say of a cell, and the exit code that follows from it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, get_args

from archbench.record import Record, Row
from archbench.units import counted

if TYPE_CHECKING:
    from archbench.tables.table import Report

Found = TypeVar("Found", covariant=True)

Word = Literal[
    "regressed",
    "failed",
    "contaminated",
    "inconclusive",
    "not_comparable",
    "missing",
    "improved",
    "new",
    "ok",
]
WORDS: tuple[Word, ...] = get_args(Word)  # worst first
UNDECIDED_WORDS: tuple[Word, ...] = ("contaminated", "inconclusive", "not_comparable", "missing")
REGRESSED, FAILED, UNDECIDED, NOTHING = 1, 3, 4, 5  # exit codes


def exit_code(words: Iterable[Word], strict: bool, incomplete: bool = False) -> int:
    """Return the exit code of the worst verdict.

    It is 0 fine, 1 regressed, 3 failed, 4 undecided under strict, 5 there is no verdict. An
    incomplete check counts as undecided.
    """
    found = set(words)
    if not found:
        return NOTHING
    if "regressed" in found:
        return REGRESSED
    if "failed" in found:
        return FAILED
    undecided = incomplete or found.intersection(UNDECIDED_WORDS)
    return UNDECIDED if strict and undecided else 0


@dataclass(frozen=True, slots=True)
class Verdict(Record):
    """What is said of one figure of a cell, or of a cell as a whole."""

    OMITTED = ("complete",)

    cell: str  #: its name
    metric: str | None  #: the figure; None for the cell as a whole
    verdict: Word  #: out of the closed list
    before: int | None = None  #: what the lock holds
    now: int | None = None  #: what was computed
    limit: str = ""  #: the budget that was judged, as the user wrote it; empty for what is locked
    ratio: float | None = None  #: now / before, or of the limit; None where that does not exist
    low: float | None = None  #: lower end of the 95 % interval of a ratio of times
    high: float | None = None  #: its upper end
    #: the slowdown, as a share, that this measurement would have shown nine times in ten
    mde: float | None = None
    p: float | None = None  #: of the one-sided test, where there was one
    pairs: int | None = None  #: of processes that the ratio comes from
    note: str = ""  #: what there is to say besides
    complete: bool = True  #: False: `before` or `now` is a lower bound

    @property
    def summary_line(self) -> str:
        """Cell, figure and verdict, with what there was and is, or the ratio."""
        what = f"{self.cell}{f' {self.metric}' if self.metric else ''}"
        word = self.verdict.replace("_", " ")
        if self.before is not None and self.now is not None:
            bound = "" if self.complete else " (a lower bound)"
            return f"{what}: {word}, {self.before:,} before, {self.now:,} now{bound}"
        ratio = "" if self.ratio is None else f", ratio {self.ratio:.3f}"
        return f"{what}: {word}{ratio}{f' ({self.note})' if self.note else ''}"

    def to_rows(self) -> list[Row]:
        """Return the verdict as one row."""
        return [self.to_dict()]


def worst_first(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return verdicts sorted by their words; equal ones the slowest first, then by name."""
    return sorted(verdicts, key=lambda v: (WORDS.index(v.verdict), -(v.ratio or 0.0), v.cell))


def worst_words(verdicts: Iterable[Verdict]) -> dict[str, Word]:
    """Return each cell's worst verdict, worst cells first."""
    worst: dict[str, Word] = {}
    for verdict in verdicts:
        held = worst.get(verdict.cell, verdict.verdict)
        worst[verdict.cell] = min(held, verdict.verdict, key=WORDS.index)
    return dict(sorted(worst.items(), key=lambda pair: WORDS.index(pair[1])))


@dataclass(frozen=True, slots=True)
class GateResult(Generic[Found]):
    """The findings of a gate, and the report that `archbench check` prints of them."""

    found: Found
    report: "Report"
    accept: str = ""  #: Markdown that says how to live with it; empty where nothing asks for that
    doubts: tuple[str, ...] = ()  #: what --strict would not let pass, a sentence each
    #: options whose values mean something else elsewhere, and what they mean: HEAD^1
    meanings: Mapping[str, str] = field(default_factory=dict)


def undecided(words: Iterable[Word]) -> tuple[str, ...]:
    """Say how many cells have which verdict that decides nothing."""
    listed = list(words)
    return tuple(
        f"{counted(listed.count(word), 'cell is', 'cells are')} {word.replace('_', ' ')}"
        for word in UNDECIDED_WORDS
        if word in listed
    )
