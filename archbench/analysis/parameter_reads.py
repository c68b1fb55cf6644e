"""Parameters that no operation of a forward pass read: they count, but take no part in it.

Whether a module's forward() was called says nothing of that: its parent may hand its weights to an
operation, as nn.MultiheadAttention does with those of its output projection.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbench.analysis.records import UnusedParams
from archbench.networks.module_tree import Paths


class ParameterName(NamedTuple):
    """A parameter by the module that holds it."""

    module: nn.Module
    name: str


def ids_of_parameters(modules: Iterable[nn.Module]) -> set[int]:
    """Return the id() of each parameter, for a pass to take out those that operations read."""
    ids = {id(parameter) for module in modules for parameter in module._parameters.values()}
    ids.discard(id(None))  # a bias that a module does without
    return ids


def names_of(modules: Iterable[nn.Module], ids: set[int]) -> tuple[ParameterName, ...]:
    """Return the names of parameters by their id(); a shared one has several."""
    if not ids:
        return ()
    return tuple(
        ParameterName(module, name)
        for module in modules
        for name, parameter in module._parameters.items()
        if parameter is not None and id(parameter) in ids
    )


def unused_params(paths: Paths, unread: Iterable[ParameterName]) -> tuple[UnusedParams, ...]:
    """Return the parameters that took no part; a module all of whose parameters did not is a row.

    A parameter is left out if another tensor of the network shows the same memory: an operation
    may have read that one.
    """
    unused = _by_path(paths, unread)
    if not unused:
        return ()
    ids = {id(parameter) for parameter in unused.values()}
    others = [_memory(tensor) for tensor in _tensors_of(paths) if id(tensor) not in ids]
    shown = {id(memory) for memory in others}
    unused = {path: one for path, one in unused.items() if id(_memory(one)) not in shown}
    ids = {id(parameter) for parameter in unused.values()}
    used = _paths_in_use(paths, ids)
    rows: dict[str, int] = {}
    for path, parameter in unused.items():
        row = next(above for above in _from_the_top(path) if above not in used)
        rows[row] = rows.get(row, 0) + parameter.numel()
    return tuple(UnusedParams(path, params) for path, params in rows.items())


def _by_path(paths: Paths, unread: Iterable[ParameterName]) -> dict[str, Tensor]:
    """Return parameters by the first path of their module, each once; none without a shape."""
    found: dict[int, tuple[str, Tensor]] = {}
    for module, name in unread:
        parameter = module._parameters.get(name)
        if parameter is not None and not is_lazy(parameter):
            above = paths[module][0]
            found.setdefault(id(parameter), (f"{above}.{name}" if above else name, parameter))
    return dict(found.values())


def _tensors_of(modules: Iterable[nn.Module]) -> Iterator[Tensor]:
    """Yield the tensors that modules hold as parameters, as buffers and as plain attributes."""
    for module in modules:
        for held in (module._parameters, module._buffers, vars(module)):
            yield from (value for value in held.values() if isinstance(value, Tensor))


def _memory(tensor: Tensor) -> object:
    """Return a tensor's storage, the same object for all its views; the tensor if it has none."""
    if is_lazy(tensor) or tensor.layout is not torch.strided:
        return tensor
    return tensor.untyped_storage()


def _paths_in_use(paths: Paths, unused: set[int]) -> set[str]:
    """Return the paths of modules with a parameter that is not unused, and all paths above."""
    used: set[str] = set()
    for module, several in paths.items():
        if any(p is not None and id(p) not in unused for p in module._parameters.values()):
            used.update(_from_the_top(several[0]))
    return used


def _from_the_top(path: str) -> list[str]:
    """Return the paths that lead to a path.

    >>> _from_the_top("head.fc.bias")
    ['head', 'head.fc', 'head.fc.bias']
    """
    parts = path.split(".")
    return [".".join(parts[:i]) for i in range(1, len(parts) + 1)]
