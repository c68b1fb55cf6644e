"""Parameters and multiply-adds: of which version of the network, and what they include.

A printed count says neither. Each has one reading of its own, by the network and the convention
that figures.csv names; the others show what else it might have meant.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from fractions import Fraction
from typing import NamedTuple

from torch import nn

from archbench.papers.layers import parameters
from archbench.papers.networks import Networks, built_as
from archbench.papers.recompute.rules import name_of
from archbench.papers.records import PublishedFigure

# What the counts of a network depend on and no paper prints.
UNPUBLISHED = {
    "inception-v2": "the filters inside its modules were only in a file of the arXiv source",
    "highway32": "widths, order of kernels and head were never printed",
}


# Networks that a figure may be about instead: registry names and arguments.
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "googlenet-separable": ("googlenet",),  # its stem is dense
    "bn-googlenet": ("googlenet-separable",),
    "bn-inception": ("bn-inception version=dense-stem", "bn-inception version=tf-slim"),
    "inception-v2": (
        "inception-v2 stem=7x7",
        "inception-v2 modules_17x17=4",
        "inception-v2 stem=7x7 modules_17x17=4",
    ),
    **{f"resnet{n}": (f"resnet{n}-b",) for n in (18, 34)},
    **{f"resnet{n}": (f"resnet{n}-v1.5",) for n in (50, 101, 152)},
    **{f"resnet{n}": (f"resnet{n} shortcut=B",) for n in (20, 32, 44, 56, 110, 1202)},
    "fitnet4": ("fitnet4 fc_pieces=5",),
}

# Figures of one stage; the rest with these units are of the whole network.
STAGES = ("googlenet.table1.*.params", "googlenet.table1.*.ops")
TOTALS = (
    "rethinking.table3.*.cost",
    "rethinking.text.inception-v3.cost",
    "resnet.table1.*.flops",
    "resnet.table6.*.params",
    "bn-inception.text.params",
    "paper.*.flops",
    "paper.*.macs",
    "paper.*.params",
)

ALL = "all parameters"
WEIGHTS = "weights without biases"
MACS = "multiply-adds"
CONVOLUTIONS = "convolutions only"


class Counted(NamedTuple):
    """One count of a network."""

    network: str  #: the counted network: registry name and arguments
    way: str  #: what was counted, and what a printed K means
    value: int  #: the count
    #: what it is multiplied by before it is compared, where K is not the figure's own
    scale: Fraction = Fraction(1)


def is_count(figure: PublishedFigure) -> bool:
    """Tell whether a figure counts a network's parameters or multiply-adds."""
    return any(fnmatchcase(figure.id, pattern) for pattern in (*STAGES, *TOTALS))


def counts(networks: Networks, figure: PublishedFigure) -> Iterator[Counted]:
    """Count what a figure may stand for.

    First as its own network and convention have it, then that network counted otherwise, then its
    other versions where they differ.
    """
    own = name_of(figure)
    way = _own_way(figure)
    ways = dict(_ways(networks, figure, own))
    for other in (way, *(other for other in ways if other != way)):
        yield from _in_thousands(figure, Counted(own, other, ways[other]))
    for version in VERSIONS.get(own, ()):
        count = dict(_ways(networks, figure, version))[way]
        if count != ways[way]:
            yield next(_in_thousands(figure, Counted(version, way, count)))


def _own_way(figure: PublishedFigure) -> str:
    """Return what a figure's convention says that it includes."""
    if WEIGHTS in figure.convention:
        return WEIGHTS
    if CONVOLUTIONS in figure.convention:
        return CONVOLUTIONS
    return ALL if figure.unit == "params" else MACS


def _ways(networks: Networks, figure: PublishedFigure, version: str) -> Iterator[tuple[str, int]]:
    """Count in every way that makes a difference."""
    staged = any(fnmatchcase(figure.id, pattern) for pattern in STAGES)
    stage = figure.id.split(".")[2] if staged else ""
    name, kwargs = built_as(version)
    network, profile = networks.module(name, **kwargs), networks.profile(name, **kwargs)
    if figure.unit == "macs":
        cost = profile.stage(stage) if stage else profile.totals
        assert cost is not None
        yield MACS, cost.macs
        linear = _linear_macs(network.get_submodule(stage))
        if linear and not stage:
            yield CONVOLUTIONS, cost.macs - linear
        yield "2 FLOPs per multiply-add", 2 * cost.macs
        return
    weights, biases, norms = parameters(network.get_submodule(stage))
    yield ALL, weights + biases + norms
    if biases or WEIGHTS in figure.convention:
        yield WEIGHTS, weights
    if norms:
        yield "without normalisation", weights + biases


def _linear_macs(module: nn.Module) -> int:
    """Count the multiply-adds of the linear layers, each of which sees one vector."""
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Linear))


def _in_thousands(figure: PublishedFigure, counted: Counted) -> Iterator[Counted]:
    """Read a printed K as 1024 and as 1000, its own meaning first, where it has one."""
    if "K=" not in figure.convention or not figure.printed.endswith("K"):
        yield counted
        return
    own, other = (1024, 1000) if "K=1024" in figure.convention else (1000, 1024)
    yield counted._replace(way=f"{counted.way}, K = {own}")
    yield counted._replace(way=f"{counted.way}, K = {other}", scale=Fraction(own, other))
