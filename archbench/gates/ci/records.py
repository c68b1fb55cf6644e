"""What a gate says of each cell in a word and a sentence, for other systems to show."""

from dataclasses import dataclass

from archbench.gates.records import Word


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell."""

    cell: str  #: its name
    word: Word  #: its worst verdict
    message: str  #: what there is to say of it, in one line
    took_s: float | None = None  #: how long it was measured; None where nothing was
