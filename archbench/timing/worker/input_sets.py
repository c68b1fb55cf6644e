"""The inputs of a call: one set of them, or as many as overflow the processor's cache."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from archbench.networks.argument_tensors import changed
from archbench.networks.inputs import InputPlan
from archbench.networks.precision import HALF
from archbench.networks.tensors import bytes_of, tensors_in
from archbench.private_torch import mapped
from archbench.timing.cells import Cell

COLD_FACTOR = 5  # all sets together have so many times the cache's size: none is still in it

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def input_sets(
    plan: InputPlan, cell: Cell, device: torch.device, cache_bytes: int
) -> Sequence[Arguments]:
    """Return one set of inputs; for a cold cache, as many as the cache cannot hold."""
    convert = partial(_convert, cell=cell)
    first: Arguments = changed(convert, plan.make(device))
    if not cell.cold_cache or not cache_bytes:
        return [first]
    copies = COLD_FACTOR * cache_bytes // max(1, bytes_of(tensors_in(first))) + 1
    if plan.given is not None:
        return [first, *(changed(Tensor.clone, first) for _ in range(copies - 1))]
    if not all(spec.batched for spec in plan.specs):
        seeds = range(plan.seed, plan.seed + copies)
        return [mapped(convert, replace(plan, seed=seed).make(device)) for seed in seeds]
    # one large batch, cut up: making each set by itself would take long
    many = mapped(convert, replace(plan, batch_size=copies * plan.batch_size).make(device))
    return [
        mapped(partial(_slice, number=i, batch_size=plan.batch_size), many) for i in range(copies)
    ]


def _convert(value: Tensor, cell: Cell) -> Tensor:
    """Return a tensor in the precision and memory format of a cell."""
    if value.is_floating_point() and cell.precision in HALF:
        value = value.to(HALF[cell.precision])
    if cell.channels_last and value.dim() == 4:
        value = value.contiguous(memory_format=torch.channels_last)
    return value


def _slice(value: Any, number: int, batch_size: int) -> Any:
    if not isinstance(value, Tensor):
        return value
    return value[number * batch_size : (number + 1) * batch_size]
