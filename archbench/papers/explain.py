"""Explain why other tools print other numbers for a network."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from archbench.analyze.conventions import PUBLISHED
from archbench.analyze.counters import COUNTERS
from archbench.analyze.ledger import Ledger
from archbench.analyze.reconcile import QUANTITIES, Subject, count_subject, reconcile
from archbench.models.inputs import InputSize
from archbench.papers.figures import figures
from archbench.papers.shipped import PublishedTotal, built_as, published_totals, way
from archbench.records.explanations import (
    Explanation,
    PaperFigure,
    Printed,
    Reconciliation,
    Term,
)
from archbench.records.profiles import Totals

if TYPE_CHECKING:
    from torch import nn

Progress = Callable[[float], None]


def explain(
    model: "str | nn.Module",
    model_kwargs: Mapping[str, Any] | None = None,
    input_size: InputSize | None = None,
    run_tools: bool = True,
    tell: Progress = lambda share: None,
) -> Explanation:
    """Lead from archbench's count of a network to what other tools print, for one sample.

    Args:
        model: a MODEL string or a module; it is left as it was.
        model_kwargs: arguments of the network or of the user's factory.
        input_size: as profile() takes it.
        run_tools: run those that are installed, on networks of their own.
        tell: is told the share of the work that is done.

    Raises:
        ArchbenchError: nothing is called so, or an input does not fit.
        UserCodeError: the user's import, factory or forward raised.
    """
    subject = count_subject(model, model_kwargs, input_size)
    reconciliations: list[Reconciliation] = []
    for i, counter in enumerate(COUNTERS):
        tell(i / len(COUNTERS))
        reconciliations += reconcile(counter, subject, run_tools)
    reconciliations += _published(subject)
    tell(1.0)
    return Explanation(
        subject.loaded.name,
        subject.profile.totals.params,
        subject.profile.totals.macs,
        tuple(reconciliations),
        tuple(_printed_in_papers(subject)),
        subject.loaded.arguments,
        tuple(_notes(subject)),
    )


# -- what libraries publish of the networks they ship ----------------------------------------------

_SAYS = {("torchvision", "macs"): "GFLOPS", ("timm", "macs"): "GMACs"}


def _published(subject: Subject) -> Iterator[Reconciliation]:
    shelf = _Shelf()
    for total in published_totals():
        if total.quantity == "macs" and not subject.at_own_size:
            continue
        steps = way(subject.name, total.network)
        if steps is not None:
            yield _to_published(total, steps, subject, shelf)


def _to_published(
    total: PublishedTotal, steps: list[tuple[str, str]], subject: Subject, shelf: "_Shelf"
) -> Reconciliation:
    """Go to the network that the library ships, then count as it does."""
    start = here = getattr(subject.profile.totals, total.quantity)
    terms = []
    for change, network in steps:
        there = getattr(shelf.totals(network), total.quantity)
        terms.append(Term(change, there - here))
        here = there
    terms += [PUBLISHED[key](shelf.ledger(total.network)) for key in total.counted]
    printed = total.printed
    if printed.to_the_digit:
        printed = Printed(f"{printed.value:,}")
    return Reconciliation(
        total.tool,
        total.quantity,
        _SAYS.get((total.tool, total.quantity), "params"),
        total.network,
        start,
        tuple(term for term in terms if term.amount),
        "published",
        printed,
        f"{total.model}, {total.source}",
    )


class _Shelf:
    """Networks of the registry on the way to what libraries ship, counted once each."""

    def __init__(self) -> None:
        self._subjects: dict[str, Subject] = {}

    def totals(self, network: str) -> Totals:
        """Return the totals of one."""
        return self._subject(network).profile.totals

    def ledger(self, network: str) -> Ledger:
        """Return what ran in one."""
        return self._subject(network).ledger

    def _subject(self, network: str) -> Subject:
        if network not in self._subjects:
            self._subjects[network] = count_subject(*built_as(network))
        return self._subjects[network]


# -- what the papers print -------------------------------------------------------------------------

_PARTS = ("googlenet-table1", "module-cost")  # tables whose rows are stages and branches


def _printed_in_papers(subject: Subject) -> Iterator[PaperFigure]:
    for figure in figures():
        if figure.unit not in QUANTITIES or figure.table in _PARTS or figure.architecture is None:
            continue
        if way(subject.name, figure.architecture) is not None:
            yield PaperFigure(
                f"{figure.paper}: {figure.row}, {figure.column}",
                figure.architecture,
                figure.unit,
                figure.printed,
                figure.convention,
            )


def _notes(subject: Subject) -> Iterator[str]:
    known = (total.network for total in published_totals())
    if subject.loaded.architecture is None:
        yield "Published totals are known for networks of the registry only."
    elif all(way(subject.name, network) is None for network in known):
        yield "No published total is known of this network with these arguments."
    elif not subject.at_own_size:
        yield "Published MACs are left out: they are of the architecture's own input size."
    if subject.profile.uncounted:
        names = ", ".join(operation.op for operation in subject.profile.uncounted)
        yield f"archbench itself has no rule for {names}: the differences hold what those cost."
