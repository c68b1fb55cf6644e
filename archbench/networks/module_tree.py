"""The modules of a network: the network inside its wrappers, and the paths of every module."""

from collections.abc import Collection, Iterable, Iterator
from typing import Generic, TypeVar

import torch
from torch import nn

from archbench.networks.blank_weights import META
from archbench.private_torch import uncompiled

MOST_PATHS = 100_000  # paths of all modules together; a network with more has one path a module

Value = TypeVar("Value")
Held = TypeVar("Held", bound=torch.Tensor)


class ByModule(Generic[Value]):
    """Values by module; modules are told apart by identity.

    A user's module may have no hash, or may be equal to another one.
    """

    def __init__(self) -> None:
        self._items: dict[int, tuple[nn.Module, Value]] = {}

    def __getitem__(self, module: nn.Module) -> Value:
        return self._items[id(module)][1]

    def __setitem__(self, module: nn.Module, value: Value) -> None:
        self._items[id(module)] = module, value

    def __contains__(self, module: object) -> bool:
        return id(module) in self._items

    def __iter__(self) -> Iterator[nn.Module]:
        return (module for module, _ in self._items.values())

    def __len__(self) -> int:
        return len(self._items)

    def setdefault(self, module: nn.Module, value: Value) -> Value:
        """Return the value of a module; the given one, which is kept, if it has none."""
        return self._items.setdefault(id(module), (module, value))[1]

    def items(self) -> Collection[tuple[nn.Module, Value]]:
        """Return all modules with their values."""
        return self._items.values()

    def values(self) -> Iterator[Value]:
        """Yield all values."""
        return (value for _, value in self._items.values())


class Paths(ByModule[list[str]]):
    """The paths of each module."""

    left_out = 0  #: paths of modules that are shared too often to list all their paths


def own_device(modules: Iterable[nn.Module]) -> torch.device:
    """Return the device of a network's first tensor that has values.

    It is the meta device if none of the tensors has values, the CPU if there are no tensors.
    """
    found = torch.device("cpu")
    for module in modules:
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                found = tensor.device
                if found != META:
                    return found
    return found


def unwrapped(module: nn.Module) -> nn.Module:
    """Take off torch.compile and data-parallel wrappers, which change no cost."""
    while True:
        inner = uncompiled(module)
        if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = module.module
        if inner is module:
            return module
        module = inner


def paths_of(model: nn.Module) -> Paths:
    """Return every path of every module, in the order of a walk; a shared module has several.

    Modules that share modules that share others may have more paths than can be listed. If there
    are more than MOST_PATHS, each module has its first path only.
    """
    paths = Paths()
    walk: list[tuple[nn.Module, str, frozenset[int]]] = [(model, "", frozenset())]
    listed = 0
    while walk:
        module, path, above = walk.pop()
        if listed >= MOST_PATHS and module in paths:
            continue
        paths.setdefault(module, []).append(path)
        listed += 1
        if module._modules:
            above |= {id(module)}
            for name, child in reversed(module._modules.items()):
                if child is not None and id(child) not in above:  # none points back at a parent
                    walk.append((child, f"{path}.{name}" if path else name, above))
    if listed >= MOST_PATHS:
        for several in paths.values():
            del several[1:]
        paths.left_out = _count_of_paths(model) - len(paths)
    return paths


def _count_of_paths(model: nn.Module) -> int:
    """Return the number of paths of all modules together, without listing them."""
    below: dict[int, int] = {}  # paths that begin at a module, by its id()
    walk = [(model, False)]
    while walk:
        module, children_counted = walk.pop()
        children = [child for child in module._modules.values() if child is not None]
        if children_counted:
            below[id(module)] = 1 + sum(below[id(child)] for child in children)
        elif id(module) not in below:
            below[id(module)] = 0  # for a child that points back at it
            walk += [(module, True), *((child, False) for child in children)]
    return below[id(model)]


def modules_of(model: nn.Module) -> list[nn.Module]:
    """Return each module of a network once, in the order of a walk.

    model.modules() calls itself once a level, and asks every module for its hash.
    """
    found = ByModule[bool]()
    walk = [model]
    while walk:
        module = walk.pop()
        if module not in found:
            found[module] = True
            children = reversed(module._modules.values())
            walk += [child for child in children if child is not None]
    return list(found)


def parameters_of(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """Return each parameter that modules hold themselves once."""
    return _once(one for module in modules for one in module._parameters.values())


def buffers_of(modules: Iterable[nn.Module]) -> list[torch.Tensor]:
    """Return each buffer that modules hold themselves once."""
    return _once(one for module in modules for one in module._buffers.values())


def _once(tensors: Iterable[Held | None]) -> list[Held]:
    return list({id(one): one for one in tensors if one is not None}.values())


def set_training(modules: Iterable[nn.Module], training: bool) -> None:
    """Set the mode of each module; train() asks every module for its hash, and some have none."""
    for module in modules:
        module.training = training
