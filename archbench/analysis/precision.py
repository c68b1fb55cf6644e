"""A copy of a network on the meta device, in the dtype or memory format that it will run in."""

from dataclasses import replace
from typing import Any

import torch

from archbench.analysis.isolation.stand_ins import fresh_copy
from archbench.networks.inputs import InputPlan, dtype_name
from archbench.networks.precision import HALF
from archbench.networks.resolve import Loaded


def in_precision(loaded: Loaded, plan: InputPlan, precision: str) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs at "fp16" or "bf16"; at another precision, unchanged."""
    if precision not in HALF:
        return loaded, plan
    module = fresh_copy(loaded.module, on_meta=True).to(HALF[precision])
    name = dtype_name(HALF[precision])
    specs = tuple(
        replace(spec, dtype=name) if spec.dtype.startswith("float") else spec for spec in plan.specs
    )
    return replace(loaded, module=module), replace(plan, specs=specs)


def in_channels_last(loaded: Loaded, plan: InputPlan) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs in torch's channels-last format."""
    to: Any = fresh_copy(loaded.module, on_meta=True).to  # torch's annotations lack the argument
    module = to(memory_format=torch.channels_last)
    return replace(loaded, module=module), replace(plan, channels_last=True)
