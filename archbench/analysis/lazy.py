"""Lazy parameters: their shapes are known after a first forward pass."""

import torch
from torch import nn
from torch.nn.modules.lazy import LazyModuleMixin

from archbench.analysis.failure import ForwardFailed
from archbench.analysis.module_tree import Paths, paths_of
from archbench.analysis.stand_ins import fresh_copy
from archbench.analysis.torch_state import fixed_torch_state
from archbench.networks.blank_weights import META
from archbench.networks.inputs import InputPlan


def materialise(
    model: nn.Module, paths: Paths, device: torch.device, plan: InputPlan
) -> tuple[nn.Module, Paths]:
    """Return a model and its paths; of a model with lazy parameters, a copy that has run once."""
    if not any(isinstance(module, LazyModuleMixin) for module in paths):
        return model, paths
    with fixed_torch_state():
        args, kwargs = plan.make(device)
        try:
            copied = fresh_copy(model, on_meta=device == META)
            copied(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise ForwardFailed("", type(model).__name__, (args, kwargs)) from error
    return copied, paths_of(copied)
