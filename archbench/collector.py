"""Python's garbage collector, out of the way for a while."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


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
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
