"""Several printed figures beside the computed ones, and how many have which verdict."""

from collections import Counter
from collections.abc import Iterable

from archbench.papers.records import VERDICTS, Reproduction, Verdict
from archbench.papers.verdict_looks import LOOKS
from archbench.record import Records
from archbench.units import counted


class Reproductions(Records[Reproduction]):
    """Printed figures beside the computed ones, in the order in which they are printed."""

    __slots__ = ()

    COLUMNS = Reproduction.COLUMNS

    @property
    def summary_line(self) -> str:
        """How many there are, and how many have which verdict."""
        return tally(self)


def verdict_counts(reproductions: Iterable[Reproduction]) -> dict[Verdict, int]:
    """Return the number of figures with each verdict."""
    counts = Counter(reproduction.verdict for reproduction in reproductions)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def tally(reproductions: Iterable[Reproduction]) -> str:
    """Count verdicts in a line: "133 figures: 108 exact, 14 rounded, ..."."""
    counts = verdict_counts(reproductions)
    parts = [f"{count} {LOOKS[verdict].word}" for verdict, count in counts.items() if count]
    return f"{counted(sum(counts.values()), 'figure')}: {', '.join(parts) or 'none'}"
