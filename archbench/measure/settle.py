"""Batch normalisation's statistics, settled before anything is timed."""

from dataclasses import replace

import torch
from torch import nn

from archbench.models.inputs import InputPlan


def settle_statistics(module: nn.Module, plan: InputPlan, device: torch.device) -> None:
    """Let batch normalisation see one batch, so that fresh weights give ordinary numbers.

    A thousand layers with untouched running statistics overflow, and arithmetic with infinities
    and subnormal numbers does not take the time of ordinary arithmetic.
    """
    norms = [m for m in module.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    args, kwargs = replace(plan, batch_size=max(2, plan.batch_size)).make(device)
    was_training = module.training
    try:
        for norm in norms:
            norm.momentum = 1.0  # take this batch's statistics whole
        module.train()
        with torch.no_grad():
            module(*args, **kwargs)
    finally:
        module.train(was_training)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
