"""Load a file of weights into a network of the shelf: archbench's own names, or those of others."""

import pickle
import warnings
from collections.abc import Mapping
from os import PathLike, fspath
from os.path import expanduser
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from torch import Tensor, nn

from archbench.errors import MissingLibrary, WeightsRefused
from archbench.libraries import needed
from archbench.networks.construct import MOST_CLASSES, build_blank
from archbench.networks.key_maps import KEY_MAPS, KeyMap
from archbench.networks.registry.records import Architecture
from archbench.private_torch import ORIGINAL
from archbench.units import shape_for_machines

WRAPPERS = ("state_dict", "model_state_dict", "model")  # under which training scripts keep it
PREFIXES = ("module.", f"{ORIGINAL}.", "model.")  # what parallel, compiled and Lightning models add
COUNTER = "num_batches_tracked"  # of batch norm; files older than it, and some ports, lack it
AS_CONVOLUTIONS = "pre_logits."  # where timm's VGG writes linear layers over a whole grid
SAVE = "save a state_dict: torch.save(model.state_dict(), file)"


def load_weights(
    model: nn.Module,
    architecture: Architecture,
    arguments: Mapping[str, Any],
    path: str | PathLike[str],
) -> None:
    """Fill a network with a file's tensors; every tensor of the network must be there.

    Names and shapes are all that can be compared: networks that have the same ones, such as a
    plain network and its residual twin, or resnet50 and resnet50-v1.5, read each other's files.

    Args:
        model: the network that archbench built for this row of the registry.
        architecture: its row.
        arguments: what it was built with.
        path: a state_dict saved by torch.save(), or a .safetensors file; its names are those of
            the network itself, or those of networks/key_maps.py. Only tensors are unpickled; other
            precisions of floating point are converted.

    Raises:
        WeightsRefused: the file cannot be read, or does not fit; the first key that does not is
            named, and nothing of the network has changed.
    """
    file = _path(path)
    given = _tensors(file)
    own = model.state_dict()
    if any(tensor.is_meta for tensor in own.values()):
        raise WeightsRefused("a network on the meta device has no memory for weights", "")
    modules = _key_map(architecture, given, own)
    found: dict[str, str] = {}  # name here -> name in the file
    for key in given:
        ours = _renamed(key, modules)
        if ours in found:
            twice = f"'{_shown(found[ours])}' and '{_shown(key)}' are the same layer"
            raise _refused(file, architecture, twice)
        found[ours] = key
    fitting = {}
    for ours, target in own.items():
        if ours in found:
            key = found[ours]
            tensor = _as_linear(key, given[key])
            misfit = _misfit(key, tensor, target)
            if misfit:
                error = _refused(file, architecture, misfit)
                classes = tensor.shape[0] if tensor.dim() else 0
                if _fits_with(architecture, {**arguments, "num_classes": classes}, ours, tensor):
                    error.hint = f"build it with num_classes={classes}"
                raise error
            fitting[ours] = tensor
        elif not ours.endswith(COUNTER):
            raise _missing(file, architecture, ours, modules, next(iter(given)))
    left_over = {ours: key for ours, key in found.items() if ours not in own}
    heads = _with_heads(architecture, arguments) if left_over else {}
    for ours, key in left_over.items():
        if ours not in heads:
            raise _refused(file, architecture, f"the network has no '{_shown(key)}'")
    model.load_state_dict(fitting, strict=False)


# -- reading ---------------------------------------------------------------------------------------


def _path(path: str | PathLike[str]) -> Path:
    try:
        file = Path(expanduser(fspath(path)))  # noqa: PTH111  # leaves what is nobody's home
    except TypeError:
        raise WeightsRefused(
            f"weights is a {type(path).__name__}, not the path of a file",
            "for tensors in memory there is model.load_state_dict()",
        ) from None
    try:
        if file.is_dir():
            raise WeightsRefused(f"'{path}' is a folder, not a file of weights")
        if file.is_file():
            return file
    except OSError:  # a name that no file can have
        pass
    raise WeightsRefused(f"there is no file of weights '{path}'", "give a local file")


def _tensors(file: Path) -> dict[str, Tensor]:
    """Read names and tensors, whatever a training script wrapped them in."""
    content = _content(file)
    while isinstance(content, Mapping):
        inner = [content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)]
        if not inner:
            break
        content = inner[0]
    if not isinstance(content, Mapping) or not content:
        raise WeightsRefused(f"'{file}' holds no tensors by name", SAVE)
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WeightsRefused(
                f"'{file}' is no state_dict: '{_shown(str(key))}' is not a tensor's name", SAVE
            )
        if value.layout is not torch.strided or value.is_quantized or value.is_meta:
            raise WeightsRefused(
                f"'{file}' holds '{_shown(key)}' as a sparse, quantized or empty tensor",
                "save dense ones",
            )
    return _without_prefix(content)


