"""The rules of the time gate: which pairs to measure next, and what the pairs say.

Two stages. All cells are screened by five pairs. What stands out is measured again, by twelve fresh
pairs, because the five that made it stand out would flatter it; if those cannot decide, by eight
more, once. All of it can be recomputed from recorded pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, expm1, log1p, sqrt
from statistics import median

from archbench.errors import ArchbenchError, UserCodeError
from archbench.gate.sign_flip import MOST, holm, p_value, robust_sd
from archbench.gate.stats import detectable_with, hodges_lehmann, log_interval
from archbench.records.gates import Verdict, Word
from archbench.records.pairs import GatePlan, Pair, Rules, Stage

MEDIAN_ERROR = 1.2533  # of a normal's median over that of its mean
EACH = 0.95  # how often either stage sees what both see nine times in ten
EACH_SD = 1.6449  # standard deviations of a normal


@dataclass(frozen=True, slots=True)
class Evidence:
    """The logarithms of ratios of one cell, stage by stage."""

    screen: tuple[float, ...] = ()
    confirm: tuple[float, ...] = ()
    extend: tuple[float, ...] = ()

    @property
    def fresh(self) -> tuple[float, ...]:
        """All that was measured after the screen."""
        return (*self.confirm, *self.extend)


def evidence_of(pairs: Iterable[Pair]) -> dict[str, Evidence]:
    """Sort pairs that gave times by cell and stage."""
    found: dict[str, dict[Stage, list[float]]] = {}
    for pair in pairs:
        if pair.failure is None:
            found.setdefault(pair.cell, {}).setdefault(pair.stage, []).append(pair.log_ratio)
    return {
        cell: Evidence(*(tuple(stages.get(s, ())) for s in ("screen", "confirm", "extend")))
        for cell, stages in found.items()
    }


def is_slow(evidence: Evidence, rules: Rules) -> bool:
    """Tell whether the screen leaves a cell under suspicion.

    Its median does, or one pair that is as slow as must not slip through: so that a wild machine
    cannot pass by a lucky median.
    """
    values = evidence.screen
    return median(values) > log1p(rules.suspicious) or max(values) >= log1p(rules.important)


def is_fast(evidence: Evidence, rules: Rules) -> bool:
    """Tell whether the screen shows a cell so much faster that it is worth saying."""
    return median(evidence.screen) < -log1p(rules.promising)


def pairs_to_confirm(suspects: int, rules: Rules) -> int:
    """Return how many pairs can reject at the first of Holm's limits, one opposite one among them.

    Of n pairs of equal sizes, n + 1 of the 2^n choices of signs have at most one that does. Never
    more than can be tested together with those of the extension.

    >>> pairs_to_confirm(1, Rules()), pairs_to_confirm(3, Rules()), pairs_to_confirm(100, Rules())
    (12, 13, 16)
    """
    limit = rules.first_look * rules.alpha / max(1, suspects)
    count = rules.confirm
    while (count + 1) / 2**count > limit and count < MOST - rules.extend:
        count += 1
    return count


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of the cells now, and what is to be measured before more can be said.

    Args:
        words: a verdict for each cell that has one.
        wanted: how many pairs of which stage each other cell needs in all.
        p: of the last look at each cell that was looked at again.
        suspects: how many cells may be slower.
    """

    words: Mapping[str, Word]
    wanted: Mapping[str, tuple[Stage, int]]
    p: Mapping[str, float] = field(default_factory=dict)
    suspects: int = 0


def judge(found: Mapping[str, Evidence], rules: Rules, ended: bool = False) -> Judgement:
    """Say of each cell what its pairs allow, and ask for the pairs that are still to come.

    Args:
        found: the evidence of every cell, empty where nothing was measured yet.
        rules: of the gate.
        ended: no more pairs will come; who needs some is inconclusive.
    """
    words: dict[str, Word] = {}
    wanted: dict[str, tuple[Stage, int]] = {}
    slow: list[str] = []
    fast: list[str] = []
    for cell, evidence in found.items():
        if len(evidence.screen) < rules.screen:
            wanted[cell] = ("screen", rules.screen)
        elif is_slow(evidence, rules):
            slow.append(cell)
        elif is_fast(evidence, rules):
            fast.append(cell)
        else:
            words[cell] = "ok"
    if any(len(found[cell].screen) < rules.screen for cell in found) and not ended:
        return Judgement({}, wanted)  # who is under suspicion, and among how many, is not known yet
    p: dict[str, float] = {}
    for cells, sign in ((slow, 1), (fast, -1)):
        count = pairs_to_confirm(len(cells), rules) if cells else 0
        ready = [cell for cell in cells if len(found[cell].confirm) >= count]
        wanted |= {cell: ("confirm", count) for cell in cells if cell not in ready}
        if len(ready) < len(cells) and not ended:
            continue  # Holm's limits depend on all of them
        words |= _looked_at(found, ready, sign, count, rules, p, wanted)
    if ended:
        words |= dict.fromkeys(wanted, "inconclusive")
        wanted = {}
    return Judgement(words, wanted, p, len(slow))


