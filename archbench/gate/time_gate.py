"""The rules of the time gate: which pairs to measure next, and what the pairs say.

Two stages. All cells are screened by five pairs. What stands out is measured again, by twelve fresh
pairs, because the five that made it stand out would flatter it; if those cannot decide, by eight
more, once. All of it can be recomputed from recorded pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, exp, log1p, log2
from statistics import median

from archbench.errors import ArchbenchError
from archbench.gate.sign_flip import detectable_slowdown, holm, p_value
from archbench.gate.stats import hodges_lehmann, log_interval
from archbench.records.gates import Verdict, Word
from archbench.records.pairs import GatePlan, Pair, Rules, Stage


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
    """Return how many pairs can reject at the limit of the first of so many suspects.

    The smallest p-value of n pairs is 1 / 2^n.

    >>> pairs_to_confirm(1, Rules()), pairs_to_confirm(100, Rules())
    (12, 14)
    """
    return max(rules.confirm, ceil(log2(suspects / (rules.first_look * rules.alpha))))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is to be said of the cells now, and what is to be measured before more can be said.

    Args:
        words: a verdict for each cell that has one.
        wanted: how many pairs of which stage each other cell needs in all.
        p: of the last look at each cell that was looked at again.
    """

    words: Mapping[str, Word]
    wanted: Mapping[str, tuple[Stage, int]]
    p: Mapping[str, float] = field(default_factory=dict)


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
    return Judgement(words, wanted, p)


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
    values = {cell: [sign * x for x in found[cell].confirm[:count]] for cell in cells}
    first = {cell: p_value(own) for cell, own in values.items()}
    p |= first
    limits = holm(first, rules.first_look * rules.alpha)
    open_cells = []
    for cell in cells:
        word = _word(values[cell], first[cell] <= limits[cell], sign, rules)
        if word == "inconclusive":
            open_cells.append(cell)
        else:
            words[cell] = word
    ready = [cell for cell in open_cells if len(found[cell].extend) >= rules.extend]
    wanted |= {cell: ("extend", rules.extend) for cell in open_cells if cell not in ready}
    if len(ready) < len(open_cells):
        return words
    values = {c: [sign * x for x in (*found[c].confirm[:count], *found[c].extend)] for c in ready}
    second = {cell: p_value(own) for cell, own in values.items()}
    p |= second
    limits = holm(second, (1 - rules.first_look) * rules.alpha)
    for cell in ready:
        words[cell] = _word(values[cell], second[cell] <= limits[cell], sign, rules)
    return words


def _word(values: Sequence[float], rejected: bool, sign: int, rules: Rules) -> Word:
    """Name what fresh pairs say; values above 0 are a change in the direction of the suspicion."""
    if rejected and hodges_lehmann(values) >= log1p(rules.negligible):
        return "regressed" if sign > 0 else "improved"
    interval = log_interval(values)
    if sign < 0:  # no regression, whatever the size of the gain
        return "ok"
    if interval is not None and interval[1] < log1p(rules.important):
        return "ok"
    return "inconclusive"


def is_contaminated(control: Evidence, rules: Rules) -> bool:
    """Tell whether base differs from itself: then nothing else of this run can be believed."""
    values = control.fresh
    if len(values) < rules.confirm:
        return False
    p = min(p_value(values), p_value([-x for x in values]))
    return p <= rules.alpha / 2 and abs(hodges_lehmann(values)) >= log1p(rules.negligible)


def verdict_of(cell: str, evidence: Evidence, word: Word, p: float | None, rules: Rules) -> Verdict:
    """Put a cell's word beside its ratio, interval, p and what its pairs could have seen."""
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
        mde=detectable_slowdown(values, rules.alpha, rules.negligible),
        p=p,
        pairs=len(values),
    )


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
    set_aside = {pair.cell: pair for pair in pairs if pair.failure is not None}
    same = _same_code(pairs)
    evidence = evidence_of(pairs)
    timed = [cell for cell in plan.cells if cell not in set_aside and cell not in same]
    judgement = judge({cell: evidence.get(cell, Evidence()) for cell in timed}, plan.rules, ended)
    wanted = dict(judgement.wanted)
    control = evidence.get(plan.control, Evidence())
    contaminated = False
    if timed and plan.control not in set_aside:
        own = judge({plan.control: control}, plan.rules, ended)
        wanted |= own.wanted
        contaminated = is_contaminated(control, plan.rules)
    verdicts = []
    for cell in plan.cells:
        if cell in set_aside:
            verdicts.append(_set_aside(set_aside[cell]))
        elif cell in same:
            note = "both sides import it from the same place: no commit changes it"
            verdicts.append(Verdict(cell, "time", "not_comparable", note=note))
        else:
            word = judgement.words.get(cell, "inconclusive")
            word = "contaminated" if contaminated else word
            own_evidence = evidence.get(cell, Evidence())
            p = judgement.p.get(cell)
            verdicts.append(verdict_of(cell, own_evidence, word, p, plan.rules))
    return (*verdicts, *plan.known), wanted


def _same_code(pairs: Sequence[Pair]) -> set[str]:
    """Name the cells whose code is the same file for both sides, or none of the user's."""
    return {
        pair.cell
        for pair in pairs
        if pair.sources
        and not pair.control
        and pair.sources.get("base") == pair.sources.get("head")
    }


def _set_aside(pair: Pair) -> Verdict:
    """Say why a cell has no times: base does not know it yet, or something went wrong."""
    assert pair.failure is not None
    unknown = pair.failed == "base" and pair.failure.exit_code == ArchbenchError.exit_code
    word: Word = "new" if unknown else "failed"
    return Verdict(pair.cell, "time", word, note=f"{pair.failed}: {pair.failure.message}")
