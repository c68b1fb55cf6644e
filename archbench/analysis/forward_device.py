"""The device that an analysed forward pass runs on: meta, or the network's own."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import nn

from archbench.analysis.failure import ForwardFailed
from archbench.networks.blank_weights import META

Result = TypeVar("Result")


def own_device(modules: Iterable[nn.Module]) -> torch.device:
    """Return the device of a network's first tensor that has values.

    It is the meta device if none of the tensors has values, the CPU if there are no tensors.
    """
    found = torch.device("cpu")
    for module in modules:
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                found = tensor.device
                if found != META:
                    return found
    return found


def on_meta_or_own(
    modules: Iterable[nn.Module], run: Callable[[torch.device], Result]
) -> tuple[Result, str]:
    """Run on the meta device, or on the network's own device if the run on meta fails.

    Returns the result and a note: the reason why the network ran on its own device, else "".

    Raises:
        ForwardFailed: the run failed on both devices, or failed on meta and there is no other.
    """
    try:
        return run(META), ""
    except ForwardFailed as on_meta:
        device = own_device(modules)
        if device == META:
            raise
        reason = str(on_meta.__cause__).strip().split("\n")[0]
    return run(device), f"ran on {device}, because it cannot run without values: {reason}"
