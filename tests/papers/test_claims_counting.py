"""The claims about the Inception family and the errors that are printed: what counting settles."""

from typing import Any

import pytest
import torch
from torch import nn

from archbench.papers.claims.experiments import EXPERIMENTS, run_experiments
from archbench.papers.claims.field_of_view import field_of_view
from archbench.papers.claims.records import Evidence, Finding
from archbench.papers.claims.structure import followers, steps, uses, wiring
from archbench.papers.layers import parameters
from archbench.papers.networks import Networks
from archbench.papers.statements import statements


class Swapped(Networks):
    """Networks of which some are others in disguise."""

    def __init__(self, **names: str) -> None:
        super().__init__()
        self._names = {old.replace("_", "-"): new for old, new in names.items()}

    def module(self, name: str, **kwargs: Any) -> nn.Module:
        return super().module(self._names.get(name, name), **kwargs)

    def profile(self, name: str, **kwargs: Any) -> Any:
        return super().profile(self._names.get(name, name), **kwargs)


class Unpooled(Networks):
    """Networks whose first module has lost the pool of its pooling branch."""

    def module(self, name: str, **kwargs: Any) -> nn.Module:
        network = Networks().module(name, **kwargs)
        network.get_submodule("inception_3a").pool = nn.Identity()
        return network


@pytest.fixture(scope="module")
def networks() -> Networks:
    return Networks()


@pytest.mark.parametrize(
    ("claim", "swapped", "verdict"),
    [
        ("module.relu-everywhere", Swapped(googlenet="bn-googlenet"), "fails"),
        ("module.pool-then-1x1", Unpooled(), "holds_with_condition"),
        ("googlenet.fewer-params", Swapped(alexnet="vgg16"), "holds_with_condition"),
        ("googlenet.separable-stem", Swapped(googlenet_separable="googlenet"), "fails"),
        ("vgg.three-convs-then-pool", Swapped(vgg16="vgg19"), "fails"),
        ("bn.no-extra-ops", Swapped(bn_googlenet="bn-inception"), "holds_with_condition"),
        ("inception-v3.bn-everywhere", Swapped(inception_v3="googlenet"), "fails"),
        (
            "inception-v3.bn-everywhere",
            Swapped(inception_v3="inception-v2"),
            "holds_with_condition",
        ),
        ("inception-v3.params", Swapped(inception_v3="inception-v4"), "fails"),
        ("inception-resnet-v1.cost", Swapped(inception_v3="inception-v4"), "fails"),
        (
            "inception-resnet-v2.cost",
            Swapped(inception_resnet_v2_paper="inception-resnet-v2"),
            "holds",
        ),
        (
            "inception-resnet.same-structure",
            Swapped(inception_resnet_v2="inception-resnet-v2-paper"),
            "holds",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_network_gets_another_verdict(claim: str, swapped: Networks, verdict: str) -> None:
    """A verdict follows from the network: with another one in its place it changes."""
    row = next(row for row in statements() if row.id == claim)
    finding = Finding(row, Evidence.of(EXPERIMENTS[claim](swapped)))
    assert finding.evidence.verdict == verdict
    assert not finding.as_expected


def test_experiments_leave_random_numbers_as_they_were() -> None:
    """And what they draw themselves does not depend on what was drawn before."""
    rows = [row for row in statements() if row.id == "factorisation.asymmetric-equivalent"]
    torch.manual_seed(7)
    before = torch.get_rng_state()
    (first,) = run_experiments(rows)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(8)
    (second,) = run_experiments(rows)
    assert first.evidence.seeds
    assert first == second


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([nn.Conv2d(1, 1, 3)], "3×3"),
        ([nn.Conv2d(1, 1, (1, 5))], "1×5"),
        ([nn.Conv2d(1, 1, 3, stride=2), nn.Conv2d(1, 1, 3)], "7×7"),
        ([nn.Conv2d(1, 1, 3), nn.AvgPool2d(3, 1), nn.Conv2d(1, 1, (1, 3))], "5×7"),
    ],
)
def test_fields_of_view_are_those_found_by_hand(layers: list[nn.Module], field: str) -> None:
    """A stack sees 1 + sum of (kernel - 1) × the strides in front of it."""
    assert field_of_view(nn.Sequential(*layers)) == field


class Fork(nn.Module):
    """A convolution that feeds a ReLU and a sum, beside a grouped one."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, width, 3, stride=2, padding=1)
        self.second = nn.Conv2d(4, width, (1, 7), groups=2)
        self.relu = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.first(x)
        return self.relu(y) + y + self.second(x)


def test_the_structure_of_a_module_is_read_off_it() -> None:
    """Names, sources and what follows; widths do not matter to the wiring, kernels do."""
    fork = Fork(8)
    assert [(step.name, step.sources) for step in steps(fork)] == [
        ("x", ()),
        ("conv 3×3/2", (0,)),
        ("ReLU", (1,)),
        ("add", (2, 1)),
        ("conv 1×7/1", (0,)),
        ("add", (3, 4)),
        ("output", (5,)),
    ]
    assert list(followers(fork, nn.Conv2d)) == [("ReLU", "add"), ("add",)]
    assert uses(steps(fork), 1) == ("add", "add")
    assert parameters(fork).weights == 4 * 8 * 9 + 2 * 8 * 7
    assert wiring(fork) == wiring(Fork(16))
    fork.second = nn.Conv2d(4, 8, (7, 1))
    assert wiring(fork) != wiring(Fork(8))
