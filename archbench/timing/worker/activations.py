"""The activation check: infinities, NaNs and subnormals take another time than other numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archbench.private_torch import leaves
from archbench.timing.records import Flag

SAMPLES = 8  # of a batch are checked: all are drawn alike, and copies of all would take memory
DENORMAL_SHARE = 0.001  # of one tensor's elements; a few in a million change no time


def activation_flags(
    module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Flag, ...]:
    """Run a module once, without gradients, and check its inputs and every activation.

    Returns "not_finite" where a value is infinite or not a number, "denormal" where more than one
    in a thousand of a tensor's values is subnormal. The first samples of each tensor are checked.
    """
    found: dict[Flag, None] = {}

    def check(value: Any) -> None:
        for tensor in leaves(value):
            if isinstance(tensor, Tensor) and tensor.is_floating_point() and tensor.numel():
                for part in tensor.unbind() if tensor.is_nested else (tensor,):
                    found.update(dict.fromkeys(_flags_of(part)))

    hooks = [m.register_forward_hook(lambda _m, _i, out: check(out)) for m in module.modules()]
    try:
        with torch.no_grad():
            check((args, dict(kwargs)))
            module(*args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    return tuple(found)


def _flags_of(tensor: Tensor) -> list[Flag]:
    flags: list[Flag] = []
    size = (tensor[:SAMPLES] if tensor.dim() else tensor).detach().abs()
    low, high = torch.aminmax(size)  # NaN is both; a tenth of the time that isfinite takes
    if not bool(torch.isfinite(high)):
        flags.append("not_finite")
    tiny = torch.finfo(tensor.dtype).tiny
    subnormal = 0 if bool(low >= tiny) else int(torch.count_nonzero((size > 0) & (size < tiny)))
    if subnormal > DENORMAL_SHARE * size.numel():
        flags.append("denormal")
    return flags
