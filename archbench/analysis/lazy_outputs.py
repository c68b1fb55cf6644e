"""Outputs of a network that are computed when somebody reads them, such as a generator."""

import inspect
from typing import Any

from torch import Tensor

from archbench.private_torch import leaves

MOST_ITEMS = 10_000  # of all outputs together

_LAZY = (map, filter, zip, enumerate)


def read_lazy_outputs(out: Any) -> tuple[str, ...]:
    """Read generators and the like in a network's output, and run coroutines that wait for nothing.

    Returns what could not be read to its end: "a generator that goes on after 10,000 items".
    """
    if isinstance(out, Tensor):
        return ()
    left = MOST_ITEMS
    unread = []
    unseen: list[Any] = [out]
    while unseen:
        for leaf in leaves(unseen.pop()):
            kind = type(leaf).__name__
            if inspect.iscoroutine(leaf):
                try:
                    leaf.send(None)
                except StopIteration as end:
                    unseen.append(end.value)
                else:
                    leaf.close()
                    unread.append(f"a {kind} that waits for something")
            elif inspect.isasyncgen(leaf):
                unread.append("an asynchronous generator")
            elif inspect.isgenerator(leaf) or isinstance(leaf, _LAZY):
                for item in leaf:
                    if not isinstance(item, Tensor):
                        unseen.append(item)
                    left -= 1
                    if not left:
                        unread.append(f"a {kind} that goes on after {MOST_ITEMS:,} items")
                        break
    return tuple(unread)
