"""The explanation of a figure that was computed again, or only quoted."""

from collections.abc import Sequence

from archbench.papers.notes import CONDITIONS, note
from archbench.papers.records import CONFIRMED, PublishedFigure, Reading


def explain_quoted(figure: PublishedFigure) -> str:
    """Say under which conditions a figure was reported."""
    conditions = CONDITIONS.get(figure.table, "")
    quoted = f"Quoted, not verified{f': {conditions}' if conditions else ''}."
    return _sentences(note(figure.id), quoted)


def explain_computed(figure: PublishedFigure, own: Reading, others: Sequence[Reading]) -> str:
    """Return the computed value where it differs, and the reading that gives the printed one."""
    if own.verdict in CONFIRMED:
        return note(figure.id)
    return _sentences(note(figure.id), _instead(own, others))


def _instead(own: Reading, others: Sequence[Reading]) -> str:
    computed = {
        "truncated": f"Computed {own.shown}: cut after the last printed digit, not rounded.",
        "within_1_unit": f"Computed {own.shown}: one of the last printed digit away.",
    }.get(own.verdict, f"Computed {own.shown} ({own.how}).")
    giving = [reading for reading in others if reading.verdict in CONFIRMED]
    if giving:
        return f"{computed} It comes out as {_listed(giving)}."
    if others:
        return f"{computed} Nor does it come out as {_listed(others)}."
    return computed


def explain_reconstructed(
    figure: PublishedFigure, unpublished: str, readings: Sequence[Reading]
) -> str:
    """Say what is missing, and what the reconstructions come to, all counted alike."""
    built = [reading for reading in readings if reading.way == readings[0].way]
    least, most = (pick(built, key=_size).shown for pick in (min, max))
    span = f"a reconstruction comes to {least}"
    if len(built) > 1:
        span = f"{len(built)} reconstructions come to {least} to {most}"
    missing = f"Not derivable: {unpublished}; {span}."
    agree = any(reading.verdict in CONFIRMED for reading in built)
    agreement = "That it agrees proves nothing." if agree else ""
    return _sentences(note(figure.id), missing, agreement)


def _size(reading: Reading) -> float:
    return float(reading.computed)


def _listed(readings: Sequence[Reading]) -> str:
    return "; ".join(f"{reading.shown} ({reading.how})" for reading in readings)


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)
