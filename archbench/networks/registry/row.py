"""One way to write a row, for the files of all families."""

from types import MappingProxyType
from typing import Any

from archbench.networks.registry.published import ERRORS
from archbench.networks.registry.records import Architecture, Paper
from archbench.networks.registry.training import Rows


def row(
    name: str,
    family: str,
    paper: Paper,
    module: str,
    size: int,
    differs: str,
    conventions: Rows,
    choices: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> Architecture:
    """Make the row of a network for square colour images: 32 pixels are CIFAR-10, else ImageNet.

    Args:
        name: what it is asked for by; its published errors are found by it.
        family: what it is listed under.
        paper: where it was published.
        module: the file in archbench.networks.archs that builds it.
        size: side of its images.
        differs: how it differs from what people meet elsewhere.
        conventions: how it is initialised, regularised and trained.
        choices: the arguments that users may pass, besides num_classes.
        options: what this name passes to build().
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
        ERRORS.get(name, ()),
        conventions,
        (("num_classes", f"width of the last layer; default {classes}"), *choices),
    )
