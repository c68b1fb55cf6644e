"""Every printed figure computed again, judged and explained."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

from archbench.papers.figures import select
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
from archbench.papers.recompute.rules import Rule, Rules
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
    tables: str | Sequence[str] = (), architecture: str | None = None
) -> tuple[Reproduction, ...]:
    """Compute the printed figures again, judge each and explain it.

    Args:
        tables: "googlenet-table1" or several of them; none for all.
        architecture: a registry name, to look at the figures of one network alone.

    Raises:
        ArchbenchError: there is no such table or network, or nothing is printed of it there.

    >>> [found] = [r for r in reproduce("resnet-table1", "resnet50") if r.verdict == "truncated"]
    >>> found.figure.printed, found.own.computed
    ('3.8 × 10^9', 3857973248)
    """
    names = (tables,) if isinstance(tables, str) else tables
    return tuple(recomputed(select(names, architecture)))


def recomputed(figures: Iterable[PublishedFigure]) -> Iterator[Reproduction]:
    """Compute figures again one by one; their networks are built and counted once each."""
    networks = Networks()
    for figure in figures:
        yield _reproduce(networks, figure)


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
            yield _reading(figure, *counted)
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


def _reading(
    figure: PublishedFigure, how: str, value: Value, scale: Fraction = Fraction(1)
) -> Reading:
    """Judge one value, times a scale where the figure's K is read otherwise."""
    if isinstance(value, str):
        return Reading(how, value, value.replace("x", "×"), judge(figure, value))
    print_ = parse(figure)
    compared = value * scale
    shown = f"{float(compared):,g}" if print_ is None else print_.show(Fraction(compared))
    if print_ is None and isinstance(value, int):
        shown = f"{value:,}"
    return Reading(how, _plain(value), shown, judge(figure, compared))


def _plain(value: int | Fraction) -> int | float:
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
    giving = [reading for reading in others if reading.verdict in CONFIRMED]
    if giving:
        return f"{told} It comes out as {_listed(giving)}."
    if others and own.verdict == "inconsistent":
        return f"{told} Nor does it come out as {_listed(others)}."
    return told


def _reconstructions(unpublished: str, readings: Sequence[Reading]) -> str:
    like = readings[0].how.rpartition(", ")[2]  # counted alike; the versions differ
    built = [reading for reading in readings if reading.how.endswith(like)]
    least, most = (pick(built, key=_size).shown for pick in (min, max))
    span = f"a reconstruction comes to {least}"
    if len(built) > 1:
        span = f"{len(built)} reconstructions come to {least} to {most}"
    told = f"Not derivable: {unpublished}; {span}."
    agree = any(reading.verdict in CONFIRMED for reading in built)
    return f"{told} That it agrees proves nothing." if agree else told


def _size(reading: Reading) -> float:
    return float(reading.computed)


def _listed(readings: Sequence[Reading]) -> str:
    return "; ".join(f"{reading.shown} ({reading.how})" for reading in readings)


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)
