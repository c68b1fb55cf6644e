"""Arguments that take one value, or several in a list."""

from collections.abc import Sequence
from typing import Any


def several(given: Any) -> list[Any]:
    """Return the values of an argument: those of a list, a single one, or none for None.

    >>> several("resnet18"), several((1, 8)), several(None)
    (['resnet18'], [1, 8], [])
    """
    if given is None:
        return []
    return list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given]
