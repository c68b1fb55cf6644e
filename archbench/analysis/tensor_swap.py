"""Borrow a user's module for one pass, and give it back as it was, whatever happened.

The module itself runs, so that closures and shared children keep working, but with empty meta
tensors (or clones) in place of its own, in evaluation mode, and everything is put back: parameters,
buffers, mode, hooks, what forward() stored on the way, and the random generators. Each thing is put
back by itself, parameters and buffers first: one that fails keeps no other from coming back.
"""

import copy
import operator
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from archbench.analysis.containers import BUILT_IN, Content, base_of, content_of, refill
from archbench.errors import UserCodeError
from archbench.networks.blank import META
from archbench.networks.user_code import describe
from archbench.private_torch import compiler_is_loaded


def own_device(modules: Iterable[nn.Module]) -> torch.device:
    """Return where a model lives: where its first tensor with values is.

    The meta device if none of its tensors has any, the CPU if it has no tensors.
    """
    found = torch.device("cpu")
    for module in modules:
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                found = tensor.device
                if found != META:
                    return found
    return found


@contextmanager
def swapped_tensors(
    modules: Iterable[nn.Module], on_meta: bool, prepare: Callable[[nn.Module], None]
) -> Iterator[None]:
    """Lend a model's modules for one forward pass.

    Args:
        modules: all of the model's, each once.
        on_meta: put empty meta tensors in the place of their own; otherwise clones, so that a
            forward() that writes to them leaves the originals alone.
        prepare: is handed each lent module, and may set attributes on it. Scripted ones are left
            out: Python cannot reach inside them.
    """
    loan = _Loan(_meta_twin if on_meta else _clone)
    try:
        with quiet_surroundings():
            for module in modules:
                loan.take(module)
                if not isinstance(module, torch.jit.ScriptModule):
                    prepare(module)
            yield
    finally:
        loan.give_back()


def fresh_copy(model: nn.Module, on_meta: bool) -> nn.Module:
    """Copy a model, its lazy parameters still lazy, in evaluation mode.

    copy.deepcopy() alone cannot copy lazy buffers, and would copy every weight.
    """
    make = _meta_twin if on_meta else _clone
    twins: dict[int, Any] = {id(t): make(t) for t in (*model.parameters(), *model.buffers())}
    return copy.deepcopy(model, twins).eval()


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
        if compiler_is_loaded():  # compiled parts run as they were written
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        torch.backends.mha.set_fastpath_enabled(False)  # it fuses layers that have rules
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fast_path)
            random.setstate(python_state)
            if numpy:
                numpy.random.set_state(numpy_state)


def _meta_twin(tensor: Tensor) -> Tensor:
    if tensor.is_meta and not is_lazy(tensor):
        return tensor
    if is_lazy(tensor):
        return type(tensor)(device=META, dtype=tensor.dtype)  # type: ignore[call-arg]
    if tensor.layout is torch.strided:
        twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
    else:
        twin = torch.empty(tensor.shape, dtype=tensor.dtype, device=META)
    return _dressed(twin, tensor)


def _clone(tensor: Tensor) -> Tensor:
    if is_lazy(tensor):
        return type(tensor)(device=tensor.device, dtype=tensor.dtype)  # type: ignore[call-arg]
    return _dressed(tensor.detach().clone(), tensor)


def _dressed(stand_in: Tensor, tensor: Tensor) -> Tensor:
    """Make a stand-in a parameter if the original is one, with its attributes."""
    if isinstance(tensor, nn.Parameter):
        stand_in = nn.Parameter(stand_in, tensor.requires_grad)
    if tensor.__dict__:
        stand_in.__dict__.update(tensor.__dict__)
    return stand_in


