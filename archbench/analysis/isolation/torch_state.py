"""The settings and random generators that an analysed forward pass depends on."""

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from archbench.private_torch import compiler_is_loaded


@contextmanager
def fixed_torch_state() -> Iterator[None]:
    """Fix the settings that change the operations of a forward pass; restore all at the end."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    numpy = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    einsum = torch.backends.opt_einsum.enabled
    recursion = sys.getrecursionlimit()
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=cuda))
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
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)
