"""How the gates' verdicts look: their colours, how many there are of each, and as CSV."""

from collections.abc import Mapping, Sequence

from archbench.gates.records import WORDS, Verdict, Word
from archbench.tables.table import Column, Table, Tone, Toned

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


def verdicts_for_machines(verdicts: Sequence[Verdict], keys: Sequence[str]) -> Table:
    """Return the table that CSV holds: some keys of each verdict, without units or rounding."""
    documents = [verdict.to_dict() for verdict in verdicts]
    return Table(
        tuple(Column(key, key) for key in keys),
        tuple(tuple(document[key] for key in keys) for document in documents),
    )
