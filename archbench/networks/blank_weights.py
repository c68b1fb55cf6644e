"""Build a network without its weights: every tensor is an empty one on the meta device.

A network of the shelf is built this way for analysis. No memory is taken and no initialiser runs.
"""

from typing import Any

import torch

from archbench.private_torch import DispatchMode

META = torch.device("meta")
_aten = torch.ops.aten

# What constructors and initialisers write into a tensor: nothing to do where there is no memory.
_WRITES = frozenset(
    {
        *(_aten.uniform_.default, _aten.normal_.default, _aten.fill_.Scalar, _aten.zero_.default),
        *(_aten.copy_.default, _aten.mul_.Tensor, _aten.add_.Tensor, _aten.clamp_.default),
        *(_aten.erfinv_.default, _aten.mul_.Scalar, _aten.add_.Scalar),
    }
)
_CREATES = frozenset(
    {_aten.empty.memory_format, _aten.zeros.default, _aten.ones.default, _aten.full.default}
)


class BlankTensors(DispatchMode):
    """While active, new tensors are empty meta tensors and writing to one does nothing."""

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in _WRITES:
            return args[0]
        kwargs = kwargs or {}
        if func in _CREATES:
            return torch.empty(args[0], dtype=kwargs.get("dtype"), device=META)
        if func is _aten.lift_fresh.default:  # torch.tensor(0), which counts batches in batch norm
            return torch.empty(args[0].shape, dtype=args[0].dtype, device=META)
        return func(*args, **kwargs)
