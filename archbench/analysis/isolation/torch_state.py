"""The settings and random generators that an analysed forward pass depends on."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from archbench.networks.random_state import seeded_generators
from archbench.private_torch import compiler_is_loaded

SEED = 0  # networks that draw numbers, or read drawn values, are counted alike in every run


@contextmanager
def fixed_torch_state() -> Iterator[None]:
    """Fix the settings that change the operations of a forward pass; restore all at the end."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
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
            sys.setrecursionlimit(recursion)
            torch.backends.opt_einsum.enabled = einsum
            torch.backends.mha.set_fastpath_enabled(fast_path)
