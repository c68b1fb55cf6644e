"""Statistics of batch normalisation, settled before anything is timed."""

from typing import Any

import torch
from torch import Tensor, nn

from archbench.networks.inputs import InputPlan


def settle_statistics(module: nn.Module, plan: InputPlan, device: torch.device) -> None:
    """Let batch normalisation see one batch of 2 or more, so that fresh weights stay ordinary.

    A thousand layers with untouched running statistics overflow, and arithmetic with infinities
    and subnormal numbers does not take the time of ordinary arithmetic. Inputs that exist for one
    batch only may be too few; the statistics stay as they are then.
    """
    norms = [layer for layer in module.modules() if _keeps_statistics(layer)]
    if not norms:
        return
    momenta: list[Any] = [norm.momentum for norm in norms]
    args, kwargs = plan.make(device)
    was_training = module.training
    try:
        for norm in norms:
            norm.momentum = 1.0  # type: ignore[assignment]  # take this batch's statistics whole
        module.train()
        with torch.no_grad():
            module(*args, **kwargs)
    except ValueError:  # one sample may be too few for batch normalisation to train on
        if plan.takes_batch:
            raise
    finally:
        module.train(was_training)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def _keeps_statistics(layer: nn.Module) -> bool:
    """Tell whether a layer is a normalisation that keeps running statistics."""
    return (
        hasattr(layer, "momentum")
        and getattr(layer, "track_running_stats", False) is True
        and isinstance(getattr(layer, "running_mean", None), Tensor)
    )
