"""From archbench's count of a network to what a tool prints of the same network."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from archbench.analysis.isolation.stand_ins import fresh_copy
from archbench.analysis.profile import profile_loaded
from archbench.analysis.records import Profile
from archbench.analysis.tools.counters import CannotCount, Count, Counter, Inputs, run
from archbench.analysis.tools.counting_rules import RULES
from archbench.analysis.tools.module_uses import Uses, uses_of
from archbench.analysis.tools.records import Printed, Quantity
from archbench.commands.explain.published_totals import networks_with_totals
from archbench.commands.explain.records import Reconciliation, Status
from archbench.commands.explain.twin import of_equal_params, own_size, twin_of
from archbench.networks.input_function import function_for
from archbench.networks.inputs import InputPlan, InputSize
from archbench.networks.module_tree import (
    modules_of,
    own_device,
    parameters_of,
    paths_of,
    unwrapped,
)
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.papers.networks import Networks

QUANTITIES: tuple[Quantity, Quantity] = ("macs", "params")


@dataclass(frozen=True, slots=True)
class Subject:
    """A network, one sample for it, and all that was counted of it."""

    loaded: Loaded
    plan: InputPlan
    profile: Profile
    uses: Uses
    twin: str = ""  #: the network of the registry that it equals, where it is not one itself
    size_of: str = ""  #: the network of the registry whose input size it got, where none was given

    @property
    def name(self) -> str:
        """The registry name and arguments of it or its twin, "inception-v3 aux=true"; else ""."""
        return self.twin or self.own_name

    @property
    def own_name(self) -> str:
        """Its own registry name and arguments; "" for a user's network."""
        if self.loaded.architecture is None:
            return ""
        pairs = (f"{key}={_text(value)}" for key, value in sorted(self.loaded.arguments.items()))
        return " ".join([self.loaded.architecture.name, *pairs])

    @property
    def at_own_size(self) -> bool:
        """Whether its input is the architecture's own, or its twin's."""
        own = own_size(self.twin) if self.twin else self.loaded.input_shape
        return [spec.shape for spec in self.plan.specs] == [own]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def count_subject(
    model: str | nn.Module,
    model_kwargs: Mapping[str, Any] | None,
    input_size: InputSize | None,
    networks: Networks,
) -> Subject:
    """Load a network and count it for one sample, arguments and errors as in profile().

    A user's network without an input size gets that of the first network of the registry that has
    as many parameters, if there is one.
    """
    loaded = load(model, model_kwargs, blank=True)
    loaded = replace(loaded, module=unwrapped(loaded.module))
    size_of = ""
    if input_size is None and _has_no_size(loaded):
        held = parameters_of(modules_of(loaded.module))
        params = sum(one.numel() for one in held if not is_lazy(one))
        size_of = next(of_equal_params(params, networks), "")
        input_size = own_size(size_of) if size_of else None
    plan = plan_for(loaded, input_size, batch_size=1).of_batch(1)
    profile = profile_loaded(loaded, plan)
    uses = uses_of(loaded.module, plan, profile)
    subject = Subject(loaded, plan, profile, uses, size_of=size_of)
    if loaded.whole is not None or (
        loaded.architecture is not None
        and (not loaded.arguments or subject.own_name in networks_with_totals())
    ):
        return subject
    return replace(subject, twin=twin_of(profile, networks))


def _has_no_size(loaded: Loaded) -> bool:
    """Tell whether a network is the user's own, and nothing says which inputs it takes."""
    return (
        loaded.architecture is None
        and loaded.whole is None
        and not loaded.ways.input_size
        and function_for(None, loaded.source) is None
    )


def reconcile(counter: Counter, subject: Subject, run_tool: bool) -> Iterator[Reconciliation]:
    """Count by a tool's rules, and compare that with the tool's own count if it can be run."""
    totals = subject.profile.totals
    status, count, source = _asked(counter, subject, run_tool)
    for quantity, printed in zip(QUANTITIES, count, strict=True):
        if quantity == "params" and not counter.counts_params:
            continue
        yield Reconciliation(
            counter.name,
            quantity,
            counter.says if quantity == "macs" else "params",
            subject.profile.model,
            getattr(totals, quantity),
            RULES[counter.name, quantity](subject.uses, totals),
            status,
            None if printed is None else Printed(f"{printed:,}"),
            source,
        )


def _asked(counter: Counter, subject: Subject, run_tool: bool) -> tuple[Status, Count, str]:
    """Run a tool, if it is there, and return what came of it."""
    version = counter.version
    if version is None:
        return "not_installed", (None, None), ""
    if not run_tool:
        return "not_run", (None, None), version
    try:
        with torch.random.fork_rng(devices=()):  # inputs and copies are drawn from it
            own = _own_copy(subject.loaded, counter.needs_values)
            inputs = _in_order(own, *subject.plan.make(own_device(paths_of(own))))
            return "run", run(counter, own, inputs), version
    except CannotCount as failed:
        return "failed", (None, None), str(failed)


def _in_order(model: nn.Module, args: Inputs, kwargs: Mapping[str, Any]) -> Inputs:
    """Put inputs that were given by name into the order of forward(): tools take no names."""
    if not kwargs:
        return args
    bound = inspect.signature(model.forward).bind(*args, **kwargs)
    if bound.kwargs:
        raise CannotCount("takes positional inputs only")
    return bound.args


def _own_copy(loaded: Loaded, needs_values: bool) -> nn.Module:
    """Make a network for one tool.

    One of the shelf stays on the meta device where it can, and else gets zeros for weights.
    """
    if (loaded.whole or loaded).architecture is not None:
        module = load(loaded.name, loaded.arguments, blank=True).module.eval()
        if needs_values:
            module.to_empty(device="cpu")
            for tensor in (*module.parameters(), *module.buffers()):
                tensor.data.zero_()  # what lies there may be denormal numbers, which are slow
        return module
    try:
        return fresh_copy(loaded.module, on_meta=False)
    except Exception as error:  # a user's module may hold what cannot be copied
        raise CannotCount(f"the network cannot be copied: {error}") from error
