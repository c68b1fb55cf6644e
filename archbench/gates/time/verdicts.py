"""The verdict on every cell of a run of the time gate, from recorded pairs alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import exp, expm1, log1p, sqrt
from typing import NamedTuple, get_args

from archbench.errors import ArchbenchError, UserCodeError
from archbench.gates.records import Verdict, Word
from archbench.gates.rules import Rules
from archbench.gates.time.judge import (
    Evidence,
    Target,
    evidence_of,
    is_contaminated,
    judge,
    pairs_to_confirm,
)
from archbench.gates.time.pairs import GatePlan, Pair, Side
from archbench.statistics.intervals import (
    LEAST_VALUES,
    detectable_with,
    hodges_lehmann,
    log_interval,
)
from archbench.statistics.sign_flip import robust_sd

MEDIAN_ERROR = 1.2533  # standard error of a normal sample's median over that of its mean
STAGE_POWER = 0.95  # of the screening and of the confirmation: together they detect 9 of 10
STAGE_POWER_SD = 1.6449  # quantile of the normal distribution at STAGE_POWER


class Verdicts(NamedTuple):
    """The verdicts of a run, and the pairs that it still needs."""

    verdicts: tuple[Verdict, ...]  #: in the order of the plan's cells, then the plan's own
    #: of the cells, the control included, that need more pairs; the verdicts are final without any
    targets: Mapping[str, Target]


def verdicts_of(plan: GatePlan, pairs: Sequence[Pair], ended: bool) -> Verdicts:
    """Return the verdicts of a whole run; `ended` says that no more pairs will come."""
    rules = plan.rules
    evidence = {cell: Evidence() for cell in (*plan.cells, plan.control)} | evidence_of(pairs)
    excluded = {**_not_comparable(pairs), **_failed((*plan.cells, plan.control), pairs)}
    timed = [cell for cell in plan.cells if cell not in excluded]
    judgement = judge({cell: evidence[cell] for cell in timed}, rules, ended)
    targets = dict(judgement.targets)
    contaminated = False
    if timed and plan.control not in excluded:
        control = evidence[plan.control]
        targets |= judge({plan.control: control}, rules, ended).targets
        contaminated = is_contaminated(control, rules)
    verdicts = dict(excluded)
    for cell in timed:
        word = "contaminated" if contaminated else judgement.verdicts.get(cell, "inconclusive")
        p = judgement.p.get(cell)
        verdict = verdict_of(cell, evidence[cell], word, p, judgement.suspects, rules)
        notes = _missing_pairs(targets.get(cell), evidence[cell]), _repeated(cell, pairs)
        verdicts[cell] = replace(verdict, note="; ".join(filter(None, notes)))
    return Verdicts((*(verdicts[cell] for cell in plan.cells), *plan.known), targets)


def verdict_of(
    cell: str, evidence: Evidence, word: Word, p: float | None, suspects: int, rules: Rules
) -> Verdict:
    """Return a cell's verdict with its ratio, interval, p-value and detectable slowdown.

    The p-value is None where the screening decided; suspects is the number of slower ones.
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
    """Return the slowdown, as a share, that such pairs would show in 9 of 10 runs.

    Such a slowdown makes the cell a suspect at the screening and is rejected at the confirmation.
    For a cell that was screened only, the confirmation is supposed to scatter as the screening did.
    Noise is supposed to be normal; outliers lower the power. None for fewer than three pairs.
    """
    values = evidence.fresh or evidence.screen
    if len(values) < LEAST_VALUES:
        return None
    spread = robust_sd(values)
    count = max(len(evidence.fresh), pairs_to_confirm(suspects, rules))
    alpha = rules.first_look * rules.alpha / max(1, suspects)
    screened = log1p(rules.suspicious) + MEDIAN_ERROR * STAGE_POWER_SD * spread / sqrt(rules.screen)
    error = spread / sqrt(count)
    confirmed = detectable_with(error, len(values), rules.negligible, alpha, STAGE_POWER)
    return max(expm1(screened), confirmed)


def _missing_pairs(target: Target | None, evidence: Evidence) -> str:
    """Return the note on a cell that has not reached its target; empty where there is none."""
    if target is None:
        return ""
    measured = len(getattr(evidence, target.stage))
    doing = {"screen": "screening", "confirm": "confirming", "extend": "extending"}[target.stage]
    return (
        f"the run ended after {measured} of {target.pairs} pairs {doing} it; "
        "--max-time decides how long"
    )


def _repeated(cell: str, pairs: Sequence[Pair]) -> str:
    """Return the note on a cell of which a pair was repeated; empty where none was."""
    failed = [pair for pair in pairs if pair.cell == cell and pair.failure is not None]
    return f"one pair failed and was repeated: {_why(failed[0])}" if failed else ""


def _not_comparable(pairs: Sequence[Pair]) -> dict[str, Verdict]:
    """Return the verdicts of cells whose sides did not run the code of their own trees."""
    notes = {}
    for pair in pairs:
        if pair.control:
            continue
        for side, modules in pair.strays.items():
            other = "head" if side == "base" else "base"
            notes[pair.cell] = f"{side} imports from {other}'s tree: {', '.join(modules[:3])}"
        if pair.tensors.get("base") != pair.tensors.get("head"):
            base, head = (", ".join(pair.tensors.get(side, ())) for side in get_args(Side))
            notes[pair.cell] = f"base takes {base or 'sizes'}, head {head or 'sizes'}"
        if pair.sources and pair.sources.get("base") == pair.sources.get("head"):
            notes[pair.cell] = "both sides import it from the same place: no commit changes it"
    return {
        cell: Verdict(cell, "time", "not_comparable", note=note) for cell, note in notes.items()
    }


def _failed(cells: Iterable[str], pairs: Sequence[Pair]) -> dict[str, Verdict]:
    """Return the verdicts of cells that failed: all their pairs did, or more than one.

    A single failure among other pairs may have had a cause outside; that pair is repeated.
    """
    verdicts = {}
    for cell in cells:
        own = [pair for pair in pairs if pair.cell == cell]
        failed = [pair for pair in own if pair.failure is not None]
        if failed and (len(failed) > 1 or len(failed) == len(own)):
            word = _word_of_failure(failed[-1])
            verdicts[cell] = Verdict(cell, "time", word, note=_why(failed[-1]))
    return verdicts


def _word_of_failure(pair: Pair) -> Word:
    """Return "new" where archbench refuses base: head ran in the same way, so base lacks it."""
    assert pair.failure is not None
    refused = pair.failure.exit_code == ArchbenchError.exit_code and pair.failure.kind == "failed"
    return "new" if pair.failed == "base" and refused else "failed"


def _why(pair: Pair) -> str:
    """Say which side of a pair failed, how, and what helps."""
    assert pair.failure is not None
    side = f"{pair.failed}: " if pair.failed else ""
    hint = pair.failure.hint
    if hint.startswith("--debug"):  # shows the traceback of this process, not of a worker
        hint = ""
    if pair.failed == "base" and pair.failure.exit_code == UserCodeError.exit_code:
        hint = hint or "--setup runs what a fresh checkout needs"
    return f"{side}{pair.failure.message}{hint and '; '}{hint}"
