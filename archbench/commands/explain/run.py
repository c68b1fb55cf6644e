"""Explain why other tools print other numbers for a network."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archbench.analysis.tools.counters import COUNTERS
from archbench.analysis.tools.published_rules import PUBLISHED
from archbench.analysis.tools.records import Printed, Quantity, Term
from archbench.commands.explain.published_totals import (
    PublishedTotal,
    neighbours,
    published_totals,
    way,
)
from archbench.commands.explain.reconcile import QUANTITIES, Subject, count_subject, reconcile
from archbench.commands.explain.records import Explanation, Reconciliation
from archbench.networks.input_words import input_words
from archbench.networks.inputs import InputSize
from archbench.papers.figures import figures
from archbench.papers.judge import parse
from archbench.papers.networks import Networks, built_as
from archbench.papers.records import Reproduction
from archbench.papers.reproduce import recomputed

if TYPE_CHECKING:
    from torch import nn


def explain(
    model: "str | nn.Module",
    model_kwargs: Mapping[str, Any] | None = None,
    input_size: InputSize | None = None,
    run_tools: bool = True,
    tell: Callable[[float], None] = lambda share: None,
) -> Explanation:
    """Return what leads from archbench's count of a network to other tools', for one sample.

    The first arguments are those of profile(). With `run_tools`, the tools that are installed are
    run, on networks of their own.

    Raises:
        ArchbenchError: nothing is called so, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
    """
    networks = Networks()
    subject = count_subject(model, model_kwargs, input_size, networks)
    reconciliations: list[Reconciliation] = []
    for i, counter in enumerate(COUNTERS):
        tell(i / len(COUNTERS))
        reconciliations += reconcile(counter, subject, run_tools)
    reconciliations += _published(subject, networks)
    papers = tuple(_printed_in_papers(subject, networks))
    reconciliations += papers
    tell(1.0)
    return Explanation(
        subject.loaded.name,
        subject.profile.totals.params,
        subject.profile.totals.macs,
        input_words(subject.profile.inputs, subject.profile.input_function),
        tuple(reconciliations),
        subject.loaded.arguments,
        (*_notes(subject), *_true_of_others(papers, networks)),
    )


# -- what libraries publish of the networks they ship ----------------------------------------------

_SAYS = {"torchvision": "GFLOPS", "timm": "GMACs", "pytorch-cifar-models": "MAdds"}  # for MACs


def _published(subject: Subject, networks: Networks) -> Iterator[Reconciliation]:
    for total in published_totals():
        if total.quantity == "macs" and not subject.at_own_size:
            continue
        steps = way(subject.name, total.network)
        if steps is not None:
            yield _to_published(total, steps, subject, networks)


def _to_published(
    total: PublishedTotal, steps: list[tuple[str, str]], subject: Subject, networks: Networks
) -> Reconciliation:
    """Go to the network that the library ships, then count as it does."""
    terms = _on_the_way(total.quantity, steps, subject, networks)
    name, kwargs = built_as(total.network)
    terms += [PUBLISHED[key](networks.uses(name, **kwargs)) for key in total.counted]
    printed = total.printed
    if printed.to_the_digit:
        printed = Printed(f"{printed.value:,}")
    return Reconciliation(
        total.tool,
        total.quantity,
        "params" if total.quantity == "params" else _SAYS.get(total.tool, "MACs"),
        total.network,
        getattr(subject.profile.totals, total.quantity),
        tuple(term for term in terms if term.amount),
        "published",
        printed,
        f"{total.model}, {total.source}",
    )


def _on_the_way(
    quantity: Quantity, steps: list[tuple[str, str]], subject: Subject, networks: Networks
) -> list[Term]:
    """Name what changes from network to network, and by how much."""
    here = getattr(subject.profile.totals, quantity)
    terms = []
    for change, network in steps:
        there = _total(network, quantity, networks)
        terms.append(Term(change, there - here))
        here = there
    return terms


# -- what the papers print -------------------------------------------------------------------------

_PARTS = ("googlenet-table1", "module-cost")  # tables whose rows are stages and branches


def _printed_in_papers(subject: Subject, networks: Networks) -> Iterator[Reconciliation]:
    """Follow every total that a paper prints of the network, or of one that it is a version of."""
    ways = {}
    for figure in figures():
        derivable = figure.kind == "derivable" and figure.table not in _PARTS
        if figure.unit not in QUANTITIES or not derivable or figure.architecture is None:
            continue
        if figure.unit == "macs" and not subject.at_own_size:
            continue
        steps = way(subject.name, figure.architecture)
        if steps is not None:
            ways[figure] = steps
    for reproduction in recomputed(ways, networks):
        yield _to_paper(reproduction, ways[reproduction.figure], subject, networks)


def _to_paper(
    reproduction: Reproduction, steps: list[tuple[str, str]], subject: Subject, networks: Networks
) -> Reconciliation:
    """Go to the network that the paper prints the figure of, then count as the paper does."""
    figure = reproduction.figure
    quantity: Quantity = "params" if figure.unit == "params" else "macs"
    terms = _on_the_way(quantity, steps, subject, networks)
    start = getattr(subject.profile.totals, quantity)
    if reproduction.own is not None:
        assert isinstance(reproduction.own.computed, int)
        counted = start + sum(term.amount for term in terms)
        terms.append(Term(figure.convention, reproduction.own.computed - counted))
    print_ = parse(figure)
    assert print_ is not None
    return Reconciliation(
        "paper",
        quantity,
        "params" if quantity == "params" else "operations",
        figure.architecture or "",
        start,
        tuple(term for term in terms if term.amount),
        "paper",
        Printed(print_.rounded(print_.value), int(print_.scale), figure.printed),
        f"{figure.paper}: {figure.row}, {figure.column}",
        reproduction.verdict,
    )


def _true_of_others(papers: Sequence[Reconciliation], networks: Networks) -> Iterator[str]:
    """Say which figures of papers fit another version of their network as well."""
    for found in papers:
        own = _total(found.network, found.quantity, networks)
        if found.printed is None or not found.printed.agrees_with(own):
            continue
        for _, other in neighbours(found.network):
            total = _total(other, found.quantity, networks)
            if total != own and found.printed.agrees_with(total):
                title = "MACs" if found.quantity == "macs" else "params"
                text = found.printed.whole or found.printed.text
                yield (
                    f"The paper's {text} of {found.network} fits `{other}` too: {total:,} {title}."
                )


def _total(network: str, quantity: Quantity, networks: Networks) -> int:
    name, kwargs = built_as(network)
    total: int = getattr(networks.profile(name, **kwargs).totals, quantity)
    return total


def _notes(subject: Subject) -> Iterator[str]:
    if subject.size_of:
        yield (
            f"No input size was given: this one is of `{subject.size_of}`, which has as many "
            "parameters."
        )
    known = (total.network for total in published_totals())
    if subject.loaded.whole is not None:
        yield "Published totals are of whole networks."
    elif subject.twin:
        yield (
            f"This network equals `{subject.twin}` of the registry in params, MACs, activations "
            "and depth: the published totals are of that network."
        )
    if not subject.name:
        yield (
            "Published totals are known for networks of the registry only; none of them equals "
            "this network in params, MACs, activations and depth."
        )
    elif all(way(subject.name, network) is None for network in known):
        yield "No published total is known of this network with these arguments."
    elif not subject.at_own_size:
        yield "Published MACs are left out: they are of the architecture's own input size."
    for gap in subject.profile.gaps:
        yield f"archbench's own MACs are a lower bound ({gap}): the differences hold the rest."
