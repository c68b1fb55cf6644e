"""The device that an analysed forward pass runs on: meta, or the network's own."""

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import nn

from archbench.analysis.failure import ForwardFailed
from archbench.analysis.meta_failure import reason_of
from archbench.networks.argument_tensors import NeedsValues
from archbench.networks.blank_weights import META
from archbench.networks.module_tree import own_device
from archbench.private_torch import compiler_is_loaded

Result = TypeVar("Result")
SCRIPTED = "the weights of a TorchScript module cannot be moved to the meta device for a pass"


def on_meta_or_own(
    modules: Iterable[nn.Module], run: Callable[[torch.device], Result]
) -> tuple[Result, str]:
    """Run on the meta device, or on the network's own device if the run on meta fails.

    Returns the result and a note: the reason why the network ran on its own device, else "".

    Raises:
        ForwardFailed: the run failed on both devices, or failed on meta and there is no other.
        NeedsValues: the network has no device but meta, and an input cannot be there.
    """
    try:
        return _run(run, META), ""
    except (ForwardFailed, NeedsValues) as on_meta:
        device = own_device(modules)
        if device == META:
            raise
        scripted = any(isinstance(module, torch.jit.ScriptModule) for module in modules)
        reason = SCRIPTED if scripted else reason_of(on_meta.__cause__ or on_meta)
    return _run(run, device), f"ran on {device}, because {reason}"


def _run(run: Callable[[torch.device], Result], device: torch.device) -> Result:
    """Run on a device; once more if forward() loaded torch.compile and failed.

    The compiler stands aside from then on (isolation/torch_state.py).
    """
    was_loaded = compiler_is_loaded()
    try:
        return run(device)
    except ForwardFailed:
        if was_loaded or not compiler_is_loaded():
            raise
    return run(device)
