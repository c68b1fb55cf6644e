"""The stages of the time gate: which pairs to measure next, and what the measured pairs show.

1. Screening: five pairs of every cell. A cell that looks slower or faster becomes a suspect.
2. Confirmation: twelve fresh pairs of every suspect and an exact test. The screening pairs are left
   out: the suspects were selected by them, so they would exaggerate the change.
3. Extension: eight more pairs, once, of the suspects that the confirmation leaves open.

Everything here can be computed again from recorded pairs.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from math import log1p
from statistics import median
from typing import NamedTuple

from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import Pair, Stage
from archbench.statistics.intervals import hodges_lehmann, log_interval
from archbench.statistics.sign_flip import MOST, holm, p_value


class Direction(Enum):
    """The suspected change of a cell's time; the value is the sign of its logarithms of ratios."""

    SLOWER = 1
    FASTER = -1

    def turned(self, log_ratios: Iterable[float]) -> list[float]:
        """Return the values with signs that make a change in this direction positive."""
        return [self.value * x for x in log_ratios]


@dataclass(frozen=True, slots=True)
class Evidence:
    """The logarithms of one cell's ratios, by stage."""

    screen: tuple[float, ...] = ()
    confirm: tuple[float, ...] = ()
    extend: tuple[float, ...] = ()

    @property
    def fresh(self) -> tuple[float, ...]:
        """The values of all pairs that were measured after the screening."""
        return (*self.confirm, *self.extend)


def evidence_of(pairs: Iterable[Pair]) -> dict[str, Evidence]:
    """Return the evidence of every cell that has pairs with times."""
    log_ratios: dict[str, dict[Stage, list[float]]] = {}
    for pair in pairs:
        if pair.failure is None:
            stages = log_ratios.setdefault(pair.cell, {})
            stages.setdefault(pair.stage, []).append(pair.log_ratio)
    return {
        cell: Evidence(*(tuple(stages.get(s, ())) for s in ("screen", "confirm", "extend")))
        for cell, stages in log_ratios.items()
    }


