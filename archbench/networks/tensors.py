"""Tensors wherever a network keeps or returns them."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from archbench.private_torch import undispatched
from archbench.units import Shape

DEEPEST = 4  # containers in containers that are looked into
_WITHOUT = (str, int, float, type, type(None), nn.Module)  # what is not looked into


def tensors_in(value: Any, depth: int = 0) -> Iterator[Tensor]:
    """Yield the tensors in nested containers, dataclasses and plain objects, in order."""
    if isinstance(value, Tensor):
        yield value
    elif depth > DEEPEST or isinstance(value, _WITHOUT):
        return
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item, depth + 1)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from tensors_in(item, depth + 1)
    elif hasattr(value, "__dict__"):
        yield from tensors_in(vars(value), depth + 1)
    elif dataclasses.is_dataclass(value):  # one with slots has no __dict__
        for field in dataclasses.fields(value):
            yield from tensors_in(getattr(value, field.name), depth + 1)


def shape_of(tensor: Tensor) -> Shape:
    """Return a tensor's shape; that of a nested tensor is the smallest that holds all its parts.

    It is the shape of torch.nested.to_padded_tensor().
    """
    if not tensor.is_nested:
        return tuple(tensor.shape)
    with undispatched():
        parts = [shape_of(part) for part in tensor.unbind()]
    return (len(parts), *map(max, zip(*parts, strict=True)))


def operands(value: Any) -> Iterator[Tensor]:
    """Yield the tensors among the arguments or results of an operation."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from operands(item)
    elif isinstance(value, dict):
        yield from operands(tuple(value.values()))


def bytes_of(tensors: Iterable[Tensor]) -> int:
    """Add up the storages of tensors, each once."""
    storages = {id(storage): storage for storage in (t.untyped_storage() for t in tensors)}
    return sum(storage.nbytes() for storage in storages.values())
