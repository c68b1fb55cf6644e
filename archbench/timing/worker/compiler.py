"""torch.compile."""

from typing import Any, cast

import torch
from torch import nn


def compiled(module: nn.Module, mode: str) -> nn.Module:
    """Hand a module to torch.compile, which does its work in the first call."""
    done: Any = torch.compile(module, mode=mode)
    return cast(nn.Module, done)
