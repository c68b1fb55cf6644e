"""Compile a module with torch.compile."""

from typing import Any, cast

import torch
from torch import nn


def compiled(module: nn.Module, mode: str) -> nn.Module:
    """Return a module whose first call compiles it."""
    done: Any = torch.compile(module, mode=mode)
    return cast(nn.Module, done)