def _looked_at(
    found: Mapping[str, Evidence],
    cells: Sequence[str],
    sign: int,
    count: int,
    rules: Rules,
    p: dict[str, float],
    wanted: dict[str, tuple[Stage, int]],
) -> dict[str, Word]:
    """Judge the suspects of one direction: at their fresh pairs, and once more at the extension."""
    words: dict[str, Word] = {}
    look = rules.first_look * rules.alpha
    values = {cell: [sign * x for x in found[cell].confirm[:count]] for cell in cells}
    first = {cell: p_value(own) for cell, own in values.items()}
    p |= first
    limits = holm(first, look)
    open_cells = []
    for cell in cells:
        word = _word(values[cell], first[cell], limits[cell], look, sign, rules)
        if word == "inconclusive":
            open_cells.append(cell)
        else:
            words[cell] = word
    ready = [cell for cell in open_cells if len(found[cell].extend) >= rules.extend]
    wanted |= {cell: ("extend", rules.extend) for cell in open_cells if cell not in ready}
    if len(ready) < len(open_cells):
        return words
    look = (1 - rules.first_look) * rules.alpha
    values = {c: [sign * x for x in (*found[c].confirm[:count], *found[c].extend)] for c in ready}
    second = {cell: p_value(own) for cell, own in values.items()}
    p |= second
    # who is looked at again was chosen by the same pairs: all who were not rejected count
    others = {cell: 1.0 for cell in cells if words.get(cell) == "ok"}
    limits = holm({**second, **others}, look)
    for cell in ready:
        words[cell] = _word(values[cell], second[cell], limits[cell], look, sign, rules)
    return words


def _word(
    values: Sequence[float], p: float, limit: float, look: float, sign: int, rules: Rules
) -> Word:
    """Name what fresh pairs say; values above 0 are a change in the direction of the suspicion.

    Args:
        values: logarithms of ratios, turned to that direction.
        p: of their test.
        limit: Holm's, among all suspects.
        look: the limit if this were the only one.
        sign: 1 where slowness is suspected, -1 where it is speed.
        rules: of the gate.
    """
    worth_a_word = hodges_lehmann(values) >= log1p(rules.negligible)
    if p <= limit and worth_a_word:
        return "regressed" if sign > 0 else "improved"
    interval = log_interval(values)
    if interval is None:
        return "inconclusive"
    slowest = interval[1] if sign > 0 else -interval[0]
    if slowest >= log1p(rules.important):
        return "inconclusive"
    if sign > 0 and p <= look and worth_a_word:  # alone it would be called a regression
        return "inconclusive"
    return "ok"


def is_contaminated(control: Evidence, rules: Rules) -> bool:
    """Tell whether base differs from itself: then nothing else of this run can be believed."""
    values = control.fresh
    if len(values) < rules.confirm:
        return False
    p = min(p_value(values), p_value([-x for x in values]))
    return p <= rules.alpha / 2 and abs(hodges_lehmann(values)) >= log1p(rules.negligible)


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
        mde=detectable(evidence, suspects, rules),
        p=p,
        pairs=len(values),
    )


def detectable(evidence: Evidence, suspects: int, rules: Rules) -> float | None:
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
    confirmed = detectable_with(error, len(values), alpha, rules.negligible, EACH)
    return max(expm1(stands_out), confirmed)


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
            verdicts.append(replace(verdict, note=_repeated(cell, pairs)))
    return (*verdicts, *plan.known), wanted


def _failure(cell: str, pairs: Sequence[Pair]) -> Pair | None:
    """Return the pair that sets a cell aside: its first, or its second that failed.

    One that failed among others that did not is repeated: something else may have ended it.
    """
    own = [pair for pair in pairs if pair.cell == cell]
    failed = [pair for pair in own if pair.failure is not None]
    return failed[-1] if failed and (len(failed) > 1 or len(failed) == len(own)) else None


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
