"""Build a network of the registry by its name."""

from os import PathLike
from typing import Any

from torch import nn

from archbench.networks.construct import construct
from archbench.networks.registry import find


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
    model = construct(architecture, kwargs)
    if weights is not None:
        from archbench.networks.weights import load_weights

        load_weights(model, architecture, kwargs, weights)
    return model
