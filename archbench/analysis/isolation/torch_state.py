"""The settings and random generators that an analysed forward pass depends on."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from archbench.networks.random_state import seeded_generators
from archbench.private_torch import compiler_is_loaded

#: what forward() may set for the whole process: how to read it, and how to set it
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (torch.get_default_device, lambda device: torch.set_default_device(_or_none(device))),
)
SEED = 0  # networks that draw numbers, or read drawn values, are counted alike in every run


@contextmanager
def fixed_torch_state() -> Iterator[None]:
    """Fix the settings that change the operations of a forward pass; restore all at the end."""
    settings = [read() for read, _ in _SETTINGS]
    einsum = torch.backends.opt_einsum.enabled
    recursion = sys.getrecursionlimit()
    with ExitStack() as stack:
        stack.enter_context(seeded_generators(SEED))
        stack.enter_context(torch.inference_mode(False))  # in it torch runs other operations
        stack.enter_context(torch.no_grad())
        if compiler_is_loaded():  # compiled parts run as they were written
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        torch.backends.mha.set_fastpath_enabled(False)  # it fuses layers that have rules
        torch.backends.opt_einsum.enabled = False  # factors from left to right on every machine
        sys.setrecursionlimit(recursion + recursion // 2)  # a watched module is a call more
        try:
            yield
        finally:
            torch.backends.opt_einsum.enabled = einsum
            for (read, put), before in zip(_SETTINGS, settings, strict=True):
                if read() != before:
                    put(before)


def _or_none(device: torch.device) -> torch.device | None:
    """Return None for the CPU: it is the default where none was set, and costs nothing then."""
    return None if device == torch.device("cpu") else device
