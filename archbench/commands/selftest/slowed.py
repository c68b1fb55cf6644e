"""A network that does more than it has to: the slowdown of `archbench selftest`.

Real work inside forward(), not a pause and not a scaled number: so many products of two small
matrices after the network's own. How many make the slowdown that is asked for, each process finds
out in its first passes, while it warms up, and keeps to: how a product's time relates to a pass's
is another one in every hour of a shared machine.
"""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from archbench.networks.resolve import load

SIZE = 32  # of the matrices: a product takes a few microseconds
ALWAYS = 32  # products of both sides, so that what the first ones cost is no part of the slowdown
TRIED = 64  # that are timed in each of the first passes
PASSES = 7  # until the number is settled; a session warms up for more


class Slowed(nn.Module):
    """A network, and then so many products that it is slower by a share.

    Args:
        network: that is slowed down.
        slowdown: by which share, 0.05 for 5 %.
    """

    def __init__(self, network: nn.Module, slowdown: float) -> None:
        super().__init__()
        self.network = network
        self.slowdown = slowdown
        self.products: int | None = None  # beyond those of both sides; None until it is settled
        self.left = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)
        self.right = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)
        self._passes_ns: list[int] = []
        self._tries_ns: list[int] = []

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the network does."""
        if self.products is None:
            return self._tried(*args, **kwargs)
        out = self.network(*args, **kwargs)
        self._multiply(ALWAYS + self.products)
        return out

    def _tried(self, *args: Any, **kwargs: Any) -> Any:
        """Time one pass and some products beyond it; settle how many after the last of them."""
        begun = time.perf_counter_ns()
        out = self.network(*args, **kwargs)
        self._multiply(ALWAYS)
        passed = time.perf_counter_ns()
        self._multiply(TRIED)
        self._tries_ns.append(time.perf_counter_ns() - passed)
        self._passes_ns.append(passed - begun)
        if len(self._passes_ns) == PASSES:
            # the fastest: the first pass and those that are watched take longer
            product_ns = min(self._tries_ns) / TRIED
            self.products = round(self.slowdown * min(self._passes_ns) / product_ns)
        return out

    def _multiply(self, products: int) -> None:
        left, right = self.left, self.right
        for _ in range(products):
            torch.mm(left, right)


def build(model: str, arguments: Mapping[str, Any], slowdown: float) -> Slowed:
    """Build a MODEL that is slowed down by a share."""
    return Slowed(load(model, arguments).module, slowdown)
