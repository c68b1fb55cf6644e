"""The shelf's networks for tests that only look at them: each is counted once in a process."""

from functools import cache
from typing import Any

import torch
from torch import nn

import archbench
from archbench.analysis.records import Profile


@cache
def counted(name: str, **arguments: Any) -> Profile:
    """Count a network at its own input size; profiles are frozen, so that tests may share them."""
    return archbench.profile(name, model_kwargs=arguments)


def blank(name: str, **arguments: Any) -> nn.Module:
    """Build a network whose weights have shapes and no memory, which takes no time."""
    with torch.device("meta"):
        return archbench.build(name, **arguments)
