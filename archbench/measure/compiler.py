"""torch.compile, and how often it has compiled."""

import sys
from typing import Any, cast

import torch
from torch import nn


def compiled(module: nn.Module, mode: str) -> nn.Module:
    """Hand a module to torch.compile, which does its work in the first call."""
    done: Any = torch.compile(module, mode=mode)
    return cast(nn.Module, done)


def compilations() -> int:
    """Count the graphs that were compiled in this process so far.

    The counters are private to torch: where they are gone, no recompilation is noticed.
    """
    dynamo = sys.modules.get("torch._dynamo.utils")
    counters = getattr(dynamo, "counters", {})
    return int(counters.get("stats", {}).get("unique_graphs", 0))
