"""One way to write a row, for the files of all families."""

from types import MappingProxyType
from typing import Any

from archbench.networks.registry.records import Architecture, Paper
from archbench.networks.registry.training import Rows


def row(
    name: str,
    family: str,
    paper: Paper,
    module: str,
    size: int,
    differs: str,
    training: Rows,
    choices: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> Architecture:
    """Make the row of a network for square colour images: 32 pixels are CIFAR-10, else ImageNet.

    The arguments are fields of Architecture; `size` is the side of an image, and `choices` are
    those besides num_classes.
    """
    classes = 10 if size == 32 else 1000
    return Architecture(
        name,
        family,
        paper,
        module,
        MappingProxyType(options),
        (3, size, size),
        classes,
        differs,
        training,
        (("num_classes", f"width of the last layer; default {classes}"), *choices),
    )