class _Loan:
    """The values that a model's modules held before they were lent.

    From each module it follows lists, dicts, tuples, sets and plain objects to whatever they hold:
    a cache that forward() fills may lie several of them deep.
    """

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        self._make = make
        self._made: dict[int, Tensor] = {}  # once for each tensor, so that tied ones stay tied
        self._seen: set[int] = set()
        self._level = 0
        self._place = ""  # the class and attribute that are followed now, for an error
        self._tables: list[_Held] = []  # of modules: their attributes, parameters and buffers
        self._held: list[_Held] = []
        self._empty: list[Any] = []  # of built-in types; most are a module's tables of hooks
        self._others: list[tuple[Callable[[], object], str]] = []  # puts back what is no container

    def take(self, module: nn.Module) -> None:
        """Lend one module, with all that its attributes lead to."""
        if id(module) in self._seen:
            return
        self._seen.add(id(module))
        kind = type(module).__name__
        self._place = kind
        if isinstance(module, torch.jit.ScriptModule):
            self._take_scripted(module)
            return
        state = module.__dict__
        held = dict(state)
        self._tables.append((state, held, kind))
        for name in ("_parameters", "_buffers"):
            self._take_table(held.get(name), f"{kind}.{name}")
        self._lend_items(state, held, kind)
        state["training"] = False

    def give_back(self) -> None:
        """Put everything back, in the same objects, parameters and buffers first.

        Raises:
            UserCodeError: some things could not be put back; everything else was.
        """
        try:
            refusals = self._put_back()
        except BaseException:  # Ctrl-C while things are put back: do all of it again, then leave
            self._put_back()
            raise
        if refusals:
            names = ", ".join(dict.fromkeys(place for place, _ in refusals))
            error = refusals[0][1]
            raise UserCodeError(
                f"{names} could not be put back after the analysis: {describe(error)}",
                "everything else, parameters and buffers too, is as it was before",
            ) from error

    def _put_back(self) -> list[tuple[str, Exception]]:
        """Attempt to put back each thing by itself; return the places of those that failed."""
        refusals = []
        for container, content, place in chain(self._tables, self._held):
            try:
                refill(container, content)
            except Exception as error:
                refusals.append((place, error))
        for container in self._empty:
            if container:
                container.clear()
        for put_back, place in self._others:
            try:
                put_back()
            except Exception as error:
                refusals.append((place, error))
        return refusals

    def _take_table(self, table: Any, place: str) -> None:
        """Lend a module's parameters or buffers; their table is put back before all else."""
        content = content_of(table) if isinstance(table, dict) else None
        if isinstance(content, dict) and content and id(table) not in self._seen:
            self._seen.add(id(table))
            self._tables.append((table, content, place))
            self._lend_items(table, content)

    def _take_contents(self, container: Any) -> None:
        """Remember what a container holds, put stand-ins for its tensors, and follow the rest."""
        content = content_of(container)
        self._held.append((container, content, self._place))
        if isinstance(content, dict):
            self._lend_items(container, content)
            return
        lent = [self._lent(value) for value in content]
        if not isinstance(container, set) and any(map(operator.is_not, lent, content)):
            refill(container, lent)

    def _lend_items(self, container: Any, items: dict[Any, Any], module: str = "") -> None:
        """Put stand-ins for a dict's tensors and follow the rest; module: the owner's class."""
        for key, value in items.items():
            kind = type(value)
            if kind in _ATOMS:
                continue
            if kind in BUILT_IN and not value:
                self._empty.append(value)
                continue
            if module:
                self._place = f"{module}.{key}"
            lent = self._lent(value)
            if lent is not value:
                base_of(container).__setitem__(container, key, lent)

    def _lent(self, value: Any) -> Any:
        """Return what stands in for a value: a stand-in for a tensor, else the value itself."""
        if isinstance(value, Tensor):
            if id(value) not in self._made:
                self._made[id(value)] = self._make(value)
            return self._made[id(value)]
        if isinstance(value, tuple):
            items = [self._lent(item) for item in value]
            if all(a is b for a, b in zip(items, value, strict=True)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) not in _ATOMS and id(value) not in self._seen and self._level < DEEPEST:
            self._level += 1
            self._follow(value)
            self._level -= 1
        return value

    def _follow(self, value: Any) -> None:
        """Remember a mutable value and what it leads to."""
        if isinstance(value, nn.Module):
            place = self._place
            self.take(value)
            self._place = place
            return
        self._seen.add(id(value))
        if base_of(value) is not None:
            self._take_contents(value)
            if type(value) not in BUILT_IN and hasattr(value, "__dict__"):
                self._take_contents(value.__dict__)
            return
        numpy = sys.modules.get("numpy")
        if isinstance(value, torch.Generator):
            state = value.get_state()
            self._others.append((lambda: value.set_state(state), self._place))
        elif numpy and isinstance(value, numpy.ndarray):
            if value.flags.writeable:
                before = value.copy()
                self._others.append((lambda: value.__setitem__(..., before), self._place))
        elif hasattr(value, "__dict__") and not _is_opaque(value):
            self._take_contents(value.__dict__)

    def _take_scripted(self, module: torch.jit.ScriptModule) -> None:
        """Scripted modules keep their tensors where no stand-in can go: remember the values."""
        mode = module.training
        held = [*module._parameters.values(), *module._buffers.values()]
        tensors = [tensor for tensor in held if tensor is not None]
        values = [tensor.detach().clone() for tensor in tensors]

        def put_back() -> None:
            module.training = mode
            with torch.no_grad():
                for tensor, value in zip(tensors, values, strict=True):
                    tensor.copy_(value)

        module.training = False
        self._others.append((put_back, self._place))


_Held = tuple[Any, Content, str]  # a container, its content, where it is: "Net.cache"
_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})  # nothing in them changes
DEEPEST = 30  # containers in containers that are followed


def _is_opaque(value: Any) -> bool:
    """Tell what is not followed: code, and the standard library's objects, such as a logger.

    They lead to the whole program; only a SimpleNamespace is a plain holder of values.
    """
    if isinstance(value, type | ModuleType) or callable(value):
        return True
    origin = type(value).__module__.partition(".")[0]
    return origin in sys.stdlib_module_names and not isinstance(value, SimpleNamespace)
