"""How the gates' verdicts look: their colours, and how many there are of each."""

from collections.abc import Mapping, Sequence

from archbench.gates.records import WORDS, Word
from archbench.tables.table import Tone, Toned

TONES: Mapping[Word, Tone] = {
    "regressed": Tone.BAD,
    "failed": Tone.BAD,
    "contaminated": Tone.FAIR,
    "inconclusive": Tone.FAIR,
    "not_comparable": Tone.FAIR,
    "missing": Tone.FAIR,
    "improved": Tone.GOOD,
    "new": Tone.FAIR,
    "ok": Tone.GOOD,
}


def tally(words: Sequence[Word]) -> str:
    """Count verdicts, worst first: "1 regressed, 2 ok"."""
    counts = {word: words.count(word) for word in WORDS}
    return ", ".join(f"{n} {word.replace('_', ' ')}" for word, n in counts.items() if n)


def toned(word: Word) -> Toned:
    """Write a verdict in its colour."""
    return Toned(word.replace("_", " "), TONES[word])
