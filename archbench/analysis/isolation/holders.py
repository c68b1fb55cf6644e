"""The places that keep a tensor of an analysed pass after it, and how it is taken out of them."""

import gc
import operator
from collections import deque
from collections.abc import Iterable
from functools import partial
from types import CellType, FrameType, FunctionType
from typing import Any

from torch import Tensor, nn

from archbench.analysis.isolation.containers import base_of
from archbench.analysis.isolation.fields import is_users

#: a module's global variables by the id() of their dict, with a copy made before the pass
Globals = dict[int, tuple[dict[str, Any], dict[str, Any]]]

HIGHEST = 5  # tuples around a tensor that are climbed


def globals_of(modules: Iterable[nn.Module]) -> Globals:
    """Return the global variables that the methods of the modules' classes see."""
    found: Globals = {}
    for kind in {base for module in modules for base in type(module).__mro__}:
        if not is_users(kind):
            continue
        for function in vars(kind).values():
            if isinstance(function, FunctionType) and id(function.__globals__) not in found:
                variables = function.__globals__
                found[id(variables)] = variables, dict(variables)
    return found


def take_out(tensors: list[Tensor], before: Globals) -> tuple[str, ...]:
    """Take tensors out of the containers that keep them.

    A global variable gets its earlier value back, or None if that is not known. From another dict,
    a list or a set the tensor is removed. Returns the places that still keep one, such as "a
    variable of a closure".
    """
    places: dict[str, None] = {}
    for tensor in tensors:
        for place in _take_out(tensor, before, [tensors], 0):
            places[place] = None
    return tuple(places)


def _take_out(value: Any, before: Globals, own: list[Any], height: int) -> list[str]:
    """Take one value out; `own` are the lists of this module that hold it meanwhile."""
    holders = gc.get_referrers(value)
    places = []
    for holder in holders:
        if isinstance(holder, FrameType) or any(map(partial(operator.is_, holder), own)):
            continue
        if type(holder) is tuple and height < HIGHEST:
            places += _take_out(holder, before, [*own, holders], height + 1)
        elif not _removed(holder, value, before) and not _ends(holder, [*own, holders], height):
            places.append(_description(holder))
    return places


def _ends(holder: Any, own: list[Any], height: int) -> bool:
    """Tell whether nothing but the frames of a traceback hold a closure, which end with it."""
    if not isinstance(holder, CellType | tuple | FunctionType) or height > HIGHEST:
        return False
    above = gc.get_referrers(holder)
    own = [*own, above]
    for one in above:
        if isinstance(one, FrameType) or any(map(partial(operator.is_, one), own)):
            continue
        if not _ends(one, own, height + 1):
            return False
    return True


def _removed(holder: Any, value: Any, before: Globals) -> bool:
    """Remove a value from a container; tell whether that could be done."""
    base = base_of(holder)
    if base is None:
        return False
    if issubclass(base, dict):
        _, earlier = before.get(id(holder), ({}, {}))
        for key in [key for key, item in base.items(holder) if item is value]:
            if key in earlier:
                base.__setitem__(holder, key, earlier[key])
            elif "__builtins__" in holder:  # the variables of a module, which look for their names
                base.__setitem__(holder, key, None)
            else:
                base.__delitem__(holder, key)
    elif base is list or base is deque:
        kept = [item for item in base.__iter__(holder) if item is not value]
        base.clear(holder)
        base.extend(holder, kept)
    else:
        base.discard(holder, value)
    return True


def _description(holder: Any) -> str:
    """Say what keeps a tensor, in a word or two."""
    if isinstance(holder, CellType):
        return "a variable of a closure"
    return f"an object of {type(holder).__qualname__}"
