"""The figures of BN-Inception: Ioffe and Szegedy, arXiv:1502.03167, figure 5 and section 4.2."""

from fractions import Fraction

from torch import nn

from archbench.networks.archs.parts.layers import HalvingMaxPool
from archbench.papers.judge import Value
from archbench.papers.layers import convolutions
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import (
    Rule,
    Rules,
    name_of,
    network_of,
    output_of,
    stage_depth,
    stage_of,
)
from archbench.papers.records import PublishedFigure

PLAIN, TWIN = "googlenet", "googlenet-separable"  # of GoogLeNet, the one with the same stem


def _filters(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the filters that one column of figure 5 has for a module; 0 where it has no branch.

    The branches of a module follow the columns. Those of stride 2 begin with the 3×3 and end with
    a pool without a projection.
    """
    module = network_of(networks, figure).get_submodule(stage_of(figure))
    branches = [[layer.out_channels for layer in convolutions(b)] for b in module.children()]
    singles = [] if len(branches[0]) > 1 else branches.pop(0)
    threes, doubles, pooled = branches
    column = figure.id.split(".")[3]
    found: dict[str, Value] = {
        "n1x1": sum(singles),
        "n3x3_reduce": threes[0],
        "n3x3": threes[1],
        "double_3x3_reduce": doubles[0],
        "double_3x3": doubles[2],
        "pool_proj": f"{_pool(module)}+{sum(pooled)}",
    }
    return found[column]


def _pool(module: nn.Module) -> str:
    """Name the kind of pool in a module's last branch."""
    *_, branch = module.children()
    kinds: dict[type[nn.Module], str] = {
        nn.AvgPool2d: "avg",
        nn.MaxPool2d: "max",
        HalvingMaxPool: "max",
    }
    return next((kinds[type(m)] for m in branch.modules() if type(m) in kinds), "no pool")


def _increase(of: str) -> Rule:
    """Return by how many percent a total is larger than that of the GoogLeNet with this stem."""

    def percent(networks: Networks, figure: PublishedFigure) -> Value:
        ours, twin = (networks.profile(name).totals for name in (name_of(figure), TWIN))
        return 100 * (Fraction(getattr(ours, of), getattr(twin, of)) - 1)

    return percent


def _layers_more(networks: Networks, figure: PublishedFigure) -> Value:
    ours = networks.profile(name_of(figure)).totals.depth
    return ours - networks.profile(PLAIN).totals.depth


RULES: Rules = (
    ("bn-inception.figure5.*.output_size", output_of("{2}")),
    ("bn-inception.figure5.conv2.depth", stage_depth),
    ("bn-inception.figure5.*", _filters),
    ("bn-inception.text.params_increase", _increase("params")),
    ("bn-inception.text.cost_increase", _increase("macs")),
    ("bn-inception.text.depth_increase", _layers_more),
)
