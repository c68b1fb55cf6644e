"""Sentences that a reader of a network's figures needs to understand them."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbench.analysis.records import OperationCount
from archbench.networks.argument_tensors import dtype_name
from archbench.networks.module_tree import Paths
from archbench.units import counted

_QUANTISED = (torch.qint8, torch.quint8, torch.qint32)


def remarks_on(
    paths: Paths, params: Iterable[Tensor], operations: Iterable[OperationCount]
) -> tuple[str, ...]:
    """Return what the modules of a network leave unclear: paths, integer and packed weights.

    Args:
        paths: of its modules.
        params: its parameters, each once.
        operations: of its pass.
    """
    return (*_on_paths(paths), *_on_integers(params), *_on_packed(paths, operations))


def _on_paths(paths: Paths) -> Iterator[str]:
    if paths.left_out:
        several = len(paths) + paths.left_out
        yield f"{several:,} paths lead to {len(paths):,} modules: each module is shown at one path"


def _on_integers(params: Iterable[Tensor]) -> Iterator[str]:
    whole = [one for one in params if _is_integer(one.dtype) and not is_lazy(one)]
    if whole:
        dtypes = ", ".join(sorted({dtype_name(one.dtype) for one in whole}))
        yield (
            f"{sum(one.numel() for one in whole):,} of the params are integers ({dtypes}): "
            "one of them may hold several weights of fewer bits"
        )


def _on_packed(modules: Iterable[nn.Module], operations: Iterable[OperationCount]) -> Iterator[str]:
    if not any(operation.op.startswith("quantized") for operation in operations):
        return
    packed = sum(torch.ScriptObject in map(type, vars(module).values()) for module in modules)
    if packed:
        yield (
            f"torch has packed the weights of {counted(packed, 'module')}: "
            "packed weights are no parameters and count 0 params"
        )


def _is_integer(dtype: torch.dtype) -> bool:
    return not (dtype.is_floating_point or dtype.is_complex) and dtype not in _QUANTISED
