"""Each cell's verdict in one line, whichever gate it comes from."""

from dataclasses import dataclass

from archbench.gates.records import Verdict, Word, worst_first
from archbench.gates.saved_runs.records import SavedCheck
from archbench.gates.structure.records import Check
from archbench.gates.time.records import TimeGate

GATES = {Check: "structure", TimeGate: "time", SavedCheck: "saved runs"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one cell, as other systems show it."""

    cell: str  #: its name
    word: Word  #: its worst verdict
    message: str  #: what there is to say of it, in one line
    took_s: float | None = None  #: how long it was measured; None where nothing was


def outcomes_of(found: Check | TimeGate | SavedCheck) -> list[Outcome]:
    """Return an outcome for each cell, worst first."""
    if isinstance(found, Check):
        return [
            Outcome(cell, worst, _structure(found, cell, worst))
            for cell, worst in found.verdict_of_cell.items()
        ]
    if isinstance(found, SavedCheck):
        return [Outcome(v.cell, v.verdict, time_in_words(v)) for v in worst_first(found.verdicts)]
    return [
        Outcome(
            v.cell,
            v.verdict,
            time_in_words(v),
            sum(p.wall_s for p in found.pairs if p.cell == v.cell and not p.control) or None,
        )
        for v in worst_first(found.verdicts)
    ]


def time_in_words(verdict: Verdict) -> str:
    """Return a verdict on time as a sentence: its ratio, the slowdown it could see, its note."""
    parts = []
    if verdict.ratio is not None:
        text = f"{verdict.ratio:.3f} times base's time"
        if verdict.low is not None and verdict.high is not None:
            text += f" (95 % interval {verdict.low:.3f} to {verdict.high:.3f})"
        parts.append(text)
    if verdict.mde is not None:
        seen = f"{verdict.mde:.1%} slower" if verdict.mde < 1 else "not even twice the time"
        parts.append(f"{seen} would have been seen nine times in ten")
    return "; ".join([*parts, *filter(None, [verdict.note])]) or _bare(verdict)


def _structure(check: Check, cell: str, worst: Word) -> str:
    """Say which figures of a cell changed, and how; the worst first."""
    own = [verdict for verdict in check.verdicts if verdict.cell == cell]
    parts = [_figure(v) for v in own if v.verdict == worst and worst != "ok"]
    parts += [_figure(v) for v in own if v.verdict not in (worst, "ok")]
    parts += filter(None, [check.notes.get(cell)])
    return "; ".join(parts) or "as locked"


def _figure(verdict: Verdict) -> str:
    if verdict.metric is None:
        return verdict.note or _bare(verdict)
    now = "-" if verdict.now is None else f"{verdict.now:,}"
    if verdict.limit:
        return f"{verdict.metric} {now}, budget {verdict.limit}"
    before = "-" if verdict.before is None else f"{verdict.before:,}"
    share = ""
    if verdict.before and verdict.now is not None:
        share = f" ({verdict.now / verdict.before - 1:+.2%})"
    note = f", {verdict.note}" if verdict.note else ""
    return f"{verdict.metric} {before} -> {now}{share}{note}"


def _bare(verdict: Verdict) -> str:
    return verdict.verdict.replace("_", " ")
