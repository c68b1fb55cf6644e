"""Build a network of the registry by its name."""

from dataclasses import replace
from os import PathLike
from typing import Any

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.construct import construct
from archbench.networks.model_settings import settings_of
from archbench.networks.part import part_of
from archbench.networks.registry import find
from archbench.networks.ways import ModelWays


def build(name: str, weights: str | PathLike[str] | None = None, **kwargs: Any) -> nn.Module:
    """Build a network of the shelf with its own initialisation, in training mode on the CPU.

    Args:
        name: a registry name, such as "googlenet"; "resnet20[shortcut=B]" carries arguments, which
            win, and "resnet20[module=stage1]" is a part.
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
    settings = settings_of(name)
    ways = replace(settings.ways, module=None)
    if ways != ModelWays():
        raise ArchbenchError(
            f"'{name}' says how a network is run, and build() runs none",
            "build() takes the arguments of the network, and module=PATH",
        )
    architecture = find(settings.name)
    arguments = kwargs | dict(settings.arguments)
    model = construct(architecture, arguments)
    if weights is not None:
        from archbench.networks.weights import load_weights

        load_weights(model, architecture, arguments, weights)
    path = settings.ways.module
    return model if path is None else part_of(model, path, settings.name)
