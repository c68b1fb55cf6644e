"""What is said of each cell of a run of the time gate, and why: all from recorded pairs."""

from collections.abc import Sequence
from dataclasses import replace
from math import exp, expm1, log1p, sqrt

from archbench.errors import ArchbenchError, UserCodeError
from archbench.gates.records import Verdict, Word
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import GatePlan, Pair, Stage
from archbench.gates.time.stages import (
    Evidence,
    evidence_of,
    is_contaminated,
    judge,
    pairs_to_confirm,
)
from archbench.statistics.intervals import detectable_with, hodges_lehmann, log_interval
from archbench.statistics.sign_flip import robust_sd

MEDIAN_ERROR = 1.2533  # of a normal's median over that of its mean
EACH = 0.95  # how often either stage sees what both see nine times in ten
EACH_SD = 1.6449  # standard deviations of a normal


def verdicts_of(
    plan: GatePlan, pairs: Sequence[Pair], ended: bool
) -> tuple[tuple[Verdict, ...], dict[str, tuple[Stage, int]]]:
    """Judge a whole run.

    Args:
        plan: what it is about.
        pairs: all that were measured so far.
        ended: no more will come.

    Returns the verdicts, in the order of the cells, those known before last, and what is still
    wanted: how many pairs of which stage, the control's too. While something is wanted the verdicts
    are not the last.
    """
    failures = {cell: _failure(cell, pairs) for cell in (*plan.cells, plan.control)}
    apart = _not_comparable(pairs)
    evidence = evidence_of(pairs)
    timed = [cell for cell in plan.cells if failures[cell] is None and cell not in apart]
    judgement = judge({cell: evidence.get(cell, Evidence()) for cell in timed}, plan.rules, ended)
    wanted = dict(judgement.wanted)
    contaminated = False
    if timed and failures[plan.control] is None:
        control = evidence.get(plan.control, Evidence())
        wanted |= judge({plan.control: control}, plan.rules, ended).wanted
        contaminated = is_contaminated(control, plan.rules)
    verdicts = []
    for cell in plan.cells:
        failed = failures[cell]
        if failed is not None:
            verdicts.append(_set_aside(failed))
        elif cell in apart:
            verdicts.append(Verdict(cell, "time", "not_comparable", note=apart[cell]))
        else:
            word = judgement.words.get(cell, "inconclusive")
            word = "contaminated" if contaminated else word
            own = evidence.get(cell, Evidence())
            p = judgement.p.get(cell)
            verdict = verdict_of(cell, own, word, p, judgement.suspects, plan.rules)
            notes = _unmet(judgement.unmet.get(cell), own), _repeated(cell, pairs)
            verdicts.append(replace(verdict, note="; ".join(filter(None, notes))))
    return (*verdicts, *plan.known), wanted


def verdict_of(
    cell: str, evidence: Evidence, word: Word, p: float | None, suspects: int, rules: Rules
) -> Verdict:
    """Put a cell's word beside its ratio, interval, p and what its pairs could have seen.

    Args:
        cell: its name.
        evidence: all its pairs.
        word: what is said of it.
        p: of the last look at it; None where the screen was enough.
        suspects: cells that were looked at again.
        rules: of the gate.
    """
    values = evidence.fresh or evidence.screen
    if not values:
        return Verdict(cell, "time", word)
    interval = log_interval(values)
    return Verdict(
        cell,
        "time",
        word,
        ratio=exp(hodges_lehmann(values)),
        low=None if interval is None else exp(interval[0]),
        high=None if interval is None else exp(interval[1]),
        mde=detectable_slowdown(evidence, suspects, rules),
        p=p,
        pairs=len(values),
    )


def detectable_slowdown(evidence: Evidence, suspects: int, rules: Rules) -> float | None:
    """Return the slowdown, as a share, that such pairs would have shown nine times in ten.

    It must stand out in the screen, and then be rejected by the confirmation; a cell that did not
    stand out is told what the confirmation would have seen with the spread of its screen. Nine
    times in ten is for noise like a normal's; wild pairs make it fewer. None where there are too
    few pairs to know it.
    """
    values = evidence.fresh or evidence.screen
    if len(values) < 2:
        return None
    spread = robust_sd(values)
    count = max(len(evidence.fresh), pairs_to_confirm(suspects, rules))
    alpha = rules.first_look * rules.alpha / max(1, suspects)
    stands_out = log1p(rules.suspicious) + MEDIAN_ERROR * EACH_SD * spread / sqrt(rules.screen)
    error = spread / sqrt(count)
    confirmed = detectable_with(error, len(values), rules.negligible, alpha, EACH)
    return max(expm1(stands_out), confirmed)


def _failure(cell: str, pairs: Sequence[Pair]) -> Pair | None:
    """Return the pair that sets a cell aside: its first, or its second that failed.

    One that failed among others that did not is repeated: something else may have ended it.
    """
    own = [pair for pair in pairs if pair.cell == cell]
    failed = [pair for pair in own if pair.failure is not None]
    return failed[-1] if failed and (len(failed) > 1 or len(failed) == len(own)) else None


def _unmet(wanted: tuple[Stage, int] | None, evidence: Evidence) -> str:
    """Say of a cell whose pairs were not all measured what it lacks; empty where it lacks none."""
    if wanted is None:
        return ""
    stage, count = wanted
    measured = len(getattr(evidence, stage))
    doing = {"screen": "screening", "confirm": "confirming", "extend": "extending"}[stage]
    return (
        f"the run ended after {measured} of {count} pairs {doing} it; --max-time decides how long"
    )


def _repeated(cell: str, pairs: Sequence[Pair]) -> str:
    """Say that a pair was repeated; empty where none was."""
    failed = [pair for pair in pairs if pair.cell == cell and pair.failure is not None]
    return f"one pair failed and was repeated: {_why(failed[0])}" if failed else ""


def _not_comparable(pairs: Sequence[Pair]) -> dict[str, str]:
    """Say of cells why their sides are not what they are taken for."""
    found = {}
    for pair in pairs:
        if pair.control:
            continue
        for side, names in pair.strays.items():
            other = "head" if side == "base" else "base"
            found[pair.cell] = f"{side} imports from {other}'s tree: {', '.join(names[:3])}"
        if pair.sources and pair.sources.get("base") == pair.sources.get("head"):
            found[pair.cell] = "both sides import it from the same place: no commit changes it"
    return found


def _set_aside(pair: Pair) -> Verdict:
    """Say why a cell has no times: base does not know it yet, or something went wrong.

    Head was run in the same way and did not fail, so what archbench refuses of base is not there.
    """
    assert pair.failure is not None
    refused = pair.failure.exit_code == ArchbenchError.exit_code and pair.failure.kind == "failed"
    word: Word = "new" if pair.failed == "base" and refused else "failed"
    return Verdict(pair.cell, "time", word, note=_why(pair))


def _why(pair: Pair) -> str:
    """Say which side failed, of what, and what helps."""
    assert pair.failure is not None
    side = f"{pair.failed}: " if pair.failed else ""
    hint = pair.failure.hint
    if hint.startswith("--debug"):  # the traceback was a worker's
        hint = ""
    if pair.failed == "base" and pair.failure.exit_code == UserCodeError.exit_code:
        hint = hint or "--setup runs what a fresh checkout needs"
    return f"{side}{pair.failure.message}{hint and '; '}{hint}"