def _content(file: Path) -> Any:
    """Read a file in its own format; whatever goes wrong gets one reason of ours, not torch's."""
    if file.stat().st_size == 0:
        raise WeightsRefused(f"'{file}' is empty", SAVE)
    try:
        if file.suffix.lower() == ".safetensors":
            with needed("safetensors", f"'{file}'"):
                from safetensors.torch import load_file

            return load_file(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's, of kinds of tensors that are refused below
            return torch.load(file, map_location="cpu", weights_only=True)
    except MissingLibrary:
        raise
    except pickle.UnpicklingError as error:
        # torch's own message advises to unpickle anything, which would run code from the file
        reason = "is not a file of weights"
        if is_zipfile(file):
            reason = "holds Python objects other than tensors, which are never loaded"
        raise WeightsRefused(f"'{file}' {reason}", SAVE) from error
    except Exception as error:  # torch, zipfile and safetensors raise a dozen kinds
        raise WeightsRefused(f"'{file}' is damaged, or not a file of weights", SAVE) from error


def _without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors without the prefixes that wrapped models put before every name."""
    for prefix in PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            return _without_prefix({k.removeprefix(prefix): v for k, v in tensors.items()})
    return dict(tensors)


# -- fitting ---------------------------------------------------------------------------------------


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


def _as_linear(key: str, tensor: Tensor) -> Tensor:
    """Return a convolution over a whole grid as the linear layer that it stands for."""
    return tensor.flatten(1) if key.startswith(AS_CONVOLUTIONS) and tensor.dim() == 4 else tensor


def _misfit(key: str, tensor: Tensor, target: Tensor) -> str:
    """Say how a tensor of the file differs from the network's, in shape or in kind; "" if not."""
    if tensor.shape != target.shape:
        there, here = (shape_for_machines(tuple(t.shape)) or "a number" for t in (tensor, target))
        return f"'{_shown(key)}' is {there} there and {here} here"
    if tensor.is_floating_point() != target.is_floating_point() or tensor.is_complex():
        kinds = f"{tensor.dtype} there and {target.dtype} here".replace("torch.", "")
        return f"'{_shown(key)}' is {kinds}"
    return ""


def _fits_with(
    architecture: Architecture, arguments: Mapping[str, Any], ours: str, tensor: Tensor
) -> bool:
    """Tell whether the network would take the tensor if it were built with these arguments."""
    if not 1 <= arguments["num_classes"] <= MOST_CLASSES or not architecture.num_classes:
        return False
    other = build_blank(architecture, arguments).state_dict()
    return not _misfit("", tensor, other[ours])


def _with_heads(architecture: Architecture, arguments: Mapping[str, Any]) -> Mapping[str, Tensor]:
    """Return the tensors of the network with auxiliary heads, which a file may contain."""
    if "aux" not in dict(architecture.choices):
        return {}
    return build_blank(architecture, {**arguments, "aux": True}).state_dict()


# -- refusing --------------------------------------------------------------------------------------


def _missing(
    file: Path, architecture: Architecture, ours: str, modules: KeyMap, first: str
) -> WeightsRefused:
    """Name a missing tensor as the file would, and show what the file has instead."""
    theirs = _renamed(ours, {own: their for their, own in reversed(modules.items())})
    error = _refused(
        file, architecture, f"it has no '{theirs}'; its first key is '{_shown(first)}'"
    )
    if ours.startswith("aux"):
        error.hint = "build it without aux"
    return error


def _refused(file: Path, architecture: Architecture, reason: str) -> WeightsRefused:
    name = architecture.name
    hint = f"{name} reads its own state_dict"
    if name in KEY_MAPS:
        hint += f", and that of {KEY_MAPS[name][0]}"
    elif "`" in architecture.differs:  # it names the network that has what the file may hold
        hint += f"; {architecture.differs}"
    return WeightsRefused(f"'{file}' does not fit {name}: {reason}", hint)


def _shown(key: str) -> str:
    """Keep a key from a file on one line, and short."""
    key = key if key.isprintable() else repr(key)
    return key if len(key) <= 120 else f"{key[:100]}..."
