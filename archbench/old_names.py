"""Old names of parameters, which go on working with a warning."""

import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def _same(value: Any) -> Any:
    return value


class OldName(NamedTuple):
    """A name that a parameter had before."""

    old: str  #: the name before
    new: str  #: the name now
    value: Callable[[Any], Any] = _same  #: the value of the new parameter, from that of the old one


def renamed(*names: OldName) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that lets a function take parameters under their old names, too.

    The signature shows the new names only. An old name warns with both calls, the written one and
    the one that replaces it.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            for name in names:
                if name.old in kwargs:
                    _rename(function.__name__, name, kwargs)
            return function(*args, **kwargs)

        return call

    return decorate


def _rename(function: str, name: OldName, kwargs: dict[str, Any]) -> None:
    """Put the value of an old parameter under the new name, and warn the caller of the function.

    Raises:
        TypeError: both names are given.
    """
    if name.new in kwargs:
        raise TypeError(f"{function}() takes {name.new} or its old name {name.old}, not both")
    before = kwargs.pop(name.old)
    now = kwargs[name.new] = name.value(before)
    warnings.warn(
        f"{function}({name.old}={before!r}) is {function}({name.new}={now!r}) now",
        DeprecationWarning,
        stacklevel=3,
    )
