"""Borrow a user's module for one pass, and give it back as it was, whatever happened.

The module itself runs, so that closures and shared children keep working, but with empty meta
tensors (or clones) in place of its own, in evaluation mode, and every attribute is put back:
parameters, buffers, mode, hooks, what forward() stored on the way, and the random generators.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

META = torch.device("meta")


def modules_to_borrow(model: nn.Module) -> list[nn.Module]:
    """Return every module once, without scripted ones, whose state Python cannot reach."""
    return [m for m in model.modules() if not isinstance(m, torch.jit.ScriptModule)]


def own_device(model: nn.Module) -> torch.device:
    """Return where the model lives: its first tensor's device, or the CPU if it has none."""
    for tensor in (*model.parameters(), *model.buffers()):
        return tensor.device
    return torch.device("cpu")


@contextmanager
def borrowed(model: nn.Module, on_meta: bool) -> Iterator[None]:
    """Lend the model's modules for one forward pass.

    Args:
        model: the root module.
        on_meta: put empty meta tensors in the place of its own; otherwise clones, so that a
            forward() that writes to them leaves the originals alone.
    """
    stand_in = _stand_ins(_meta_twin if on_meta else _clone)
    saved = [_remember(module.__dict__) for module in modules_to_borrow(model)]
    try:
        with quiet_surroundings():
            for module in modules_to_borrow(model):
                _replace_tensors(module.__dict__, stand_in)
                module.__dict__["training"] = False
            yield
    finally:
        for state, attributes, containers in saved:
            _restore(state, attributes, containers)


@contextmanager
def quiet_surroundings() -> Iterator[None]:
    """Put back the random generators and switch off what would change the operations that run."""
    fast_path = torch.backends.mha.get_fastpath_enabled()
    numpy = sys.modules.get("numpy")
    python_state = random.getstate()
    numpy_state = numpy.random.get_state() if numpy else None
    cuda = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=cuda))
        stack.enter_context(torch.no_grad())
        if "torch._dynamo" in sys.modules:  # compiled parts run as they were written
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        torch.backends.mha.set_fastpath_enabled(False)  # it fuses layers that have rules
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)


def _stand_ins(make: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Make each tensor's stand-in once, so that tied tensors stay tied."""
    made: dict[int, Tensor] = {}

    def stand_in(tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            return tensor
        if id(tensor) not in made:
            made[id(tensor)] = make(tensor)
        return made[id(tensor)]

    return stand_in


def _meta_twin(tensor: Tensor) -> Tensor:
    twin = torch.empty(tensor.shape, dtype=tensor.dtype, device=META)
    return nn.Parameter(twin, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else twin


def _clone(tensor: Tensor) -> Tensor:
    clone = tensor.detach().clone()
    return nn.Parameter(clone, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else clone


_Containers = list[tuple[Any, Any]]


def _remember(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], _Containers]:
    """Copy an object's attributes, and what its lists, dicts and sets hold."""
    containers = [
        (value, value.copy()) for value in state.values() if isinstance(value, list | dict | set)
    ]
    return state, state.copy(), containers


def _restore(state: dict[str, Any], attributes: dict[str, Any], containers: _Containers) -> None:
    for container, content in containers:
        if isinstance(container, list):
            container[:] = content
        elif container or content:
            container.clear()
            container.update(content)
    state.clear()
    state.update(attributes)


def _replace_tensors(state: dict[str, Any], stand_in: Callable[[Tensor], Tensor]) -> None:
    """Put stand-ins where tensors are: in attributes, and one level down in lists and dicts."""
    for name, value in state.items():
        if isinstance(value, Tensor):
            state[name] = stand_in(value)
        elif isinstance(value, dict):
            for key, item in value.items():
                if isinstance(item, Tensor):
                    value[key] = stand_in(item)
        elif isinstance(value, list):
            value[:] = [stand_in(v) if isinstance(v, Tensor) else v for v in value]