class Target(NamedTuple):
    """The stage that a cell has to complete, and how many pairs that stage takes."""

    stage: Stage
    pairs: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the pairs measured so far decide, and which pairs are needed to decide the rest."""

    verdicts: Mapping[str, Word]  #: of the cells that are decided
    targets: Mapping[str, Target]  #: of the cells that need more pairs
    #: p-value of the last interim test, of each suspect that was tested
    p: Mapping[str, float] = field(default_factory=dict)
    suspects: int = 0  #: number of cells that may be slower


def judge(evidence: Mapping[str, Evidence], rules: Rules, ended: bool = False) -> Judgement:
    """Return the verdicts that the evidence allows, and the targets of all other cells.

    If the run has ended, cells that need more pairs are inconclusive.
    """
    unscreened = [cell for cell, own in evidence.items() if len(own.screen) < rules.screen]
    targets = dict.fromkeys(unscreened, Target("screen", rules.screen))
    if targets and not ended:
        return Judgement({}, targets)  # how many suspects there are is not known yet
    suspicions = {c: suspicion(own, rules) for c, own in evidence.items() if c not in targets}
    unsuspected = [cell for cell, suspected in suspicions.items() if suspected is None]
    verdicts: dict[str, Word] = dict.fromkeys(unsuspected, "ok")
    p: dict[str, float] = {}
    for direction in Direction:
        suspects = {c: evidence[c] for c, suspected in suspicions.items() if suspected is direction}
        judgement = judge_suspects(suspects, direction, rules, ended)
        verdicts |= judgement.verdicts
        targets |= judgement.targets
        p |= judgement.p
    if ended:
        verdicts |= dict.fromkeys(targets, "inconclusive")
    return Judgement(verdicts, targets, p, [*suspicions.values()].count(Direction.SLOWER))


def suspicion(evidence: Evidence, rules: Rules) -> Direction | None:
    """Return the change that the screening pairs suggest; None where they suggest none.

    A cell may be slower if its median exceeds `suspicious`, or if any pair reaches `important`: on
    a noisy machine the median alone could miss a slowdown by luck.
    """
    values = evidence.screen
    if median(values) > log1p(rules.suspicious) or max(values) >= log1p(rules.important):
        return Direction.SLOWER
    return Direction.FASTER if median(values) < -log1p(rules.promising) else None


def pairs_to_confirm(suspects: int, rules: Rules) -> int:
    """Return the number of confirmation pairs of each suspect.

    With so many, a suspect can be rejected at the strictest of Holm's limits though one of its
    pairs is the other way round: of the 2^n choices of signs of n equal sizes, n + 1 have at most
    one opposite sign. The number is capped, so that the extension's pairs can be tested with them.

    >>> pairs_to_confirm(1, Rules()), pairs_to_confirm(3, Rules()), pairs_to_confirm(100, Rules())
    (12, 13, 16)
    """
    limit = rules.first_look * rules.alpha / max(1, suspects)
    count = rules.confirm
    while (count + 1) / 2**count > limit and count < MOST - rules.extend:
        count += 1
    return count


def judge_suspects(
    suspects: Mapping[str, Evidence], direction: Direction, rules: Rules, ended: bool
) -> Judgement:
    """Judge the suspects of one direction whose confirmation is complete.

    All of them must be complete unless the run has ended, because Holm's limits depend on all.
    """
    count = pairs_to_confirm(len(suspects), rules)
    unconfirmed = [cell for cell, own in suspects.items() if len(own.confirm) < count]
    targets = dict.fromkeys(unconfirmed, Target("confirm", count))
    if targets and not ended:
        return Judgement({}, targets)
    confirmed = {cell: own for cell, own in suspects.items() if cell not in targets}
    judgement = judge_confirmed(confirmed, direction, count, rules)
    return Judgement(judgement.verdicts, {**targets, **judgement.targets}, judgement.p)


def judge_confirmed(
    suspects: Mapping[str, Evidence], direction: Direction, count: int, rules: Rules
) -> Judgement:
    """Test the suspects by their `count` pairs of confirmation, open ones again by their extension.

    The extension of all open suspects must be complete before any of them is tested again.
    """
    values = {cell: direction.turned(own.confirm[:count]) for cell, own in suspects.items()}
    first = interim_test(values, {}, rules.first_look * rules.alpha, direction, rules)
    decided = {cell: word for cell, word in first.verdicts.items() if word != "inconclusive"}
    undecided = {cell: own for cell, own in suspects.items() if cell not in decided}
    unextended = [cell for cell, own in undecided.items() if len(own.extend) < rules.extend]
    if unextended:
        targets = dict.fromkeys(unextended, Target("extend", rules.extend))
        return Judgement(decided, targets, first.p)
    extended = {c: values[c] + direction.turned(own.extend) for c, own in undecided.items()}
    # the extension reuses the pairs of the confirmation, so Holm's correction counts every suspect
    # that is not rejected yet
    cleared = {cell: 1.0 for cell, word in decided.items() if word == "ok"}
    alpha = (1 - rules.first_look) * rules.alpha
    second = interim_test(extended, cleared, alpha, direction, rules)
    return Judgement({**decided, **second.verdicts}, {}, {**first.p, **second.p})


@dataclass(frozen=True, slots=True)
class InterimTest:
    """One test of several suspects."""

    verdicts: Mapping[str, Word]  #: of each suspect; "inconclusive" where it is still open
    p: Mapping[str, float]  #: p-value of each suspect


def interim_test(
    values: Mapping[str, Sequence[float]],
    cleared: Mapping[str, float],
    alpha: float,
    direction: Direction,
    rules: Rules,
) -> InterimTest:
    """Test suspects at once; alpha is the chance of a false alarm that this test may spend.

    Values are positive in the direction of the suspicion. Holm's correction also counts the
    p-values of cleared suspects, which are not tested.
    """
    p = {cell: p_value(own) for cell, own in values.items()}
    limits = holm({**p, **cleared}, alpha)
    verdicts = {
        cell: _verdict(own, p[cell], limits[cell], alpha, direction, rules)
        for cell, own in values.items()
    }
    return InterimTest(verdicts, p)


def _verdict(
    values: Sequence[float],
    p: float,
    limit: float,
    alpha: float,
    direction: Direction,
    rules: Rules,
) -> Word:
    """Return the verdict on one suspect.

    Its p-value is held to Holm's limit among all suspects; alpha is the limit of a single suspect.
    """
    slower = direction is Direction.SLOWER
    relevant = hodges_lehmann(values) >= log1p(rules.negligible)
    if p <= limit and relevant:
        return "regressed" if slower else "improved"
    interval = log_interval(values)
    if interval is None:
        return "inconclusive"
    slowest = interval[1] if slower else -interval[0]
    if slowest >= log1p(rules.important):
        return "inconclusive"
    if slower and p <= alpha and relevant:  # as the only suspect it would be called a regression
        return "inconclusive"
    return "ok"


def is_contaminated(control: Evidence, rules: Rules) -> bool:
    """Tell whether base differs from itself, so that no verdict of this run can be trusted."""
    values = control.fresh
    if len(values) < rules.confirm:
        return False
    p = min(p_value(values), p_value(Direction.FASTER.turned(values)))
    return p <= rules.alpha / 2 and abs(hodges_lehmann(values)) >= log1p(rules.negligible)
