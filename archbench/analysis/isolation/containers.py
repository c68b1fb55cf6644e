"""Read and refill lists, dicts, sets and deques by the methods of Python's own types.

A user's subclass may refuse to be read or changed, as a frozen dict does, or do more than its base
class, as a dict that computes its values. The functions here call the base class's methods only.
"""

import operator
from collections import OrderedDict, deque
from typing import Any

_BASES = (OrderedDict, dict, list, set, deque)  # OrderedDict before dict, its own base class
BUILT_IN = frozenset(_BASES)
Content = dict[Any, Any] | list[Any]


def base_of(value: Any) -> Any:
    """Return the built-in container type of a value or its base class; None for other values."""
    kind = type(value)
    if kind in BUILT_IN:
        return kind
    return next((base for base in _BASES if issubclass(kind, base)), None)


def content_of(container: Any) -> Content:
    """Return a copy of a container's content: a dict for a dict, in order, else a list."""
    base = base_of(container)
    if issubclass(base, dict):
        return dict(base.items(container))
    return list(base.__iter__(container))


def holds(container: Any, content: Content) -> bool:
    """Tell whether a container holds the very objects of `content`, in the same order."""
    now = content_of(container)
    if len(now) != len(content):
        return False
    if isinstance(now, dict) and isinstance(content, dict):
        keys = all(map(operator.is_, now, content))
        return keys and all(map(operator.is_, now.values(), content.values()))
    return all(map(operator.is_, now, content))


def give_back(container: Any, content: Content) -> None:
    """Give a container its content back, if it holds anything else.

    A container that still holds the same objects is left alone: somebody may be reading it.
    """
    if not holds(container, content):
        refill(container, content)


def refill(container: Any, content: Content) -> None:
    """Replace a container's content; `content` is in the form that `content_of()` returns."""
    base = base_of(container)
    base.clear(container)
    if base is dict:
        dict.update(container, content)
    elif isinstance(content, dict):
        for key, value in content.items():  # OrderedDict.update() calls the subclass's methods
            base.__setitem__(container, key, value)
    elif base is set:
        base.update(container, content)
    else:
        base.extend(container, content)
