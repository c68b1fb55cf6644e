"""What a gate says of each cell in a word and a sentence, for other systems to show."""

from dataclasses import dataclass

from archbench.gates.records import Word


@dataclass(frozen=True, slots=True)
class Outcome:
    """One cell.

    Args:
        cell: its name.
        word: its worst verdict.
        message: what there is to say of it, in one line.
        took_s: how long it was measured; None where nothing was.
    """

    cell: str
    word: Word
    message: str
    took_s: float | None = None
