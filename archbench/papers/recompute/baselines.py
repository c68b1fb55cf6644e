"""Figures of the networks that the papers compare themselves with, from those networks' papers."""

from archbench.papers.judge import Value
from archbench.papers.layers import projections
from archbench.papers.networks import Networks
from archbench.papers.recompute.rules import Rules, name_of, network_of, stage_of
from archbench.papers.records import PublishedFigure


def _units(networks: Networks, figure: PublishedFigure) -> Value:
    """Return the outputs of one convolution of AlexNet: paper.alexnet.conv1.units."""
    return networks.stage(name_of(figure), stage_of(figure)).activations


def _extra_projections(networks: Networks, figure: PublishedFigure) -> Value:
    """Return how many more shortcuts of option C are projections than of option B."""
    option_c = network_of(networks, figure)
    return projections(option_c) - projections(networks.module("resnet34-b"))


RULES: Rules = (
    ("paper.alexnet.*.units", _units),
    ("paper.resnet34-c.extra_projections", _extra_projections),
)
