"""The tensors among the arguments of forward(): their names, shapes and copies."""

import copy
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archbench.errors import InputRefused
from archbench.networks.tensor_spec import TensorSpec
from archbench.networks.tensors import DEEPEST, tensors_in
from archbench.private_torch import mapped


class NeedsValues(InputRefused):
    """An input that the meta device cannot hold: its shape is among its values."""


def dtype_name(dtype: torch.dtype) -> str:
    """Name a type as users write it: "float32"."""
    return str(dtype).removeprefix("torch.")


def tensor_specs(
    names: Sequence[str], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[TensorSpec, ...]:
    """Return every tensor among the arguments, its shape with the batch: "batch[0].image".

    Args:
        names: of forward()'s arguments; those beyond are called input0, input1, ...
        args: by place.
        kwargs: by name.
    """
    given = [names[i] if i < len(names) else f"input{i}" for i in range(len(args))]
    return tuple(
        TensorSpec(name, dtype_name(tensor.dtype), tuple(tensor.shape), batched=False)
        for argument, value in (*zip(given, args, strict=True), *kwargs.items())
        for name, tensor in named_tensors(argument, value)
    )


def named_tensors(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors in a value with the way to each: "batch[0].image".

    They are those of tensors_in(), but for a nested tensor, whose parts stand for it.
    """
    if isinstance(value, Tensor):
        if not value.is_nested:
            yield name, value
            return
        parts: Any = enumerate(value.unbind())
    elif depth > DEEPEST or isinstance(value, nn.Module):
        return
    else:
        parts = _parts(value)
    for key, part in parts:
        plain = isinstance(key, str) and key.isidentifier()
        yield from named_tensors(f"{name}.{key}" if plain else f"{name}[{key!r}]", part, depth + 1)


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what a container or an object holds, behind the key, place or attribute."""
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, list | tuple | set | frozenset):
        yield from enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from vars(value).items()
    elif dataclasses.is_dataclass(value):
        yield from ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))


def changed(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """Return a copy of arguments with every tensor changed, those in objects too."""

    def changed_leaf(leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return change(leaf)
        tensors = {id(tensor): change(tensor) for tensor in tensors_in(leaf)}
        return copy.deepcopy(leaf, tensors) if tensors else leaf

    return mapped(changed_leaf, value)


def in_dtype(value: Any, dtype: torch.dtype) -> Any:
    """Return a copy of arguments with floating-point tensors in a type; others are as they are."""
    return changed(lambda t: t.to(dtype) if t.is_floating_point() else t, value)
