"""How a verdict on a printed figure looks."""

from collections.abc import Mapping
from typing import NamedTuple

from archbench.papers.records import Verdict
from archbench.tables.table import Tone


class Look(NamedTuple):
    """A sign, words and a tone."""

    mark: str
    word: str
    tone: Tone


LOOKS: Mapping[Verdict, Look] = {
    "reported": Look("*", "reported", Tone.QUIET),
    "exact": Look("=", "exact", Tone.GOOD),
    "rounded": Look("≈", "rounded", Tone.GOOD),
    "truncated": Look("↓", "truncated", Tone.FAIR),
    "within_1_unit": Look("~", "within one unit", Tone.FAIR),
    "not_derivable": Look("?", "not derivable", Tone.FAIR),
    "inconsistent": Look("≠", "inconsistent", Tone.BAD),
}
SEVERITY = tuple(LOOKS)  # a cell that holds several figures looks like the worst of them
