"""A network in another precision, for analysis: on the meta device, so that it costs nothing."""

from dataclasses import replace

import torch

from archbench.analyze.borrow import fresh_copy
from archbench.models.inputs import InputPlan
from archbench.models.resolve import Loaded

HALF = {"fp16": "float16", "bf16": "bfloat16"}


def in_precision(loaded: Loaded, plan: InputPlan, precision: str) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs as they are at "fp16" or "bf16"; else as they were given."""
    if precision not in HALF:
        return loaded, plan
    name = HALF[precision]
    module = fresh_copy(loaded.module, on_meta=True).to(getattr(torch, name))
    specs = tuple(
        replace(spec, dtype=name) if spec.dtype.startswith("float") else spec for spec in plan.specs
    )
    return replace(loaded, module=module), replace(plan, specs=specs)
