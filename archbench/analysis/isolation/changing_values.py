"""Values that change in place and hold no other values: arrays, bytes and random generators."""

import itertools
import random
import sys
from array import array
from collections.abc import Callable
from typing import Any

import torch

#: iterators whose copies advance by themselves
ITERATORS = frozenset(
    {
        *(itertools.count, itertools.repeat, type(iter([])), type(iter(()))),
        *(type(iter(range(0))), type(iter(range(2**70))), type(iter("")), type(iter(b""))),
    }
)


def restorer_of(value: Any) -> Callable[[], object] | None:
    """Return a function that gives a value its present content back, None for other values."""
    if isinstance(value, torch.Generator):
        state = value.get_state()
        return lambda: value.set_state(state)
    if isinstance(value, random.Random):
        python_state = value.getstate()
        return lambda: value.setstate(python_state)
    if isinstance(value, bytearray | array):
        items: Any = value[:]
        return lambda: value.__setitem__(slice(None), items)
    numpy = sys.modules.get("numpy")
    return None if numpy is None else _numpy_restorer(numpy, value)


def _numpy_restorer(numpy: Any, value: Any) -> Callable[[], object] | None:
    """Return restorer_of() for NumPy's values. An array that is read-only does not change."""
    if isinstance(value, numpy.ndarray):
        if not value.flags.writeable:
            return None
        content = value.copy()
        return lambda: value.__setitem__(..., content)
    if isinstance(value, numpy.random.Generator):
        generator = value.bit_generator
        numbers = generator.state
        return lambda: setattr(generator, "state", numbers)
    if isinstance(value, numpy.random.RandomState):
        old = value.get_state()
        return lambda: value.set_state(old)
    return None
