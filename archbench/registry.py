"""What is on the shelf: one visible tuple of rows, in order of year; no torch needed to read it.

An unsuffixed name is the network of the paper.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from archbench.errors import UnknownArchitecture
from archbench.records import Architecture

IMAGENET = (3, 224, 224)
CIFAR = (3, 32, 32)

GOING_DEEPER = "Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842"
RETHINKING = "Szegedy et al., Rethinking the Inception Architecture, arXiv:1512.00567, Table 3"
RESIDUAL = "He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385"


def _googlenet(name: str, variant: str, differs: str, **where: Any) -> Architecture:
    year, paper = where.get("year", 2014), where.get("paper", GOING_DEEPER)
    options = MappingProxyType({"variant": variant})
    return Architecture(
        name, "inception", year, paper, "googlenet", options, IMAGENET, 1000, differs
    )


def _resnet(name: str, depth: int, differs: str = "", **options: Any) -> Architecture:
    imagenet = depth in (18, 34, 50, 101, 152)
    family = "plain" if options.get("residual") is False else "resnet"
    return Architecture(
        name,
        family,
        2015,
        RESIDUAL,
        "resnet",
        MappingProxyType({"depth": depth, **options}),
        IMAGENET if imagenet else CIFAR,
        1000 if imagenet else 10,
        differs,
    )


def _v1(name: str) -> str:
    return f"v1, stride on the 1x1, as in the paper; torchvision's {name} is `{name}-v1.5`"


ARCHITECTURES: tuple[Architecture, ...] = (
    _googlenet(
        "googlenet",
        "paper",
        "dense 7x7 stem, biases, LRN and true 5x5; torchvision's is `googlenet-torchvision`",
    ),
    _googlenet(
        "googlenet-separable",
        "separable",
        "separable stem, which the 2.7K parameters and 34M operations of Table 1 imply",
    ),
    _googlenet(
        "googlenet-torchvision",
        "torchvision",
        "torchvision's: batch norm, no LRN, 3x3 in place of 5x5, 2x2 pool4, dropout 0.2",
    ),
    _googlenet(
        "bn-googlenet",
        "batch-norm",
        "googlenet with batch norm in place of biases and LRN; 5x5 kept",
        year=2015,
        paper=RETHINKING,
    ),
    _resnet("plain18", 18, residual=False),
    _resnet("plain34", 34, residual=False),
    _resnet("resnet18", 18, "option A shortcuts; torchvision's resnet18 is `resnet18-b`"),
    _resnet("resnet18-b", 18, "projection where shapes change; torchvision's", shortcut="B"),
    _resnet("resnet34", 34, "option A shortcuts; torchvision's resnet34 is `resnet34-b`"),
    _resnet("resnet34-b", 34, "projection where shapes change; torchvision's", shortcut="B"),
    _resnet("resnet34-c", 34, "projection on every shortcut", shortcut="C"),
    _resnet("resnet50", 50, _v1("resnet50")),
    _resnet("resnet50-v1.5", 50, "stride on the 3x3; torchvision's resnet50", stride_on="3x3"),
    _resnet("resnet101", 101, _v1("resnet101")),
    _resnet("resnet101-v1.5", 101, "stride on the 3x3; torchvision's resnet101", stride_on="3x3"),
    _resnet("resnet152", 152, _v1("resnet152")),
    _resnet("resnet152-v1.5", 152, "stride on the 3x3; torchvision's resnet152", stride_on="3x3"),
    _resnet("plain20", 20, residual=False),
    _resnet("plain32", 32, residual=False),
    _resnet("plain44", 44, residual=False),
    _resnet("plain56", 56, residual=False),
    _resnet("plain110", 110, residual=False),
    _resnet("resnet20", 20, "for CIFAR-10, 32x32; option A shortcuts"),
    _resnet("resnet32", 32, "for CIFAR-10, 32x32; option A shortcuts"),
    _resnet("resnet44", 44, "for CIFAR-10, 32x32; option A shortcuts"),
    _resnet("resnet56", 56, "for CIFAR-10, 32x32; option A shortcuts"),
    _resnet("resnet110", 110, "for CIFAR-10, 32x32; option A shortcuts"),
    _resnet("resnet1202", 1202, "for CIFAR-10, 32x32; option A shortcuts"),
)

_BY_NAME: Mapping[str, Architecture] = {row.name: row for row in ARCHITECTURES}


def find(name: str) -> Architecture:
    """Return the row of that name.

    Raises:
        UnknownArchitecture: there is none; the hint names the nearest.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = get_close_matches(name.lower(), _BY_NAME, n=1)
    guess = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownArchitecture(
        f"there is no architecture named '{name}'", f"{guess}`archbench list` names them all"
    )


def select(glob: str = "*", family: str | None = None) -> tuple[Architecture, ...]:
    """Return the rows whose name matches a glob, of one family or of all."""
    return tuple(
        row for row in ARCHITECTURES if fnmatchcase(row.name, glob) and family in (None, row.family)
    )
