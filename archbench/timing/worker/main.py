"""The fresh process that measures: `python -m archbench.timing.worker.main`.

It reads one task as JSON from standard input and writes its answer as one line of JSON to standard
output. What the model's own code prints goes to standard error.
"""

import json
import pickle
import sys
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from archbench.collector import collection_paused
from archbench.timing.processes.answers import Answers, leave
from archbench.timing.processes.lifeline import end_with_parent


def main() -> None:
    """Do one task."""
    end_with_parent()
    answers = Answers()
    answers.tell(work(json.loads(sys.stdin.readline())))
    sys.stdin.read()  # the parent ends this process when it has seen what it took
    leave()


def work(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Do what is asked: a session, the machine's ceilings, or its description."""
    with collection_paused():  # walking torch for garbage takes a fifth of importing it
        import torch

    from archbench.timing.jobs import Job
    from archbench.timing.machine.limits import limit_memory
    from archbench.timing.worker.session import as_in, run

    job = Job.from_dict(asked["job"])
    given = pickle.loads(b64decode(asked["arguments"]))
    cells = [replace(cell, arguments=own) for cell, own in zip(job.cells, given, strict=True)]
    job = replace(job, cells=tuple(cells))
    limit_memory(torch.device(job.cells[0].device), job.memory_limit_bytes)
    if asked["task"] == "session":
        return run(job).to_dict()
    cell = job.cells[0]
    as_in(cell)
    device = torch.device(cell.device)
    if asked["task"] == "ceilings":
        from archbench.timing.worker.ceilings import ceilings
        from archbench.timing.worker.clock import DeviceClock

        return ceilings(device, cell.precision, DeviceClock(device)).to_dict()
    from archbench.timing.machine.environment import environment

    return environment(device).to_dict()


if __name__ == "__main__":
    main()
