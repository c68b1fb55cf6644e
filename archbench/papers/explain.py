"""Explain why other tools print other numbers for a network."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from archbench.analyze import conventions as rules
from archbench.analyze.borrow import fresh_copy, own_device
from archbench.analyze.counters import COUNTERS, CannotCount, Count, Counter, run
from archbench.analyze.ledger import Ledger, ledger
from archbench.analyze.profile import profile_loaded, unwrapped
from archbench.analyze.trace import paths_of
from archbench.models.inputs import InputPlan, InputSize
from archbench.models.resolve import Loaded, load, plan_for
from archbench.papers.figures import figures
from archbench.papers.networks import Networks
from archbench.papers.shipped import PublishedTotal, built_as, published_totals, way
from archbench.records.explanations import (
    Explanation,
    PaperFigure,
    Printed,
    Quantity,
    Reconciliation,
    Status,
    Term,
)
from archbench.records.profiles import Profile, Totals

Progress = Callable[[float], None]

QUANTITIES: tuple[Quantity, Quantity] = ("macs", "params")


def explain(
    model: str | nn.Module,
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
    loaded = load(model, model_kwargs, blank=True)
    loaded = replace(loaded, module=unwrapped(loaded.module))
    profile = profile_loaded(loaded, input_size)
    plan = plan_for(loaded, input_size, batch_size=1)
    here = _Network(loaded, plan, profile, ledger(loaded.module, plan, profile))
    reconciliations: list[Reconciliation] = []
    for i, counter in enumerate(COUNTERS):
        tell(i / len(COUNTERS))
        reconciliations += _reconciled(counter, here, run_tools)
    reconciliations += _shipped(here)
    tell(1.0)
    return Explanation(
        loaded.name,
        profile.totals.params,
        profile.totals.macs,
        tuple(reconciliations),
        tuple(_printed_in_papers(here)),
        loaded.arguments,
        tuple(_notes(here)),
    )


@dataclass(frozen=True, slots=True)
class _Network:
    """The network in question and all that is known of it."""

    loaded: Loaded
    plan: InputPlan
    profile: Profile
    ledger: Ledger

    @property
    def name(self) -> str:
        """Its registry name and arguments, as in published_totals.csv; "" for a user's own."""
        if self.loaded.architecture is None:
            return ""
        pairs = (f"{key}={_text(value)}" for key, value in sorted(self.loaded.arguments.items()))
        return " ".join([self.loaded.name, *pairs])

    @property
    def at_own_size(self) -> bool:
        """Whether its input is the architecture's own."""
        own = self.loaded.architecture
        return own is not None and [spec.shape for spec in self.plan.specs] == [own.input_shape]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# -- the tools that count a network they are given -------------------------------------------------


def _reconciled(counter: Counter, here: _Network, run_tools: bool) -> Iterator[Reconciliation]:
    totals = here.profile.totals
    status, count, source = _asked(counter, here, run_tools)
    for quantity, printed in zip(QUANTITIES, count, strict=True):
        if quantity == "params" and not counter.counts_params:
            continue
        yield Reconciliation(
            counter.name,
            quantity,
            counter.says if quantity == "macs" else "params",
            here.profile.model,
            getattr(totals, quantity),
            _terms(counter.name, quantity, here.ledger, totals),
            status,
            None if printed is None else Printed(f"{printed:,}"),
            source,
        )


def _asked(counter: Counter, here: _Network, run_tools: bool) -> tuple[Status, Count, str]:
    """Run a tool, if it is there, and return what came of it."""
    version = counter.version
    if version is None:
        return "not_installed", (None, None), ""
    if not run_tools:
        return "not_run", (None, None), version
    try:
        own = _own_copy(here.loaded)
        args, kwargs = here.plan.make(own_device(paths_of(own)))
        if kwargs:
            raise CannotCount("takes positional inputs only")
        return "run", run(counter, own, args), version
    except CannotCount as failed:
        return "failed", (None, None), str(failed)


def _own_copy(loaded: Loaded) -> nn.Module:
    """Make a network for one tool; one of the shelf gets zeros for weights, which count as well."""
    if loaded.architecture is not None:
        module = load(loaded.name, loaded.arguments, blank=True).module
        module.to_empty(device="cpu")
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data.zero_()  # what lies there may be denormal numbers, which are slow
        return module.eval()
    try:
        return fresh_copy(loaded.module, on_meta=False)
    except Exception as error:  # a user's module may hold what cannot be copied
        raise CannotCount(f"the network cannot be copied: {error}") from error


