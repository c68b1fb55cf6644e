"""Stand-ins for the tensors of a network: empty meta tensors, or clones."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbench.networks.blank_weights import META


def meta_stand_in(tensor: Tensor) -> Tensor:
    """Return an empty meta tensor of the same shape, strides and dtype; lazy for a lazy one."""
    if tensor.is_meta and not is_lazy(tensor):
        return tensor
    if is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]
    if tensor.layout is torch.strided:
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    else:
        twin = torch.empty(tensor.shape, dtype=tensor.dtype, device=META)
    return _like(tensor, twin)


def clone(tensor: Tensor) -> Tensor:
    """Return a copy on the same device; lazy for a lazy tensor."""
    if is_lazy(tensor):
        return type(tensor)(device=tensor.device, dtype=tensor.dtype)  # type: ignore[call-arg]
    return _like(tensor, tensor.detach().clone())


def _like(tensor: Tensor, stand_in: Tensor) -> Tensor:
    """Make a stand-in a parameter if the original is one, with its attributes."""
    if isinstance(tensor, nn.Parameter):
        stand_in = nn.Parameter(stand_in, tensor.requires_grad)
    if tensor.__dict__:
        stand_in.__dict__.update(tensor.__dict__)
    return stand_in


def fresh_copy(model: nn.Module, on_meta: bool) -> nn.Module:
    """Copy a model, its lazy parameters still lazy, in evaluation mode.

    copy.deepcopy() alone cannot copy lazy buffers, and would copy every weight.
    """
    make = meta_stand_in if on_meta else clone
    copies: dict[int, Any] = {id(t): make(t) for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, copies).eval()
