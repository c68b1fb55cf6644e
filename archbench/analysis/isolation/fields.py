"""Values that lie in no container: in slots, in a function's closure and defaults, in a class.

A user's class may have properties that raise, descriptors, or a __setattr__ that refuses. Values
are read and written here without asking the class.
"""

import functools
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import (
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

# Of the standard library only these hold a program's values; other objects, such as a logger, lead
# to the whole program.
_HOLDING_MODULES = frozenset({"collections", "queue", "_queue", "weakref", "_weakrefset"})
_HOLDING_TYPES = (SimpleNamespace, functools.partial)


class Fields(ABC):
    """The named values of an owner."""

    def __init__(self, owner: Any) -> None:
        self.owner = owner

    @abstractmethod
    def now(self) -> dict[Any, Any]:
        """Return the values by name."""

    @abstractmethod
    def put(self, name: Any, value: Any) -> None:
        """Store a value under a name."""

    @abstractmethod
    def remove(self, name: Any) -> None:
        """Leave a name without a value."""

    def give_back(self, before: dict[Any, Any]) -> None:
        """Store the values of `before` where others are now."""
        now = self.now()
        for name in now.keys() - before.keys():
            self.remove(name)
        for name, value in before.items():
            if name not in now or now[name] is not value:
                self.put(name, value)


class Slots(Fields):
    """The slots of an object, by their descriptors."""

    def now(self) -> dict[Any, Any]:
        """Return the values of the slots that have one."""
        found = {}
        for kind in type(self.owner).__mro__:
            if "__slots__" not in vars(kind):
                continue
            for slot in vars(kind).values():
                if type(slot) is MemberDescriptorType:
                    try:
                        found[slot] = slot.__get__(self.owner)
                    except AttributeError:
                        continue
        return found

    def put(self, name: Any, value: Any) -> None:
        """Store a value in a slot."""
        name.__set__(self.owner, value)

    def remove(self, name: Any) -> None:
        """Empty a slot."""
        name.__delete__(self.owner)


class Cell(Fields):
    """The value of a variable in a closure."""

    def now(self) -> dict[Any, Any]:
        """Return the value; nothing if the variable has none yet."""
        try:
            return {"cell_contents": self.owner.cell_contents}
        except ValueError:
            return {}

    def put(self, name: Any, value: Any) -> None:
        """Store a value in the variable."""
        self.owner.cell_contents = value

    def remove(self, name: Any) -> None:
        """Leave the variable without a value."""
        del self.owner.cell_contents


class Defaults(Fields):
    """The default values of a function's arguments."""

    def now(self) -> dict[Any, Any]:
        """Return the defaults: a tuple of the positional ones, a dict of the named ones."""
        names = ("__defaults__", "__kwdefaults__")
        return {name: getattr(self.owner, name) for name in names}

    def put(self, name: Any, value: Any) -> None:
        """Replace the defaults."""
        setattr(self.owner, name, value)

    def remove(self, name: Any) -> None:
        """Leave out the defaults."""
        setattr(self.owner, name, None)


class ClassAttributes(Fields):
    """The attributes of a class itself, methods included."""

    def now(self) -> dict[Any, Any]:
        """Return the attributes, without those that every class has."""
        return {name: value for name, value in vars(self.owner).items() if name not in _OF_CLASSES}

    def put(self, name: Any, value: Any) -> None:
        """Set an attribute, without asking the metaclass."""
        type.__setattr__(self.owner, name, value)

    def remove(self, name: Any) -> None:
        """Delete an attribute, without asking the metaclass."""
        type.__delattr__(self.owner, name)


_OF_CLASSES = frozenset({"__dict__", "__weakref__", "__doc__", "__module__", "__slots__"})


def own_dict(value: Any) -> dict[str, Any] | None:
    """Return the dict in which an object keeps its attributes; None if it has none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if isinstance(found, dict) else None


def is_users(code: Any) -> bool:
    """Tell whether a class or a function is neither Python's, nor torch's, nor archbench's own."""
    return _root(code) not in ("torch", "archbench") and not _is_python(code)


def may_be_followed(value: Any) -> bool:
    """Tell whether to look into an object or a function for values of the network.

    Code of Python's and torch's libraries is left out, and objects of most of Python's own classes:
    a logger leads to the whole program.
    """
    kind = type(value)
    if kind in (FunctionType, MethodType):
        return is_users(value)
    if issubclass(kind, type | ModuleType) or (_root(kind) == "torch" and callable(value)):
        return False
    return not _is_python(kind) or _root(kind) in _HOLDING_MODULES or kind in _HOLDING_TYPES


def fields_of(value: Any) -> Iterator[Fields]:
    """Yield what an object or a function holds beside its dict of attributes."""
    if not isinstance(value, FunctionType):
        yield Slots(value)
        return
    if value.__defaults__ or value.__kwdefaults__:
        yield Defaults(value)
    for cell in value.__closure__ or ():
        yield Cell(cell)


def referred_by(value: Any) -> tuple[Any, ...]:
    """Return the values behind a bound method or a functools.partial."""
    if isinstance(value, MethodType):
        return value.__self__, value.__func__
    if isinstance(value, functools.partial):
        return value.func, value.args, value.keywords
    return ()


def _root(code: Any) -> str:
    """Return the package that a class or a function comes from."""
    return str(getattr(code, "__module__", "")).partition(".")[0]


def _is_python(code: Any) -> bool:
    return _root(code) in sys.stdlib_module_names
