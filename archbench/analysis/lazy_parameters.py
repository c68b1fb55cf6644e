"""Lazy parameters: their shapes are known after a first forward pass."""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from archbench.analysis.failure import ForwardFailed
from archbench.analysis.isolation.run import survivors_mended
from archbench.analysis.isolation.stand_ins import fresh_copy
from archbench.analysis.isolation.survivors import Survivors, watched
from archbench.analysis.isolation.torch_state import fixed_torch_state
from archbench.errors import ArchbenchError
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan
from archbench.networks.module_tree import Paths, modules_of, own_device, paths_of
from archbench.networks.user_code import describe


class Materialised(NamedTuple):
    """A network without lazy parameters."""

    model: nn.Module
    paths: Paths
    own: torch.device | None  #: of the user's network, if the model is a copy of it


def materialise(
    model: nn.Module, paths: Paths, device: torch.device, plan: InputPlan
) -> Materialised:
    """Return a model and its paths; of a model with lazy parameters, a copy that has run once."""
    if not any(isinstance(module, LazyModuleMixin) for module in paths):
        return Materialised(model, paths, None)
    with survivors_mended(paths, device) as survivors, fixed_torch_state():
        copied = _copy(model, device)
        _run_once(copied, plan, device, survivors)
        if survivors is not None:
            survivors.forget(modules_of(copied))
    return Materialised(copied, paths_of(copied), own_device(paths))


def _copy(model: nn.Module, device: torch.device) -> nn.Module:
    try:
        return fresh_copy(model, on_meta=device == META)
    except Exception as error:
        raise ArchbenchError(
            f"{type(model).__name__} has lazy parameters and cannot be copied: {describe(error)}",
            "run it once on such an input: its parameters have their shapes then",
        ) from error


def _run_once(
    model: nn.Module, plan: InputPlan, device: torch.device, survivors: Survivors | None
) -> None:
    args, kwargs = plan.make(device)
    try:
        with watched(survivors):
            model(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise ForwardFailed("", type(model).__name__, (args, kwargs)) from error
