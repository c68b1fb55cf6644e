"""Arguments of a network as a lock keeps them: JSON, or Python where JSON has no such value."""

import json
from ast import literal_eval
from typing import Any

PYTHON = "python"  # the one key of an argument that is kept as Python writes it


def argument_to_json(value: Any) -> Any:
    """Return an argument as JSON, or as Python where JSON would give another one back.

    >>> argument_to_json([1, 2]), argument_to_json((1, 2))
    ([1, 2], {'python': '(1, 2)'})

    Raises:
        ValueError, SyntaxError: it has no form that can be read again.
    """
    if json.loads(json.dumps(value, default=repr, allow_nan=False)) == value:
        return value
    if literal_eval(repr(value)) != value:
        raise ValueError(f"{value!r} cannot be kept in a lock")
    return {PYTHON: repr(value)}


def argument_from_json(value: Any) -> Any:
    """Return the argument that a lock keeps so.

    Raises:
        ValueError: it is kept as Python, and is none.
    """
    if not isinstance(value, dict) or list(value) != [PYTHON]:
        return value
    try:
        return literal_eval(value[PYTHON])
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError(f"{json.dumps(value[PYTHON])} is not a value of Python") from error
