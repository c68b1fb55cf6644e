"""Every printed figure computed again, judged and explained."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from fractions import Fraction

from archbench.papers.explanations import explain_computed, explain_quoted, explain_reconstructed
from archbench.papers.figures import select
from archbench.papers.judge import Value, judge, parse
from archbench.papers.networks import Networks
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
from archbench.papers.records import PublishedFigure, Reading, Reproduction
from archbench.papers.reproductions import Reproductions
from archbench.several import several

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
    tables: str | Sequence[str] | None = None, architecture: str | None = None
) -> Reproductions:
    """Compute the printed figures again, judge each and explain it.

    Args:
        tables: "googlenet-table1" or several of them; none for all.
        architecture: a registry name, to look at the figures of one network alone.

    Raises:
        ArchbenchError: there is no such table or network, or nothing is printed of it there.

    >>> [found] = [r for r in reproduce("resnet-table1", "resnet50") if r.verdict == "truncated"]
    >>> found.figure.printed, found.own.computed
    ('3.8 × 10^9', 3857973248)
    >>> reproduce("resnet-table1")
    <Reproductions 195 figures: 190 exact, 4 rounded, 1 truncated>
    """
    return Reproductions(recomputed(select(several(tables), architecture)))


def recomputed(
    figures: Iterable[PublishedFigure], networks: Networks | None = None
) -> Iterator[Reproduction]:
    """Compute figures again one by one; `networks` may hold some that are counted already."""
    networks = networks or Networks()
    for figure in figures:
        yield _reproduce(networks, figure)


def _reproduce(networks: Networks, figure: PublishedFigure) -> Reproduction:
    if figure.kind == "reported":
        return Reproduction(figure, "reported", None, explanation=explain_quoted(figure))
    try:
        own, *others = _readings(networks, figure)
    except Exception as error:  # a changed network may lack what a rule looks for, or not run
        return _lost(figure, error)
    unpublished = UNPUBLISHED.get(figure.architecture or "", "")
    if unpublished and figure.kind == "derivable" and is_count(figure):
        why = explain_reconstructed(figure, unpublished, (own, *others))
        return Reproduction(figure, "not_derivable", None, (own, *others), why)
    return Reproduction(
        figure, own.verdict, own, tuple(others), explain_computed(figure, own, others)
    )


def _lost(figure: PublishedFigure, error: Exception) -> Reproduction:
    """Judge a figure whose network no longer has it: the others are worth seeing all the same."""
    lines = str(error).strip().splitlines() or [""]
    what = f"cannot be computed: {type(error).__name__}: {lines[0]}"
    reading = Reading(figure.architecture or "", "", what, what, "inconsistent")
    return Reproduction(figure, "inconsistent", reading, explanation=f"It {what}.")


def _readings(networks: Networks, figure: PublishedFigure) -> Iterator[Reading]:
    """Compute a figure by every reading; the first is by its own network and convention."""
    if is_count(figure):
        for counted in counts(networks, figure):
            yield _reading(figure, *counted)
        return
    value = rule_of(figure)(networks, figure)
    if figure.kind == "arithmetic":
        yield _reading(figure, "", "from other printed figures", value)
    else:
        yield _reading(figure, figure.architecture or "", "", value)


def rule_of(figure: PublishedFigure) -> Rule:
    """Return the function that computes a figure which is no count of a network.

    Raises:
        LookupError: nothing does.
    """
    rules = arithmetic.RULES if figure.kind == "arithmetic" else DERIVED
    for pattern, rule in rules:
        if fnmatchcase(figure.id, pattern):
            return rule
    raise LookupError(f"no rule computes {figure.id}")


def _reading(
    figure: PublishedFigure, network: str, way: str, value: Value, scale: Fraction = Fraction(1)
) -> Reading:
    """Judge one value, times a scale where the figure's K is read otherwise."""
    if isinstance(value, str):
        return Reading(network, way, value, value.replace("x", "×"), judge(figure, value))
    print_ = parse(figure)
    compared = value * scale
    if print_ is not None:
        shown = print_.show(Fraction(compared))
    else:
        shown = f"{value:,}" if isinstance(value, int) else f"{float(value):,g}"
    return Reading(network, way, _plain(value), shown, judge(figure, compared))


def _plain(value: int | Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)
