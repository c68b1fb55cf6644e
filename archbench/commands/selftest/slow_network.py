"""A network with a slowdown: the head of the gates of `archbench selftest`.

The slowdown is real work inside forward(), not a pause and not a scaled time: products of two small
matrices after the network's own work. Each process finds out how many products it needs in its
first passes, while it warms up, and keeps to that number: the ratio of a product's time to a pass's
changes from hour to hour on a shared machine.
"""

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from archbench.networks.resolve import load

SIZE = 32  # of the matrices: a product takes a few microseconds
COMMON_PRODUCTS = 32  # run by both sides, so that the cost of the first ones is no slowdown
CALIBRATION_PRODUCTS = 64  # timed in each of the first passes
CALIBRATION_PASSES = 7  # after which the number of products is fixed; a warm-up has more passes


class SlowNetwork(nn.Module):
    """A network, followed by so many products that it is slower by a share, 0.05 for 5 %."""

    def __init__(self, network: nn.Module, slowdown: float) -> None:
        super().__init__()
        self.network = network
        self.slowdown = slowdown
        self.products: int | None = None  # beyond the common ones; None until it is calibrated
        self.left = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)
        self.right = nn.Parameter(torch.randn(SIZE, SIZE), requires_grad=False)
        self._passes_ns: list[int] = []  # times of the calibration's passes
        self._products_ns: list[int] = []  # times of the products after each of them

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the network's output."""
        if self.products is None:
            return self._calibrate(*args, **kwargs)
        out = self.network(*args, **kwargs)
        self._multiply(COMMON_PRODUCTS + self.products)
        return out

    def _calibrate(self, *args: Any, **kwargs: Any) -> Any:
        """Time one pass, and some products after it; fix their number after the last such pass."""
        start = time.perf_counter_ns()
        out = self.network(*args, **kwargs)
        self._multiply(COMMON_PRODUCTS)
        passed = time.perf_counter_ns()
        self._multiply(CALIBRATION_PRODUCTS)
        self._products_ns.append(time.perf_counter_ns() - passed)
        self._passes_ns.append(passed - start)
        if len(self._passes_ns) == CALIBRATION_PASSES:
            # the fastest: the first pass and those that archbench watches take longer
            product_ns = min(self._products_ns) / CALIBRATION_PRODUCTS
            self.products = round(self.slowdown * min(self._passes_ns) / product_ns)
        return out

    def _multiply(self, products: int) -> None:
        left, right = self.left, self.right
        for _ in range(products):
            torch.mm(left, right)


def build(model: str, arguments: Mapping[str, Any], slowdown: float) -> SlowNetwork:
    """Return a MODEL that is slowed down by a share; its weights come from the process's seed."""
    seed = torch.initial_seed() % 2**32  # NumPy's generator takes no larger one
    return SlowNetwork(load(model, arguments, seed=seed).module, slowdown)
