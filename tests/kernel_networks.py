"""Networks whose kernels take memory of their own on the CPU, and what they take.

As a program it prints a JSON array for them, and all that oneDNN says with ONEDNN_VERBOSE=1 before
it; tests/analysis/memory/test_instruction_sets.py runs it once for each instruction set.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from archbench.analysis.memory.estimate import estimate_memory
from archbench.analysis.memory.records import PROMISED, MemoryEstimate
from archbench.networks.inputs import plan_inputs
from archbench.networks.resolve import Loaded
from archbench.networks.ways import Mode
from benchmarks.memory import measured

B = 3  # the batch
SMALL = 1024  # bytes


class Runs(nn.Module):
    """A network whose forward() is a function of its layers and the input."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *args: Any) -> Any:
        return self.function(self, *args)


def convnet(norm: bool = False) -> nn.Sequential:
    """Two convolutions and a linear layer."""
    layers = [nn.Conv2d(3, 24, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    if norm:
        layers.insert(1, nn.BatchNorm2d(24))
    return nn.Sequential(*layers, nn.Conv2d(24, 40, 3, stride=2), nn.Flatten(), nn.Linear(1960, 5))


NETWORKS = {
    "convnet": lambda: (convnet(), (3, 32, 32)),
    "normalised": lambda: (convnet(norm=True), (3, 32, 32)),
    "half": lambda: (convnet().to(torch.bfloat16), (3, 32, 32)),
    "grouped": lambda: (
        nn.Sequential(nn.Conv2d(24, 48, 3, groups=24), nn.Conv2d(48, 48, 3, groups=3)), (24, 20, 20)
    ),
    "unfolded": lambda: (nn.Conv2d(20, 40, 3, groups=2), (20, 24, 24)),
    "double": lambda: (convnet().double(), (3, 32, 32)),
    "pointwise": lambda: (
        nn.Sequential(nn.Conv2d(40, 24, 1), nn.Conv2d(24, 72, 1, 2)), (40, 20, 20)
    ),
    "response-norm": lambda: (
        nn.Sequential(nn.Conv2d(3, 16, 3), nn.LocalResponseNorm(5)), (3, 20, 20)
    ),
    "maxima": lambda: (
        Runs(lambda net, x: net.a(x).unflatten(1, (-1, 2)).amax(2), a=nn.Conv2d(3, 32, 3)),
        (3, 20, 20),
    ),
    "strided": lambda: (
        nn.Sequential(nn.Conv2d(3, 32, 1), nn.Conv2d(32, 32, 3, stride=2)), (3, 40, 40)
    ),
    "dropout": lambda: (nn.Sequential(nn.Conv2d(3, 16, 3), nn.Dropout(0.3)), (3, 30, 30)),
}  # fmt: skip

KERNELS: list[tuple[str, Mode]] = [(name, mode) for name in NETWORKS for mode in ("infer", "train")]


def holds(found: MemoryEstimate, peak: int) -> bool:
    """Tell whether an estimate keeps what it promises of a measured peak.

    A loss and the statistics of channels are not counted: 1 KiB.
    """
    low, high = found.activations_peak_bytes, found.activations_peak_high_bytes
    if found.complete and peak * (1 - PROMISED) > low:
        return False
    return low <= peak + SMALL and (high is None or peak <= high + SMALL)


def main() -> None:
    """Estimate and measure every network, and print the results."""
    results = []
    for name, mode in KERNELS:
        network, size = NETWORKS[name]()
        plan = plan_inputs(network, size, None, B)
        found = estimate_memory(Loaded(name, network), plan, mode, "momentum", "cpu")
        peak = measured(network, plan, mode)
        results.append(
            {
                "network": name,
                "mode": mode,
                "complete": found.complete,
                "holds": holds(found, peak),
                "computed_bytes": found.activations_peak_bytes,
                "measured_bytes": peak,
            }
        )
    sys.stdout.write(json.dumps(results))


if __name__ == "__main__":
    main()
