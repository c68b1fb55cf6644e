"""The shared random generators: seeded while a network is built and analysed, then as before."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch

import archbench
from archbench.networks.random_state import seeded_generators
from archbench.networks.resolve import load

ROUTER = """
import random

import numpy as np
import torch
from torch import nn

class Router(nn.Module):
    '''Sends its input to one of 64 experts: by weights, by drawn numbers, and by all generators.'''

    def __init__(self):
        super().__init__()
        self.experts = nn.ModuleList(nn.Linear(8, 8) for _ in range(64))
        self.choice = nn.Parameter(torch.rand(1))
        self.shift = random.random() + np.random.rand()

    def forward(self, x):
        drawn = torch.rand(1) + random.random() + np.random.rand()
        place = self.choice + self.shift + drawn + x.abs().sum()
        return self.experts[int(64 * (place % 1))](x)
"""


def drawn() -> tuple[float, float, float]:
    """Draw a number from each generator."""
    return random.random(), float(np.random.rand()), float(torch.rand(1))


def test_seeded_generators_go_on_as_if_nothing_had_been_drawn() -> None:
    """Inside, equal seeds draw equal numbers, and others draw others."""
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    expected = [drawn(), drawn()]
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    inside = []
    found = [drawn()]
    for seed in (1, 1, 2):
        with seeded_generators(seed):
            inside.append(drawn())
    found.append(drawn())
    assert found == expected
    assert inside[0] == inside[1]
    assert all(a != b for a, b in zip(inside[0], inside[2], strict=True))


def test_generators_are_as_before_after_an_error() -> None:
    """Of the user's factory, for instance."""
    before = torch.get_rng_state(), random.getstate()
    with pytest.raises(ValueError, match="no"), seeded_generators(0):
        drawn()
        raise ValueError("no")
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1] == random.getstate()


def test_a_network_that_chooses_by_drawn_numbers_is_analysed_alike_every_time(
    tmp_path: Path,
) -> None:
    """The same 63 of 64 experts never run, whatever the program has drawn before."""
    (tmp_path / "router.py").write_text(ROUTER)
    model = f"{tmp_path}/router.py:Router"
    found = set()
    for _ in range(4):
        drawn()
        found.add(archbench.profile(model, input_size="float32:8").uncalled)
    assert len(found) == 1
    assert len(found.pop()) == 63


def test_weights_of_a_model_come_from_the_seed(tmp_path: Path) -> None:
    """A worker gives each of its sessions another one."""
    (tmp_path / "router.py").write_text(ROUTER)
    weights = [load(f"{tmp_path}/router.py:Router", seed=seed).module.choice for seed in (1, 1, 2)]
    assert weights[0] == weights[1] != weights[2]
    shelf = [next(load("resnet20", seed=seed).module.parameters()) for seed in (1, 1, 2)]
    assert torch.equal(shelf[0], shelf[1])
    assert not torch.equal(shelf[0], shelf[2])
