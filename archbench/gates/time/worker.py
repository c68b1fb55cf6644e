"""The worker process of one side of a pair: it measures a slice whenever it is asked to.

`python -P -m archbench.gates.time.worker` is started in the tree that its code is imported from.
worker_process.py describes the lines that it reads and answers. While it waits for a line, it
computes nothing.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench.errors import ArchbenchError, UserCodeError
from archbench.networks.import_path import import_from
from archbench.timing.machine.processor import compute_on
from archbench.timing.processes.answers import Answers, leave
from archbench.timing.processes.lifeline import end_with_parent
from archbench.version import FOLDER

if TYPE_CHECKING:
    from archbench.timing.cells import Cell
    from archbench.timing.worker.clock import Clock


def main() -> None:
    """Load one side, and measure slices until no more are asked for."""
    gc.disable()  # walking torch for garbage while it is imported takes a fifth of that import
    end_with_parent()
    answers = Answers()
    question = json.loads(sys.stdin.readline())
    import_from(Path.cwd())
    try:
        side = load(question)
        if question["core"] is not None:
            compute_on(question["core"])
        answers.tell(side.facts)
        for line in sys.stdin:
            answers.tell(side.answer(json.loads(line)))
    except ArchbenchError as error:
        from archbench.timing.failures import failure_of

        answers.tell({"failure": failure_of(error).to_dict()})
        sys.stdin.read()  # until the parent ends this process
    leave()


@dataclass(frozen=True, slots=True)
class LoadedSide:
    """One side of a pair, which has run once."""

    facts: Mapping[str, Any]  #: the worker's first answer
    cell: "Cell"  #: what is measured
    call: Callable[[], Any]  #: one forward pass or training step
    clock: "Clock"  #: of the device

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a line asks for: the live tensors, or a slice in one of the two modes."""
        from archbench.timing.worker.live_tensors import live_tensors
        from archbench.timing.worker.process_setup import gradient_mode

        if "calls" not in request:
            return {"live_tensors": live_tensors().to_dict()}
        with gradient_mode(self.cell, request["inference"]):
            return {"times_ns": self.slice(request["calls"])}

    def slice(self, calls: int) -> list[int]:
        """Return the times of so many calls in nanoseconds.

        Raises:
            ArchbenchError: a call failed.
        """
        from archbench.timing.worker.clock import time_of
        from archbench.timing.worker.errors import archbench_errors

        with archbench_errors(self.cell, UserCodeError, f"measuring {self.cell.model} failed"):
            return [time_of(self.call, self.clock) for _ in range(calls)]


def load(question: Mapping[str, Any]) -> LoadedSide:
    """Return the cell of a job, loaded and run once.

    Raises:
        ArchbenchError: it cannot be loaded or run.
    """
    import torch

    from archbench.networks.user_code import source_of
    from archbench.timing.jobs import job_of
    from archbench.timing.machine.environment import environment
    from archbench.timing.worker.errors import archbench_errors
    from archbench.timing.worker.loading import load_cell
    from archbench.timing.worker.process_setup import configure_process, place_of

    job = job_of(question)
    (cell,) = job.cells
    configure_process(cell)
    torch.manual_seed(job.seed)
    place = place_of(cell)
    with archbench_errors(cell, UserCodeError, f"measuring {cell.model} failed"):
        ready = load_cell(cell, None, place, job.seed)
    gc.collect()
    gc.freeze()
    source = source_of(cell.model)
    facts = {
        "first_ns": ready.first_ns,
        "source": None if source is None else os.path.realpath(source),
        "tensors": list(ready.tensors),
        "strays": strays(question["other"]),
        "flags": list(ready.flags),
        "environment": environment(place.device).to_dict(),
    }
    return LoadedSide(facts, cell, ready.call, place.clock)


def strays(other: str | None) -> list[str]:
    """Return the modules, with their files, that were imported from the other side's repository.

    Installed modules and archbench itself are left out: they are the same for both sides.
    """
    if other is None:
        return []
    shared = (FOLDER, Path(sys.prefix).resolve())
    modules = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        path = Path(file).resolve() if isinstance(file, str) else None
        if path is None or not path.is_relative_to(other):
            continue
        if not any(path.is_relative_to(folder) for folder in shared):
            modules.append(f"{name} ({path.relative_to(other)})")
    return sorted(modules)


if __name__ == "__main__":
    main()