def _terms(tool: str, quantity: Quantity, kept: Ledger, totals: Totals) -> tuple[Term, ...]:
    """Choose the tool's table."""
    match tool, quantity:
        case "fvcore", "macs":
            return rules.terms(rules.FVCORE, kept)
        case "torchinfo", "macs":
            return rules.torchinfo_terms(kept)
        case "torchinfo", "params":
            return rules.shared_again(kept, totals)
        case "ptflops", "macs":
            return rules.terms(rules.PTFLOPS, kept)
        case "ptflops", "params":
            return rules.trainable_only(totals)
        case "thop", "macs":
            return rules.terms(rules.THOP, kept)
        case "thop", "params":
            return rules.thop_params(kept, totals)
        case "torchprofile", "macs":
            return rules.terms(rules.TORCHPROFILE, kept)
        case "FlopCounterMode", "macs":
            return rules.flop_counter_terms(kept, totals)
    return ()


# -- what libraries publish of the networks they ship ----------------------------------------------


_SAYS = {("torchvision", "macs"): "GFLOPS", ("timm", "macs"): "GMACs"}


def _shipped(here: _Network) -> Iterator[Reconciliation]:
    networks = _Shelf()
    for total in published_totals():
        if total.quantity == "macs" and not here.at_own_size:
            continue
        steps = way(here.name, total.network)
        if steps is not None:
            yield _to_published(total, steps, here, networks)


def _to_published(
    total: PublishedTotal, steps: list[tuple[str, str]], here: _Network, networks: "_Shelf"
) -> Reconciliation:
    counts = [getattr(here.profile.totals, total.quantity)]
    terms = []
    for change, network in steps:
        counts.append(getattr(networks.totals(network), total.quantity))
        terms.append(Term(change, counts[-1] - counts[-2]))
    if total.counted:
        kept = networks.ledger(total.network)
        terms += [rules.PUBLISHED[key](kept) for key in total.counted]
    printed = total.printed
    if printed.to_the_digit:
        printed = Printed(f"{printed.value:,}")
    return Reconciliation(
        total.tool,
        total.quantity,
        _SAYS.get((total.tool, total.quantity), "params"),
        total.network,
        counts[0],
        tuple(term for term in terms if term.amount),
        "published",
        printed,
        f"{total.model}, {total.source}",
    )


class _Shelf:
    """Networks of the registry on the way to what a library ships, counted once each."""

    def __init__(self) -> None:
        self._networks = Networks()
        self._ledgers: dict[str, Ledger] = {}

    def totals(self, network: str) -> Totals:
        """Count one."""
        name, kwargs = built_as(network)
        return self._networks.profile(name, **kwargs).totals

    def ledger(self, network: str) -> Ledger:
        """Write down what runs in one."""
        if network not in self._ledgers:
            name, kwargs = built_as(network)
            module = self._networks.module(name, **kwargs)
            plan = plan_for(load(name, kwargs, blank=True), None, 1)
            profile = self._networks.profile(name, **kwargs)
            self._ledgers[network] = ledger(module, plan, profile)
        return self._ledgers[network]


# -- what the papers print -------------------------------------------------------------------------

_PARTS = ("googlenet-table1", "module-cost")  # tables whose rows are stages and branches


def _printed_in_papers(here: _Network) -> Iterator[PaperFigure]:
    for figure in figures():
        if figure.unit not in QUANTITIES or figure.table in _PARTS or figure.architecture is None:
            continue
        if way(here.name, figure.architecture) is not None:
            yield PaperFigure(
                f"{figure.paper}: {figure.row}, {figure.column}",
                figure.architecture,
                figure.unit,
                figure.printed,
                figure.convention,
            )


def _notes(here: _Network) -> Iterator[str]:
    known = (total.network for total in published_totals())
    if here.loaded.architecture is None:
        yield "Published totals are known for networks of the registry only."
    elif all(way(here.name, network) is None for network in known):
        yield "No published total is known of this network with these arguments."
    elif not here.at_own_size:
        yield "Published MACs are left out: they are of the architecture's own input size."
    if here.profile.uncounted:
        names = ", ".join(operation.op for operation in here.profile.uncounted)
        yield f"archbench itself has no rule for {names}: the differences hold what those cost."
