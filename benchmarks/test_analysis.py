"""Analysis of several networks, under pytest-benchmark: `make bench`."""

import pytest

from archbench.analysis.profile import profile_loaded
from archbench.networks.resolve import load, plan_for

NETWORKS = ["googlenet", "resnet18", "resnet50", "resnet152", "resnet110"]


@pytest.mark.parametrize("name", NETWORKS)
def test_analyse(benchmark, name):
    """From a network without weights to its profile."""
    loaded = load(name, blank=True)
    profile = benchmark(profile_loaded, loaded, plan_for(loaded, None, 1))
    benchmark.extra_info["macs"] = profile.totals.macs
    benchmark.extra_info["modules"] = len(profile.layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_build_blank(benchmark, name):
    """From a name to a network without weights."""
    benchmark(load, name, blank=True)
