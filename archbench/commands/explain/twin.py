"""The network of the registry that another network equals, so that its published totals hold."""

from collections.abc import Iterator

from archbench.analysis.profile import profile_loaded
from archbench.analysis.records import Profile
from archbench.commands.explain.published_totals import networks_with_totals
from archbench.errors import ArchbenchError
from archbench.networks.registry import ARCHITECTURES, find
from archbench.networks.registry.totals import kept_totals
from archbench.networks.resolve import load, plan_for
from archbench.papers.networks import Networks, built_as
from archbench.units import Shape

#: operations that tell a residual network from its plain twin, which counts the same
_JOINS = frozenset({"aten.add", "aten.add_", "aten.cat"})


def own_size(network: str) -> Shape:
    """Return the own input size of a network of the registry, "resnet18-b stem=cifar"."""
    name, arguments = built_as(network)
    return find(name).input_shape_with(arguments)


def of_equal_params(params: int, networks: Networks) -> Iterator[str]:
    """Yield the networks of the registry that have this number of parameters."""
    kept = kept_totals()
    yield from (row.name for row in ARCHITECTURES if kept[row.name].params == params)
    for network in networks_with_totals():
        name, arguments = built_as(network)
        if arguments and params < 2 * kept[name].params < 4 * params:  # others are not built
            module = networks.module(name, **arguments)
            if sum(parameter.numel() for parameter in module.parameters()) == params:
                yield network


def twin_of(profile: Profile, networks: Networks) -> str:
    """Return the network of the registry that a network equals on its input; "" if none does.

    Equal are the params, MACs, activations, depth, additions and concatenations.
    """
    if len(profile.inputs) != 1:
        return ""
    for network in of_equal_params(profile.totals.params, networks):
        other = _counted(network, profile.inputs[0].shape)
        if other is not None and _structure(other) == _structure(profile):
            return network
    return ""


def _counted(network: str, shape: Shape) -> Profile | None:
    """Return the profile of a network on one image; None if it does not take the size."""
    name, arguments = built_as(network)
    loaded = load(name, arguments, blank=True)
    try:
        return profile_loaded(loaded, plan_for(loaded, shape, batch_size=1))
    except ArchbenchError:
        return None


def _structure(profile: Profile) -> tuple[int, ...]:
    totals = profile.totals
    joins = sum(op.calls for op in profile.operations if op.op in _JOINS)
    return totals.params, totals.macs, totals.activations, totals.depth, joins
