"""Sentences that a reader of a network's figures needs to understand them."""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from archbench.networks.argument_tensors import dtype_name
from archbench.networks.module_tree import Paths, parameters_of
from archbench.units import counted

_QUANTISED = (torch.qint8, torch.quint8, torch.qint32)


def remarks_on(paths: Paths) -> tuple[str, ...]:
    """Return what the modules of a network leave unclear: paths, integer and packed weights."""
    return tuple(_remarks(paths))


def _remarks(paths: Paths) -> Iterator[str]:
    if paths.left_out:
        several = len(paths) + paths.left_out
        yield f"{several:,} paths lead to {len(paths):,} modules: each module is shown at one path"
    whole = [p for p in parameters_of(paths) if _is_integer(p.dtype) and not is_lazy(p)]
    if whole:
        dtypes = ", ".join(sorted({dtype_name(parameter.dtype) for parameter in whole}))
        yield (
            f"{sum(parameter.numel() for parameter in whole):,} of the params are integers "
            f"({dtypes}): one of them may hold several weights of fewer bits"
        )
    packed = sum(_is_packed(module) for module in paths)
    if packed:
        yield (
            f"torch has packed the weights of {counted(packed, 'module')}: "
            "packed weights are no parameters and count 0 params"
        )


def _is_integer(dtype: torch.dtype) -> bool:
    return not (dtype.is_floating_point or dtype.is_complex) and dtype not in _QUANTISED


def _is_packed(module: nn.Module) -> bool:
    """Tell whether a module keeps an object of torch's C++ code, such as a quantised layer's."""
    has_parameters = next(iter(module._parameters), None) is not None
    return not has_parameters and torch.ScriptObject in map(type, vars(module).values())
