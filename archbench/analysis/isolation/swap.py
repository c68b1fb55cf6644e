"""Stand-ins in place of a network's tensors for one forward pass; everything is restored after it.

The module itself runs, so that closures and shared children keep working, but with empty meta
tensors (or clones) in place of its own, in evaluation mode. Restored are parameters, buffers, mode,
hooks, what forward() stored, and the random generators. Each thing is restored by itself,
parameters and buffers first: a failure of one does not stop the others.
"""

import copy
import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.isolation.changing_values import ITERATORS, restorer_of
from archbench.analysis.isolation.containers import (
    BUILT_IN,
    Content,
    base_of,
    content_of,
    give_back,
    refill,
)
from archbench.analysis.isolation.fields import (
    ClassAttributes,
    Fields,
    fields_of,
    is_users,
    may_be_followed,
    own_dict,
    referred_by,
)
from archbench.analysis.isolation.stand_ins import PLAIN
from archbench.analysis.isolation.survivors import Survivors
from archbench.errors import UserCodeError
from archbench.networks.user_code import describe
from archbench.private_torch import leaves

DEEPEST = 30  # containers in containers that are followed

_ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None)})  # nothing in them changes
_Before = tuple[Any, Content, str]  # a container, its content before, its place: "Net.cache"


class Swap:
    """The stand-ins of one forward pass, and the values that the modules held before.

    From each module it follows lists, dicts, tuples, sets and plain objects to whatever they hold:
    a cache that forward() fills may lie several of them deep.
    """

    def __init__(self, make: Callable[[Tensor], Tensor], survivors: Survivors | None) -> None:
        self._make = make
        self.survivors = survivors
        self._pairs = None if survivors is None else survivors.stand_ins
        self._stand_ins: dict[int, Any] = {}  # one for each tensor, so that tied ones stay tied
        self._classes: set[type] = set()
        self._seen: set[int] = set()
        self._level = 0
        self._place = ""  # the class and attribute that are followed now, for an error
        self._tables: list[_Before] = []  # of modules: their attributes, parameters and buffers
        self._containers: list[_Before] = []  # all others that hold something
        self._empty: list[Any] = []  # of built-in types; most are a module's tables of hooks
        self._others: list[tuple[Callable[[], object], str]] = []  # restore what is no container
        self._originals: list[Any] = []  # keep their id() from being given to another object

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
        self._enter_classes(type(module))
        state = module.__dict__
        before = dict(state)
        self._tables.append((state, before, kind))
        for name in ("_parameters", "_buffers"):
            self._enter_table(before.get(name), f"{kind}.{name}")
        self._swap_items(state, before, kind)
        state["training"] = False

    def enter_inputs(self, inputs: Any) -> None:
        """Swap the tensors that lie in objects among the inputs; the inputs' own are copies."""
        args, kwargs = inputs
        if not kwargs and all(isinstance(value, Tensor) for value in args):
            return
        tensors = [leaf for leaf in leaves(inputs) if isinstance(leaf, Tensor)]
        for tensor in tensors:
            self._stand_ins[id(tensor)] = tensor
            self._originals.append(tensor)
        self.stand_in(inputs)

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
        self._stand_ins.clear()  # one that is alive from here on is kept by somebody else
        self._originals.clear()
        self._containers.clear()  # the inputs' too
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
        for container, content, place in self._tables:  # the pass has changed all of them
            try:
                refill(container, content)
            except Exception as error:
                failures.append((place, error))
        for container, content, place in self._containers:
            try:
                give_back(container, content)
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
        swapped = [self.stand_in(value) for value in content]
        if not isinstance(container, set) and any(map(operator.is_not, swapped, content)):
            refill(container, swapped)

    def _swap_items(self, container: Any, items: dict[Any, Any], module: str = "") -> None:
        """Put stand-ins for a dict's tensors and follow the rest; module: the owner's class."""
        for key, value in items.items():
            kind = type(value)
            if kind in _ATOMS or (kind is tuple and _ATOMS.issuperset(map(type, value))):
                continue
            if kind in BUILT_IN and not value:
                self._empty.append(value)
                continue
            if module:
                self._place = f"{module}.{key}"
            stand_in = self.stand_in(value)
            if stand_in is not value:
                base_of(container).__setitem__(container, key, stand_in)

    def stand_in(self, value: Any) -> Any:
        """Return the stand-in of a tensor; any other value itself, after following it."""
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind in PLAIN or isinstance(value, Tensor):
            return self._made(value, self._make)
        if isinstance(value, tuple):
            items = [self.stand_in(item) for item in value]
            same = all(map(operator.is_, items, value))
            return value if same else _tuple_like(value, items)
        if kind in ITERATORS:
            return self._made(value, copy.copy)
        if id(value) not in self._seen and self._level < DEEPEST:
            self._level += 1
            self._follow(value)
            self._level -= 1
        return value

    def _made(self, value: Any, make: Callable[[Any], Any]) -> Any:
        """Return the one stand-in of a value; make it at the first time."""
        found = self._stand_ins.get(id(value))
        if found is None:
            found = self._stand_ins[id(value)] = make(value)
            self._originals.append(value)
            if self._pairs is not None and found is not value and make is self._make:
                self._pairs[id(found)] = value, found
        return found

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
            if type(value) not in BUILT_IN and own_dict(value) is not None:
                self._enter_container(own_dict(value))
            return
        restore = restorer_of(value)
        if restore is not None:
            self._others.append((restore, self._place))
        elif may_be_followed(value):
            self._enter_object(value)

    def _enter_object(self, value: Any) -> None:
        """Swap the values that an object or a function of the user holds."""
        attributes = own_dict(value)
        if attributes is not None:
            self._enter_container(attributes)
        for fields in fields_of(value):
            self._enter_fields(fields)
        for behind in referred_by(value):
            self.stand_in(behind)

    def _enter_fields(self, fields: Fields) -> None:
        before = fields.now()
        self._others.append((lambda: fields.give_back(before), self._place))
        for name, value in before.items():
            if type(value) not in _ATOMS:
                stand_in = self.stand_in(value)
                if stand_in is not value:
                    fields.put(name, stand_in)

    def _enter_classes(self, kind: type) -> None:
        """Swap the values that the user's classes of a module hold."""
        if kind in self._classes:
            return
        for base in kind.__mro__:
            if base not in self._classes and is_users(base):
                self._place = base.__name__
                self._enter_fields(ClassAttributes(base))
            self._classes.add(base)

    def _enter_scripted(self, module: torch.jit.ScriptModule) -> None:
        """Scripted modules keep their tensors where no stand-in can go: remember the values."""
        mode = getattr(module, "training", None)  # one that was frozen has no mode
        held = [*module._parameters.values(), *module._buffers.values()]
        tensors = [tensor for tensor in held if tensor is not None]
        values = [tensor.detach().clone() for tensor in tensors]

        def restore() -> None:
            if mode is not None:
                module.training = mode
            for tensor, value in zip(tensors, values, strict=True):
                if not torch.equal(tensor, value):
                    tensor.data.copy_(value)  # autograd does not count it as a change

        if mode is not None:
            module.training = False
        self._others.append((restore, self._place))


def _tuple_like(value: tuple[Any, ...], items: list[Any]) -> Any:
    """Return a tuple of other items, of the same class if that can be made."""
    kind = type(value)
    if kind is tuple:
        return tuple(items)
    try:
        made = tuple.__new__(kind, items)
    except TypeError:  # torch.return_types and the like
        return kind(items)
    attributes = own_dict(value)
    if attributes:
        vars(made).update(attributes)
    return made
