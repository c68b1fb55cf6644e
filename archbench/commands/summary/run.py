"""Count one network; add its paper's columns, or fvcore's count."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archbench.commands.summary.records import Summary

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputSize


def summarise(
    model: "str | nn.Module",
    input_size: "InputSize | None",
    batch_size: int,
    model_kwargs: Mapping[str, Any],
    device: str,
    cross_check: bool,
) -> Summary:
    """Return a network's counts; with fvcore's, which runs the network with weights, if asked.

    The arguments are those of profile(); a user's model that cannot be counted without values runs
    on `device`.

    Raises:
        ArchbenchError: nothing is called so, an input does not fit, or there is no such device.
        UserCodeError: the user's import, factory or forward raised.
    """
    from archbench.analysis.profile import profile_loaded
    from archbench.networks.construct import paper_table
    from archbench.networks.resolve import load_on, plan_for

    loaded = load_on(model, model_kwargs, device, blank=not cross_check)
    plan = plan_for(loaded, input_size, batch_size)
    profile = profile_loaded(loaded, plan)
    if cross_check:
        from archbench.commands.summary.cross_check import cross_check as with_fvcore

        return Summary(profile, cross_check=with_fvcore(loaded, plan, profile))
    if loaded.architecture is None:
        return Summary(profile)
    paper = paper_table(loaded.architecture, loaded.arguments)
    return Summary(profile, loaded.architecture, paper)
