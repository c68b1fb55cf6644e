"""Threads that forward() starts, and what they run outside of any layer, which is not recorded."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from archbench.analysis.depth import is_known
from archbench.analysis.recorder import Recorder
from archbench.networks.blank_weights import META
from archbench.networks.tensors import tensors_in


@contextmanager
def threads_started() -> Iterator[set[int]]:
    """Give a set that the numbers of the threads go into which start meanwhile."""
    numbers: set[int] = set()
    before = threading.getprofile()

    def note(frame: FrameType, event: str, arg: Any) -> None:
        numbers.add(threading.get_ident())
        sys.setprofile(before)

    threading.setprofile(note)
    try:
        yield numbers
    finally:
        threading.setprofile(before)


def unseen_in_threads(recorder: Recorder, started: set[int], out: Any) -> tuple[str, ...]:
    """Name the operations of threads that no recorder saw, to be asked at the end of the pass.

    They are known by their results: tensors that no operation made which was seen. The network
    returns them, or has computed with them and let them go. What it computed with and still keeps
    was there before, such as a constant in a closure. A tensor with values may also come from
    NumPy, so it counts only where a thread has started.
    """
    unseen = [tensor for tensor in tensors_in(out) if not is_known(tensor)]
    devices = {tensor.device for tensor in unseen} | recorder.devices_of_unseen()
    if META in devices or (devices and started):
        return ("a thread of forward() ran operations outside of any layer",)
    return ()
