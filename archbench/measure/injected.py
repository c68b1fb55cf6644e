"""A network that does more than it has to: the slowdown of `archbench selftest`.

Real work inside forward(), not a pause and not a scaled number: so many products of two small
matrices after the network's own.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from archbench.models.resolve import load

SIZE = 32  # of the matrices: a product takes a few microseconds


class Slowed(nn.Module):
    """A network, and then so many products.

    Args:
        network: that is slowed down.
        products: after each of its passes.
    """

    def __init__(self, network: nn.Module, products: int) -> None:
        super().__init__()
        self.network = network
        self.products = products
        self.left = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)
        self.right = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the network does."""
        out = self.network(*args, **kwargs)
        left, right = self.left, self.right
        for _ in range(self.products):
            torch.mm(left, right)
        return out


def build(model: str, arguments: Mapping[str, Any], products: int) -> Slowed:
    """Build a MODEL that is slowed down."""
    return Slowed(load(model, arguments).module, products)
