"""A part of a network by itself, with the inputs that it gets there."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from archbench.errors import ArchbenchError, nearest
from archbench.networks.argument_tensors import dtype_name
from archbench.networks.inputs import InputPlan, parameter_names
from archbench.networks.module_tree import (
    modules_of,
    own_device,
    paths_of,
    set_training,
    unwrapped,
)
from archbench.networks.tensor_spec import TensorSpec
from archbench.networks.user_code import user_code

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]

PROBED_BATCHES = 2, 3  # two batch sizes show which dimension of an input is the batch


class _Reached(Exception):
    """The forward pass has come to the part; it needs to go no further."""


def part_of(network: nn.Module, path: str, name: str) -> nn.Module:
    """Return the module at a path, such as "stage1.0"; `name` is the network's, for errors.

    Raises:
        ArchbenchError: there is no such module.
    """
    found = paths_of(unwrapped(network))
    for module, paths in found.items():
        if path and path in paths:
            return module
    known = [one for paths in found.values() for one in paths if one]
    raise ArchbenchError(
        f"{name} has no module '{path}'",
        f"{nearest(path, known)}`archbench summary --layers` lists the paths",
    )


def plan_for_part(network: nn.Module, part: nn.Module, name: str, plan: InputPlan) -> InputPlan:
    """Return the inputs that a part gets in a forward pass of its network.

    The network runs in evaluation mode up to the part's first call, at two small batch sizes.

    Args:
        network: the whole one.
        part: a module in it.
        name: of the part, for errors.
        plan: the inputs of the network.

    Raises:
        ArchbenchError: the part is not called, or gets something else than a tensor for a sample.
        UserCodeError: the network's forward() raised before.
    """
    network = unwrapped(network)
    first, second = (_reach(network, part, name, plan.of_batch(n)) for n in PROBED_BATCHES)
    values = [*first[0], *first[1].values()]
    others = [*second[0], *second[1].values()]
    places = parameter_names(part)[: len(first[0])]
    places += [f"input{i}" for i in range(len(places), len(first[0]))]
    names = [*places, *first[1]]
    specs = tuple(_spec(*one, part=name) for one in zip(names, values, others, strict=True))
    asked, keywords = plan.network_texts(), len(first[1])
    made = InputPlan(specs, keywords, plan.batch_size, of_network=asked)
    return replace(made, channels_last=plan.channels_last, seed=plan.seed)


def _reach(network: nn.Module, part: nn.Module, name: str, plan: InputPlan) -> Arguments:
    """Run a network up to the first call of a part; return the arguments of that call."""
    reached: list[Arguments] = []

    def stop(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        reached.append((args, {key: one for key, one in kwargs.items() if one is not None}))
        raise _Reached

    modes = [(module, module.training) for module in modules_of(network)]
    hook = part.register_forward_pre_hook(stop, with_kwargs=True)
    try:
        set_training(modules_of(network), False)
        with torch.random.fork_rng(devices=()), torch.no_grad():
            args, kwargs = plan.make(own_device(modules_of(network)))
            with user_code(f"forward of the network before {name}"), suppress(_Reached):
                network(*args, **kwargs)
    finally:
        hook.remove()
        for module, training in modes:
            module.training = training
    if not reached:
        raise ArchbenchError(f"{name} is not called in a forward pass", "name another module")
    return reached[0]


def _spec(name: str, value: Any, other: Any, part: str) -> TensorSpec:
    """Return one input of a part, from its values at both batch sizes."""
    if not isinstance(value, Tensor) or not isinstance(other, Tensor):
        raise ArchbenchError(
            f"{part} gets {type(value).__name__} '{name}', and archbench makes tensors only",
            "name a module whose inputs are tensors",
        )
    shape, batches = tuple(value.shape), PROBED_BATCHES
    dtype = dtype_name(value.dtype)
    if shape == tuple(other.shape):
        return TensorSpec(name, dtype, shape, batched=False)
    if (shape[0], other.shape[0]) != batches or shape[1:] != tuple(other.shape[1:]):
        raise ArchbenchError(
            f"{part} gets an input whose batch is not dimension 0", "name a module around it"
        )
    return TensorSpec(name, dtype, shape[1:])
