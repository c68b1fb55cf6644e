"""The rules of the time gate: which pairs to measure next, and what the pairs say.

Two stages. All cells are screened by five pairs. What stands out is measured again, by twelve fresh
pairs, because the five that made it stand out would flatter it; if those cannot decide, by eight
more, once. All of it can be recomputed from recorded pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log1p
from statistics import median

from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import Pair, Stage
from archbench.statistics.intervals import hodges_lehmann, log_interval
from archbench.statistics.sign_flip import MOST, holm, p_value


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
    """What is to be said of the cells now, and what is to be measured before more can be said."""

    words: Mapping[str, Word]  #: a verdict for each cell that has one
    #: how many pairs of which stage each other cell needs in all
    wanted: Mapping[str, tuple[Stage, int]]
    #: of the last look at each cell that was looked at again
    p: Mapping[str, float] = field(default_factory=dict)
    suspects: int = 0  #: how many cells may be slower
    #: what was still wanted of cells when the run ended
    unmet: Mapping[str, tuple[Stage, int]] = field(default_factory=dict)


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
        suspects = judge_suspects({cell: found[cell] for cell in ready}, sign, count, rules)
        words |= suspects.words
        wanted |= suspects.wanted
        p |= suspects.p
    if ended:
        words |= dict.fromkeys(wanted, "inconclusive")
        return Judgement(words, {}, p, len(slow), wanted)
    return Judgement(words, wanted, p, len(slow))


def judge_suspects(
    suspects: Mapping[str, Evidence], sign: int, count: int, rules: Rules
) -> Judgement:
    """Judge all suspects of one direction: by the confirmation, and once more by the extension.

    Args:
        suspects: the evidence of each, whose confirmation is complete.
        sign: 1 where slowness is suspected, -1 where it is speed.
        count: pairs of the confirmation.
        rules: of the gate.
    """
    share = rules.first_look
    values = {cell: [sign * x for x in own.confirm[:count]] for cell, own in suspects.items()}
    first = tested_together(values, {}, share * rules.alpha, sign, rules)
    decided = {cell: word for cell, word in first.words.items() if word != "inconclusive"}
    undecided = [cell for cell in suspects if cell not in decided]
    extended = {
        cell: [*values[cell], *(sign * x for x in suspects[cell].extend)]
        for cell in undecided
        if len(suspects[cell].extend) >= rules.extend
    }
    wanted: dict[str, tuple[Stage, int]] = {
        cell: ("extend", rules.extend) for cell in undecided if cell not in extended
    }
    if wanted:
        return Judgement(decided, wanted, first.p)
    # the extension goes on with the confirmation's pairs: all who were not rejected by them count
    others = {cell: 1.0 for cell, word in decided.items() if word == "ok"}
    second = tested_together(extended, others, (1 - share) * rules.alpha, sign, rules)
    return Judgement({**decided, **second.words}, {}, {**first.p, **second.p})


@dataclass(frozen=True, slots=True)
class InterimTest:
    """What one test of several cells says of each, "inconclusive" where it is still open."""

    words: Mapping[str, Word]  #: a verdict for each cell
    p: Mapping[str, float]  #: of each cell


def tested_together(
    values: Mapping[str, Sequence[float]],
    others: Mapping[str, float],
    alpha: float,
    sign: int,
    rules: Rules,
) -> InterimTest:
    """Test cells at once, with Holm's correction over all suspects.

    Args:
        values: logarithms of ratios, turned to the direction of the suspicion.
        others: p of those that count among the suspects but are not judged.
        alpha: the chance of a false alarm that this test may spend.
        sign: 1 where slowness is suspected, -1 where it is speed.
        rules: of the gate.
    """
    p = {cell: p_value(one) for cell, one in values.items()}
    limits = holm({**p, **others}, alpha)
    words = {c: _word(one, p[c], limits[c], alpha, sign, rules) for c, one in values.items()}
    return InterimTest(words, p)


def _word(
    values: Sequence[float], p: float, limit: float, alpha: float, sign: int, rules: Rules
) -> Word:
    """Name what fresh pairs say; values above 0 are a change in the direction of the suspicion.

    Args:
        values: logarithms of ratios, turned to that direction.
        p: of their test.
        limit: Holm's, among all suspects.
        alpha: the limit if this were the only one.
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
    if sign > 0 and p <= alpha and worth_a_word:  # alone it would be called a regression
        return "inconclusive"
    return "ok"


def is_contaminated(control: Evidence, rules: Rules) -> bool:
    """Tell whether base differs from itself: then nothing else of this run can be believed."""
    values = control.fresh
    if len(values) < rules.confirm:
        return False
    p = min(p_value(values), p_value([-x for x in values]))
    return p <= rules.alpha / 2 and abs(hodges_lehmann(values)) >= log1p(rules.negligible)
