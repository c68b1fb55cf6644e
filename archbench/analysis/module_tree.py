"""The modules of a network: the network inside its wrappers, and the paths of every module."""

from collections.abc import Iterator

from torch import nn

from archbench.private_torch import uncompiled

Paths = dict[nn.Module, list[str]]


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
    """Return every path of every module; a shared module has several."""
    paths: Paths = {}

    def walk(module: nn.Module, path: str, above: tuple[nn.Module, ...]) -> None:
        paths.setdefault(module, []).append(path)
        for name, child in _children(module):
            if child not in above:  # a child that points back at its parent
                walk(child, f"{path}.{name}" if path else name, (*above, child))

    walk(model, "", (model,))
    return paths


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield all children; unlike named_children(), one registered twice under both names."""
    for name, child in module._modules.items():
        if child is not None:
            yield name, child
