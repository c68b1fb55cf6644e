"""Load a file of weights into a network of the shelf: archbench's own names, or those of others."""

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from archbench.errors import WeightsRefused
from archbench.models.key_maps import KEY_MAPS, KeyMap
from archbench.records import Architecture
from archbench.units import shape_for_machines

WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep it
HEADS = "aux"  # a file may hold heads that were not asked for
COUNTER = "num_batches_tracked"  # of batch norm; files older than it, and some ports, lack it


def load_weights(model: nn.Module, architecture: Architecture, path: str | PathLike[str]) -> None:
    """Fill a network with a file's tensors; every tensor of the network must be there.

    Args:
        model: the network that archbench built for this row of the registry.
        architecture: its row.
        path: a state_dict saved by torch.save(), or a .safetensors file; its names are those of
            the network itself, or those of models/key_maps.py. Only tensors are unpickled.

    Raises:
        WeightsRefused: the file cannot be read, or does not fit; the first key that does not is
            named, and nothing of the network has changed.
    """
    file = Path(path)
    given = _tensors(file)
    own = model.state_dict()
    modules = _key_map(architecture, given, own)
    names = {key: _renamed(key, modules) for key in given}  # theirs -> ours
    found = {ours: key for key, ours in names.items()}
    fitting = {}
    for ours, target in own.items():
        if ours not in found:
            if ours.endswith(COUNTER):
                continue
            missing = _renamed(ours, {own: their for their, own in reversed(modules.items())})
            raise _refused(file, architecture, f"it has no '{missing}'")
        tensor = given[found[ours]]
        if tensor.dim() == 4 and target.dim() == 2:
            tensor = tensor.flatten(1)  # a convolution over the whole grid is a linear layer
        if tensor.shape != target.shape:
            raise _misfit(file, architecture, found[ours], tensor, target)
        fitting[ours] = tensor
    for key, ours in names.items():
        if ours not in own and not ours.startswith(HEADS):
            raise _refused(file, architecture, f"the network has no '{key}'")
    model.load_state_dict(fitting, strict=False)


def _tensors(file: Path) -> dict[str, Tensor]:
    """Read names and tensors, whatever a training script wrapped them in."""
    if not file.is_file():
        raise WeightsRefused(f"there is no file of weights '{file}'", "give a local file")
    try:
        content = _read(file)
    except ImportError:
        raise WeightsRefused(
            f"'{file}' needs the safetensors package", "pip install safetensors"
        ) from None
    except Exception as error:  # torch, pickle and zipfile raise a dozen kinds
        reason = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise WeightsRefused(
            f"'{file}' cannot be read as weights: {reason}",
            "save a state_dict: torch.save(model.state_dict(), file)",
        ) from error
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not content:
        raise WeightsRefused(
            f"'{file}' holds no tensors by name", "save a state_dict, not a whole model"
        )
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise WeightsRefused(
                f"'{file}' is no state_dict: '{key}' is not a tensor",
                "save model.state_dict()",
            )
    return _without_prefix(content)


def _read(file: Path) -> Any:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    return torch.load(file, map_location="cpu", weights_only=True)


def _without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Take off what data-parallel and compiled models put before every name."""
    for prefix in ("module.", "_orig_mod."):
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): tensor for key, tensor in tensors.items()}
    return dict(tensors)


def _key_map(
    architecture: Architecture, given: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> KeyMap:
    """Return the map of others' names; an empty one where the file has archbench's own."""
    named_as_here = len(given.keys() & own.keys()) > len(own) / 2
    if named_as_here or architecture.name not in KEY_MAPS:
        return {}
    return KEY_MAPS[architecture.name][1]()


def _renamed(key: str, modules: KeyMap) -> str:
    """Rename the longest prefix that the map knows, if any."""
    prefix = key
    while "." in prefix:
        prefix = prefix.rpartition(".")[0]
        if prefix in modules:
            return modules[prefix] + key[len(prefix) :]
    return key


def _misfit(
    file: Path, architecture: Architecture, key: str, tensor: Tensor, target: Tensor
) -> WeightsRefused:
    there, here = (shape_for_machines(tuple(t.shape)) or "a number" for t in (tensor, target))
    error = _refused(file, architecture, f"'{key}' is {there} there and {here} here")
    if tensor.shape[1:] == target.shape[1:] and tensor.dim() and key.startswith(_CLASSIFIERS):
        error.hint = f"build it with num_classes={tensor.shape[0]}"
    return error


_CLASSIFIERS = ("fc", "last_linear", "classif", "head")


def _refused(file: Path, architecture: Architecture, reason: str) -> WeightsRefused:
    name = architecture.name
    hint = f"{name} reads its own state_dict"
    if name in KEY_MAPS:
        hint += f", and that of {KEY_MAPS[name][0]}"
    elif architecture.differs:
        hint += f" only; {architecture.differs}"
    return WeightsRefused(f"'{file}' does not fit {name}: {reason}", hint)
