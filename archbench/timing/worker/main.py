"""The worker process: `python -m archbench.timing.worker.main`.

It reads one task as JSON from standard input and writes its answer as one line of JSON to standard
output. The model's own prints go to standard error.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from archbench.garbage_collector import collection_paused
from archbench.timing.processes.answers import Answers, leave
from archbench.timing.processes.lifeline import end_with_parent


def main() -> None:
    """Do one task."""
    end_with_parent()
    answers = Answers()
    answers.tell(answer_of(json.loads(sys.stdin.readline())))
    sys.stdin.read()  # the parent reads this process's processor time, then ends it
    leave()


def answer_of(question: Mapping[str, Any]) -> dict[str, Any]:
    """Measure a session or the machine's ceilings, or describe the environment, as JSON."""
    with collection_paused():  # walking torch for garbage takes a fifth of importing it
        import torch

    from archbench.timing.jobs import job_of
    from archbench.timing.machine.limits import limit_memory
    from archbench.timing.worker.process_setup import configure_process, place_of
    from archbench.timing.worker.session import run

    job = job_of(question)
    cell = job.cells[0]
    limit_memory(torch.device(cell.device), job.memory_limit_bytes)
    if question["task"] == "session":
        return run(job).to_dict()
    configure_process(cell)
    place = place_of(cell)
    if question["task"] == "ceilings":
        from archbench.timing.worker.ceilings import ceilings

        return ceilings(place.device, cell.precision, place.clock).to_dict()
    from archbench.timing.machine.environment import environment

    return environment(place.device).to_dict()


if __name__ == "__main__":
    main()
