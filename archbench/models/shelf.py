"""Build a network of the registry by its name."""

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from typing import Any

from torch import nn

from archbench.collector import collection_paused
from archbench.errors import ArchbenchError
from archbench.models.blank import BlankTensors
from archbench.records.architectures import Architecture, PaperTable
from archbench.registry import find

MOST_CLASSES = 10**6  # more than any data set has; a layer that wide is still a tensor


def build(name: str, weights: str | PathLike[str] | None = None, **kwargs: Any) -> nn.Module:
    """Build a network of the shelf with its own initialisation, in training mode on the CPU.

    Args:
        name: a registry name, such as "googlenet".
        weights: a local file to load: a state_dict of this network, or of the same network of
            torchvision or timm. Their images may be prepared differently: torchvision's
            googlenet and inception_v3 want pixels from -1 to 1. Networks whose tensors have the
            same names and shapes, such as a plain network and its residual twin, cannot be told
            apart.
        kwargs: the network's arguments, such as num_classes=10, aux=True or shortcut="B". With
            aux=True it returns (logits, aux1, ...), in training and in evaluation.

    Raises:
        UnknownArchitecture: there is no network of that name.
        ArchbenchError: the network has no such argument, or not that value of it.
        WeightsRefused: the file cannot be read, or does not fit this network.

    >>> sum(p.numel() for p in build("resnet20").parameters())
    269722
    """
    architecture = find(name)
    model = _construct(architecture, kwargs)
    if weights is not None:
        from archbench.models.weights import load_weights

        load_weights(model, architecture, kwargs, weights)
    return model


def build_blank(architecture: Architecture, kwargs: Mapping[str, Any]) -> nn.Module:
    """Build the same network on the meta device, without weights."""
    with collection_paused(), BlankTensors():
        return _construct(architecture, kwargs)


def paper_table(architecture: Architecture, kwargs: Mapping[str, Any]) -> PaperTable:
    """Return the columns that the paper's own table has for this network."""
    table: PaperTable = _file(architecture).paper_table(**_arguments(architecture, kwargs))
    return table


def _file(architecture: Architecture) -> Any:
    return import_module(f"archbench.archs.{architecture.module}")


def _construct(architecture: Architecture, kwargs: Mapping[str, Any]) -> nn.Module:
    model: nn.Module = _file(architecture).build(**_arguments(architecture, kwargs))
    return model


def _arguments(architecture: Architecture, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Join the registry row's options with the caller's, which win.

    Raises:
        ArchbenchError: the network has no such argument, or num_classes is not a count.
    """
    allowed = [argument for argument, _ in architecture.choices]
    for name in kwargs:
        if name == "weights":
            raise ArchbenchError(
                "weights change no count and no time",
                "in Python, archbench.build(name, weights=file) loads them",
            )
        if name not in allowed:
            raise ArchbenchError(
                f"{architecture.name} has no argument '{name}'",
                f"it takes {', '.join(allowed) or 'none'}",
            )
    classes = kwargs.get("num_classes", 1)
    whole = isinstance(classes, int) and not isinstance(classes, bool)
    if not whole or not 1 <= classes <= MOST_CLASSES:
        raise ArchbenchError(
            f"num_classes must be a whole number from 1 to {MOST_CLASSES:,}, not {classes!r}"
        )
    aux = kwargs.get("aux", False)
    if not isinstance(aux, bool):
        raise ArchbenchError(f"aux must be True or False, not {aux!r}")
    return {**architecture.options, **kwargs}
