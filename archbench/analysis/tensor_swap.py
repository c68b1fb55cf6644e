"""Stand-ins in place of a network's tensors for one forward pass; everything is restored after it.

The module itself runs, so that closures and shared children keep working, but with empty meta
tensors (or clones) in place of its own, in evaluation mode. Restored are parameters, buffers, mode,
hooks, what forward() stored, and the random generators. Each thing is restored by itself,
parameters and buffers first: a failure of one does not stop the others.
"""

import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.containers import BUILT_IN, Content, base_of, content_of, refill
from archbench.analysis.stand_ins import clone, meta_stand_in
from archbench.analysis.torch_state import fixed_torch_state
from archbench.errors import UserCodeError
from archbench.networks.user_code import describe

DEEPEST = 30  # containers in containers that are followed

_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})  # nothing in them changes
_Before = tuple[Any, Content, str]  # a container, its content before, its place: "Net.cache"


@contextmanager
def swapped_tensors(
    modules: Iterable[nn.Module], on_meta: bool, prepare: Callable[[nn.Module], None]
) -> Iterator[None]:
    """Swap the tensors of a model's modules for stand-ins during one forward pass.

    Args:
        modules: all modules of the model, each once.
        on_meta: use empty meta tensors as stand-ins; otherwise clones, so that a forward() that
            writes to them leaves the originals alone.
        prepare: is called with each module, and may set attributes on it. Scripted modules are
            left out: Python cannot reach inside them.
    """
    swap = _Swap(meta_stand_in if on_meta else clone)
    try:
        with fixed_torch_state():
            for module in modules:
                swap.enter_module(module)
                if not isinstance(module, torch.jit.ScriptModule):
                    prepare(module)
            yield
    finally:
        swap.restore()


class _Swap:
    """The stand-ins of one forward pass, and the values that the modules held before.

    From each module it follows lists, dicts, tuples, sets and plain objects to whatever they hold:
    a cache that forward() fills may lie several of them deep.
    """

    def __init__(self, make: Callable[[Tensor], Tensor]) -> None:
        self._make = make
        self._stand_ins: dict[int, Tensor] = {}  # one for each tensor, so that tied ones stay tied
        self._seen: set[int] = set()
        self._level = 0
        self._place = ""  # the class and attribute that are followed now, for an error
        self._tables: list[_Before] = []  # of modules: their attributes, parameters and buffers
        self._containers: list[_Before] = []  # all others that hold something
        self._empty: list[Any] = []  # of built-in types; most are a module's tables of hooks
        self._others: list[tuple[Callable[[], object], str]] = []  # restore what is no container

    def enter_module(self, module: nn.Module) -> None:
        """Swap the tensors of one module, and the tensors that its attributes refer to."""
        if id(module) in self._seen:
            return
        self._seen.add(id(module))
        kind = type(module).__name__
        self._place = kind
        if isinstance(module, torch.jit.ScriptModule):
            self._enter_scripted(module)
            return
        state = module.__dict__
        before = dict(state)
        self._tables.append((state, before, kind))
        for name in ("_parameters", "_buffers"):
            self._enter_table(before.get(name), f"{kind}.{name}")
        self._swap_items(state, before, kind)
        state["training"] = False

    def restore(self) -> None:
        """Restore everything, in the same objects, parameters and buffers first.

        Raises:
            UserCodeError: some things could not be restored; everything else was.
        """
        try:
            failures = self._restore_each()
        except BaseException:  # Ctrl-C in the middle: do all of it again, then leave
            self._restore_each()
            raise
        if failures:
            names = ", ".join(dict.fromkeys(place for place, _ in failures))
            error = failures[0][1]
            raise UserCodeError(
                f"{names} could not be put back after the analysis: {describe(error)}",
                "everything else, parameters and buffers too, is as it was before",
            ) from error

    def _restore_each(self) -> list[tuple[str, Exception]]:
        """Restore each thing by itself; return the places and errors of those that failed."""
        failures = []
        for container, content, place in chain(self._tables, self._containers):
            try:
                refill(container, content)
            except Exception as error:
                failures.append((place, error))
        for container in self._empty:
            if container:
                container.clear()
        for restore, place in self._others:
            try:
                restore()
            except Exception as error:
                failures.append((place, error))
        return failures

    def _enter_table(self, table: Any, place: str) -> None:
        """Swap a module's parameters or buffers; their table is restored before all else."""
        content = content_of(table) if isinstance(table, dict) else None
        if isinstance(content, dict) and content and id(table) not in self._seen:
            self._seen.add(id(table))
            self._tables.append((table, content, place))
            self._swap_items(table, content)

    def _enter_container(self, container: Any) -> None:
        """Remember a container's content, put stand-ins for its tensors, and follow the rest."""
        content = content_of(container)
        self._containers.append((container, content, self._place))
        if isinstance(content, dict):
            self._swap_items(container, content)
            return
        swapped = [self._stand_in(value) for value in content]
        if not isinstance(container, set) and any(map(operator.is_not, swapped, content)):
            refill(container, swapped)

    def _swap_items(self, container: Any, items: dict[Any, Any], module: str = "") -> None:
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
            stand_in = self._stand_in(value)
            if stand_in is not value:
                base_of(container).__setitem__(container, key, stand_in)

    def _stand_in(self, value: Any) -> Any:
        """Return the stand-in of a tensor; any other value itself, after following it."""
        if isinstance(value, Tensor):
            if id(value) not in self._stand_ins:
                self._stand_ins[id(value)] = self._make(value)
            return self._stand_ins[id(value)]
        if isinstance(value, tuple):
            items = [self._stand_in(item) for item in value]
            if all(a is b for a, b in zip(items, value, strict=True)):
                return value
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if type(value) not in _ATOMS and id(value) not in self._seen and self._level < DEEPEST:
            self._level += 1
            self._follow(value)
            self._level -= 1
        return value

    def _follow(self, value: Any) -> None:
        """Remember a mutable value, and the values that it refers to."""
        if isinstance(value, nn.Module):
            place = self._place
            self.enter_module(value)
            self._place = place
            return
        self._seen.add(id(value))
        if base_of(value) is not None:
            self._enter_container(value)
            if type(value) not in BUILT_IN and hasattr(value, "__dict__"):
                self._enter_container(value.__dict__)
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
            self._enter_container(value.__dict__)

    def _enter_scripted(self, module: torch.jit.ScriptModule) -> None:
        """Scripted modules keep their tensors where no stand-in can go: remember the values."""
        mode = module.training
        held = [*module._parameters.values(), *module._buffers.values()]
        tensors = [tensor for tensor in held if tensor is not None]
        values = [tensor.detach().clone() for tensor in tensors]

        def restore() -> None:
            module.training = mode
            with torch.no_grad():
                for tensor, value in zip(tensors, values, strict=True):
                    tensor.copy_(value)

        module.training = False
        self._others.append((restore, self._place))


def _is_opaque(value: Any) -> bool:
    """Tell whether a value is code or an object of the standard library, such as a logger.

    These are not followed, since they lead to the whole program; a SimpleNamespace, which only
    holds values, is followed.
    """
    if isinstance(value, type | ModuleType) or callable(value):
        return True
    origin = type(value).__module__.partition(".")[0]
    return origin in sys.stdlib_module_names and not isinstance(value, SimpleNamespace)
