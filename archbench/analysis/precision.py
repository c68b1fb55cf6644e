"""A copy of a network on the meta device, in the dtype or memory format that it will run in."""

from dataclasses import replace
from typing import Any

import torch

from archbench.analysis.isolation.stand_ins import fresh_copy
from archbench.networks.argument_tensors import dtype_name
from archbench.networks.inputs import InputPlan
from archbench.networks.precision import HALF
from archbench.networks.resolve import Loaded


def in_precision(loaded: Loaded, plan: InputPlan, precision: str) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs at "fp16" or "bf16"; at another precision, unchanged."""
    if precision not in HALF:
        return loaded, plan
    module = fresh_copy(loaded.module, on_meta=True).to(HALF[precision])
    return replace(loaded, module=module), plan.in_dtype(dtype_name(HALF[precision]))


def in_channels_last(loaded: Loaded, plan: InputPlan) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs in torch's channels-last format."""
    to: Any = fresh_copy(loaded.module, on_meta=True).to  # torch's annotations lack the argument
    module = to(memory_format=torch.channels_last)
    return replace(loaded, module=module), replace(plan, channels_last=True)
