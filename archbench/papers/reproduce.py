"""Every printed figure computed again, judged and explained."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

from archbench.papers.judge import Value, judge, parse
from archbench.papers.networks import Networks
from archbench.papers.notes import CONDITIONS, note
from archbench.papers.recompute import (
    arithmetic,
    baselines,
    bn_inception,
    googlenet,
    inception_v4,
    modules,
    resnets,
    rethinking,
)
from archbench.papers.recompute.counts import UNPUBLISHED, counts, is_count
from archbench.papers.recompute.layers import Rule, Rules
from archbench.records.published import CONFIRMED, PublishedFigure, Reading, Reproduction

DERIVED: Rules = (
    *googlenet.RULES,
    *modules.RULES,
    *bn_inception.RULES,
    *inception_v4.RULES,
    *rethinking.RULES,
    *resnets.RULES,
    *baselines.RULES,
)


def reproduce(
    figures: Sequence[PublishedFigure], tell: Callable[[float], None] = lambda share: None
) -> tuple[Reproduction, ...]:
    """Compute figures again and judge each.

    Args:
        figures: which; their networks are built without weights and counted once each.
        tell: is told the share that is done.
    """
    networks = Networks()
    done = []
    for i, figure in enumerate(figures):
        done.append(_reproduce(networks, figure))
        tell((i + 1) / len(figures))
    return tuple(done)


def _reproduce(networks: Networks, figure: PublishedFigure) -> Reproduction:
    if figure.kind == "reported":
        return Reproduction(figure, "reported", None, explanation=_quoted(figure))
    own, *others = _readings(networks, figure)
    unpublished = UNPUBLISHED.get(figure.architecture or "", "")
    if unpublished and figure.kind == "derivable" and is_count(figure):
        told = _sentences(note(figure.id), _reconstructions(unpublished, (own, *others)))
        return Reproduction(figure, "not_derivable", None, (own, *others), told)
    told = _sentences(note(figure.id), _found(own, others))
    return Reproduction(figure, own.verdict, own, tuple(others), told)


def _readings(networks: Networks, figure: PublishedFigure) -> Iterator[Reading]:
    """Compute what a figure stands for; first as its own network and convention have it."""
    if is_count(figure):
        for counted in counts(networks, figure):
            yield _reading(figure, counted.how, counted.value)
        return
    how = "from other printed figures" if figure.kind == "arithmetic" else figure.architecture or ""
    yield _reading(figure, how, rule_of(figure)(networks, figure))


def rule_of(figure: PublishedFigure) -> Rule:
    """Return what computes a figure that is no count of a network.

    Raises:
        LookupError: nothing does.
    """
    rules = arithmetic.RULES if figure.kind == "arithmetic" else DERIVED
    for pattern, rule in rules:
        if fnmatchcase(figure.id, pattern):
            return rule
    raise LookupError(f"no rule computes {figure.id}")


def _reading(figure: PublishedFigure, how: str, value: Value) -> Reading:
    print_ = parse(figure)
    if print_ is not None and not isinstance(value, str):
        shown = print_.show(Fraction(value))
    else:
        shown = str(value).replace("x", "×") if isinstance(value, str) else f"{float(value):g}"
    plain = value if isinstance(value, int | str) else _plain(value)
    return Reading(how, plain, shown, judge(figure, value))


def _plain(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def _quoted(figure: PublishedFigure) -> str:
    conditions = CONDITIONS.get(figure.table, "")
    told = f"Quoted, not verified{f': {conditions}' if conditions else ''}."
    return _sentences(note(figure.id), told)


def _found(own: Reading, others: Sequence[Reading]) -> str:
    """Say what came out instead, and which other reading gives the printed figure."""
    if own.verdict in CONFIRMED:
        return ""
    told = {
        "truncated": f"Computed {own.shown}: cut after the last printed digit, not rounded.",
        "within_1_unit": f"Computed {own.shown}: one of the last printed digit away.",
    }.get(own.verdict, f"Computed {own.shown} ({own.how}).")
    giving = [f"{r.how} ({r.shown})" for r in others if r.verdict in CONFIRMED]
    if giving:
        return f"{told} It comes out as {' or '.join(giving)}."
    if others and own.verdict == "inconsistent":
        return f"{told} Nor does it come out as {_listed(others)}."
    return told


def _reconstructions(unpublished: str, readings: Sequence[Reading]) -> str:
    agree = [reading for reading in readings if reading.verdict in CONFIRMED]
    told = f"Not derivable: {unpublished}; reconstructions: {_listed(readings)}."
    return f"{told} That one agrees proves nothing." if agree else told


def _listed(readings: Sequence[Reading]) -> str:
    return "; ".join(f"{reading.how}: {reading.shown}" for reading in readings)


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)
