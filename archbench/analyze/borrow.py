"""Borrow a user's module for one pass, and give it back as it was, whatever happened.

The module itself runs, so that closures and shared children keep working, but with empty meta
tensors (or clones) in place of its own, in evaluation mode, and every attribute is put back:
parameters, buffers, mode, hooks, what forward() stored on the way, and the random generators.
"""

import copy
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

META = torch.device("meta")


def own_device(modules: Iterable[nn.Module]) -> torch.device:
    """Return where a model lives: its first tensor's device, or the CPU if it has none."""
    for module in modules:
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                return tensor.device
    return torch.device("cpu")


@contextmanager
def borrowed(
    modules: Iterable[nn.Module], on_meta: bool, prepare: Callable[[nn.Module], None]
) -> Iterator[None]:
    """Lend a model's modules for one forward pass.

    Args:
        modules: all of the model's, each once. Scripted ones are left out: Python cannot reach
            their state.
        on_meta: put empty meta tensors in the place of their own; otherwise clones, so that a
            forward() that writes to them leaves the originals alone.
        prepare: is handed each lent module, and may set attributes on it.
    """
    stand_in = _stand_ins(_meta_twin if on_meta else _clone)
    loans = []
    try:
        with quiet_surroundings():
            for module in modules:  # one pass: a large network does not fit the cache
                if isinstance(module, torch.jit.ScriptModule):
                    continue
                loan = _Loan(module.__dict__)
                loans.append(loan)
                loan.replace_tensors(stand_in)
                loan.state["training"] = False
                prepare(module)
            yield
    finally:
        for loan in loans:
            loan.end()


def meta_copy(model: nn.Module) -> nn.Module:
    """Copy a model onto the meta device, its lazy parameters still lazy, in evaluation mode."""
    stand_ins: dict[int, Any] = {
        id(tensor): _meta_twin(tensor) for tensor in (*model.parameters(), *model.buffers())
    }
    return copy.deepcopy(model, stand_ins).eval()


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
        stack.enter_context(torch.inference_mode(False))  # in it torch runs other operations
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
    if is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]
    twin = torch.empty(tensor.shape, dtype=tensor.dtype, device=META)
    return nn.Parameter(twin, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else twin


def _clone(tensor: Tensor) -> Tensor:
    clone = tensor.detach().clone()
    return nn.Parameter(clone, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else clone


class _Loan:
    """One object's attributes, and what its lists, dicts and sets held, before the pass."""

    __slots__ = ("attributes", "contents", "empty", "state", "tensors")

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.attributes = state.copy()
        self.tensors: list[str] = []
        self.empty: list[Any] = []  # most are a module's tables of hooks, of which there are many
        self.contents: list[tuple[Any, Any]] = []
        for name, value in self.attributes.items():
            if type(value) in _ATOMS:
                continue
            if isinstance(value, _CONTAINERS):
                if value:
                    self.contents.append((value, value.copy()))
                else:
                    self.empty.append(value)
            elif isinstance(value, Tensor):
                self.tensors.append(name)

    def replace_tensors(self, stand_in: Callable[[Tensor], Tensor]) -> None:
        """Put stand-ins where tensors are: in attributes, and one level down in lists and dicts."""
        for name in self.tensors:
            self.state[name] = stand_in(self.attributes[name])
        for container, content in self.contents:
            if isinstance(content, dict):
                for key, item in content.items():
                    if isinstance(item, Tensor):
                        container[key] = stand_in(item)
            elif isinstance(content, list):
                container[:] = [stand_in(v) if isinstance(v, Tensor) else v for v in content]

    def end(self) -> None:
        """Put everything back, in the same objects."""
        for container in self.empty:
            if container:
                container.clear()
        for container, content in self.contents:
            container.clear()
            if isinstance(container, list):
                container.extend(content)
            else:
                container.update(content)
        self.state.clear()
        self.state.update(self.attributes)


_ATOMS = frozenset({bool, int, float, str, type(None), tuple})  # nothing in them can change
_CONTAINERS = (list, dict, set)
