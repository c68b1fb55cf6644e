"""Stand-ins for the tensors of a network: empty meta tensors, or clones."""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbench.networks.blank_weights import META
from archbench.networks.module_tree import (
    buffers_of,
    modules_of,
    parameters_of,
    set_training,
)

PLAIN = frozenset({Tensor, nn.Parameter})  # torch's own classes of tensors


def meta_stand_in(tensor: Tensor) -> Tensor:
    """Return an empty meta tensor of the same class, shape, strides and dtype; lazy for a lazy one.

    A tensor that has no twin on the meta device, such as a quantised one, gets a clone instead.
    """
    plain = type(tensor) in PLAIN
    if not plain and is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]
    if tensor.is_meta:
        return tensor
    if tensor.is_quantized or tensor.is_nested or not (plain or _is_like_any(tensor)):
        return clone(tensor)
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


def fresh_copy(model: nn.Module, on_meta: bool) -> nn.Module:
    """Copy a model, its lazy parameters still lazy, in evaluation mode.

    copy.deepcopy() alone cannot copy lazy buffers, and would copy every weight.
    """
    make = meta_stand_in if on_meta else clone
    modules = modules_of(model)
    tensors = (*parameters_of(modules), *buffers_of(modules))
    copies: dict[int, Any] = {id(tensor): make(tensor) for tensor in tensors}
    copied = copy.deepcopy(model, copies)
    set_training(modules_of(copied), False)
    return copied


def _is_like_any(tensor: Tensor) -> bool:
    """Tell whether a subclass lets torch run its operations, on one storage of numbers."""
    return type(tensor).__torch_dispatch__ is Tensor.__torch_dispatch__


def _like(tensor: Tensor, stand_in: Tensor) -> Tensor:
    """Give a stand-in the original's class, attributes and demand for gradients."""
    kind = type(tensor)
    if kind is nn.Parameter:
        stand_in = nn.Parameter(stand_in, tensor.requires_grad)
    elif kind is not type(stand_in):
        stand_in = stand_in.as_subclass(kind)
    if isinstance(tensor, nn.Parameter):
        stand_in.requires_grad_(tensor.requires_grad)
    if tensor.__dict__:
        stand_in.__dict__.update(tensor.__dict__)
    return stand_in
