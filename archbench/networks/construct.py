"""Make a network from its row of the registry, with its weights or without."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from archbench.errors import ArchbenchError
from archbench.garbage_collector import collection_paused
from archbench.networks.blank_weights import BlankTensors
from archbench.networks.registry.records import Architecture, PaperTable

MOST_CLASSES = 10**6  # more than any data set has; a layer that wide is still a tensor


def construct(architecture: Architecture, kwargs: Mapping[str, Any]) -> nn.Module:
    """Build a network with its own initialisation.

    Raises:
        ArchbenchError: the network has no such argument, or not that value of it.
    """
    model: nn.Module = _file(architecture).build(**_arguments(architecture, kwargs))
    return model


def build_blank(architecture: Architecture, kwargs: Mapping[str, Any]) -> nn.Module:
    """Build the same network on the meta device, without weights."""
    with collection_paused(), BlankTensors():
        return construct(architecture, kwargs)


def paper_table(architecture: Architecture, kwargs: Mapping[str, Any]) -> PaperTable:
    """Return the columns that the paper's own table has for this network."""
    table: PaperTable = _file(architecture).paper_table(**_arguments(architecture, kwargs))
    return table


def _file(architecture: Architecture) -> Any:
    return import_module(f"archbench.networks.archs.{architecture.module}")


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
