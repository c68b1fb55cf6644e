"""A network in another precision, for analysis: on the meta device, so that it costs nothing."""

from dataclasses import replace

from archbench.analyze.borrow import fresh_copy
from archbench.models.inputs import InputPlan, dtype_name
from archbench.models.precision import HALF
from archbench.models.resolve import Loaded


def in_precision(loaded: Loaded, plan: InputPlan, precision: str) -> tuple[Loaded, InputPlan]:
    """Return a model and its inputs as they are at "fp16" or "bf16"; else as they were given."""
    if precision not in HALF:
        return loaded, plan
    module = fresh_copy(loaded.module, on_meta=True).to(HALF[precision])
    name = dtype_name(HALF[precision])
    specs = tuple(
        replace(spec, dtype=name) if spec.dtype.startswith("float") else spec for spec in plan.specs
    )
    return replace(loaded, module=module), replace(plan, specs=specs)
