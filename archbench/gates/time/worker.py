"""One side of a pair: a fresh process that measures a slice whenever it is told to.

`python -P -m archbench.gates.time.worker` is started in the tree that its code is to come from, and
reads JSON, a line at a time. The first line says what to load; it answers when that has run once.
Every other line asks for a number of calls, and is answered with the time of each. In between it
blocks, and computes nothing.
"""

import gc
import json
import os
import pickle
import sys
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from archbench.networks.import_path import import_from
from archbench.timing.machine.processor import compute_on
from archbench.timing.processes.answers import Answers, leave
from archbench.timing.processes.lifeline import end_with_parent
from archbench.version import FOLDER


def main() -> None:
    """Load, say so, and measure slices until no more are asked for."""
    gc.disable()  # walking torch for garbage while it is imported takes a fifth of that import
    end_with_parent()
    answers = Answers()
    asked = json.loads(sys.stdin.readline())
    import_from(Path.cwd())
    side = loaded(asked)
    if asked["core"] is not None:
        compute_on(asked["core"])
    answers.tell(side.found)
    for line in sys.stdin:
        answers.tell(side.slice(json.loads(line)["calls"]))
    leave()


class LoadedSide:
    """What is measured, ready to run.

    Args:
        found: what is told to the parent when all is loaded: a failure, or where the code lies.
        cell: what is measured.
        call: one forward pass or step; None where it failed.
        clock: the device's.
    """

    def __init__(
        self, found: Mapping[str, Any], cell: Any = None, call: Any = None, clock: Any = None
    ) -> None:
        self.found = found
        self._cell = cell
        self._call = call
        self._clock = clock

    def slice(self, calls: int) -> dict[str, Any]:
        """Time so many calls, one by one, in nanoseconds; or say what stopped one of them."""
        from archbench.errors import ArchbenchError
        from archbench.timing.failures import failure_of

        try:
            return {"times_ns": self._timed(calls)}
        except ArchbenchError as error:
            return {"failure": failure_of(error).to_dict()}

    def _timed(self, calls: int) -> list[int]:
        from archbench.errors import UserCodeError
        from archbench.timing.worker.clock import time_of
        from archbench.timing.worker.errors import archbench_errors

        call, wait, now_ns = self._call, self._clock.wait, self._clock.now_ns
        with archbench_errors(self._cell, UserCodeError, f"measuring {self._cell.model} failed"):
            return [time_of(call, wait, now_ns) for _ in range(calls)]


def loaded(asked: Mapping[str, Any]) -> LoadedSide:
    """Load what is asked for and run it once; whatever stops that is told."""
    import torch

    from archbench.errors import ArchbenchError, UserCodeError
    from archbench.networks.user_code import source_of
    from archbench.timing.failures import failure_of
    from archbench.timing.jobs import Job
    from archbench.timing.machine.environment import environment
    from archbench.timing.worker.clock import DeviceClock
    from archbench.timing.worker.errors import archbench_errors
    from archbench.timing.worker.loading import load_cell
    from archbench.timing.worker.place import Place, configure_process, gradient_mode

    job = Job.from_dict(asked["job"])
    (arguments,) = pickle.loads(b64decode(asked["arguments"]))
    cell = replace(job.cells[0], arguments=arguments)
    device = torch.device(cell.device)
    configure_process(cell)
    torch.manual_seed(job.seed)
    clock = DeviceClock(device)
    try:
        with archbench_errors(cell, UserCodeError, f"measuring {cell.model} failed"):
            one = load_cell(cell, None, Place(device, clock))
    except ArchbenchError as error:
        return LoadedSide({"failure": failure_of(error).to_dict()})
    gradient_mode(cell).__enter__()  # for the rest of this process
    gc.collect()
    gc.freeze()
    source = source_of(cell.model)
    found = {
        "first_ns": one.first_ns,
        "source": None if source is None else os.path.realpath(source),
        "strays": strays(asked["other"]),
        "flags": list(one.prepared.flags),
        "environment": environment(device).to_dict(),
    }
    return LoadedSide(found, cell, one.call, clock)


def strays(other: str | None) -> list[str]:
    """Name the modules that were imported from the other side's tree, and their files.

    What is installed there does not count, nor archbench itself, which is the same for both sides.
    """
    if other is None:
        return []
    own = (FOLDER, Path(sys.prefix).resolve())
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or not path.is_relative_to(other):
            continue
        if not any(path.is_relative_to(place) for place in own):
            found.append(f"{name} ({path.relative_to(other)})")
    return sorted(found)


if __name__ == "__main__":
    main()
