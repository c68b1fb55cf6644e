"""Python's garbage collector, out of the way for a while."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# Objects that Python 3.12 counts as frozen though no program froze any: its immortal ones, 375 of
# them. A program that freezes has thousands.
IMMORTAL = 1000


@contextmanager
def collection_paused() -> Iterator[None]:
    """Switch the collector off, and on again afterwards if it was on.

    A collection walks every object of torch. It strikes in the middle of making many small
    records, which makes that slower, and in the middle of what is being timed.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def survivors_frozen() -> Iterator[None]:
    """Collect the garbage, and let no collection walk what is left, for as long as this lasts.

    A program that has frozen its own objects keeps them frozen, also afterwards.
    """
    gc.collect()
    if is_frozen():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def all_visible() -> Iterator[None]:
    """Let the collector see objects that the program has frozen, which it does not look at."""
    frozen = is_frozen()
    if frozen:
        gc.unfreeze()
    try:
        yield
    finally:
        if frozen:
            gc.freeze()


def is_frozen() -> bool:
    """Tell whether the program has frozen its objects."""
    return gc.get_freeze_count() > IMMORTAL
