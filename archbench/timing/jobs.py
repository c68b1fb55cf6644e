"""The job of a worker process, and the question that carries it there."""

import pickle
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from archbench.libraries import needed
from archbench.record import Record
from archbench.timing.cells import Cell


@dataclass(frozen=True, slots=True)
class Job(Record):
    """One session: the cells that run in one fresh process."""

    cells: tuple[Cell, ...]  #: one, or several that take turns
    number: int  #: of this session among those of the same cells, from 0
    seed: int  #: of the inputs, the weights and the order of turns
    order: tuple[int, ...] = ()  #: in which cells are loaded, as indices; () is 0, 1, 2, ...
    #: pickle file of each cell's model, if it was given as an object
    module_files: tuple[str | None, ...] = ()
    memory: bool = False  #: whether to measure the peak memory too
    #: memory of an accelerator that the process may use; None for all of it
    memory_limit_bytes: int | None = None
    layers: tuple[str, ...] = ()  #: paths of modules to time too
    #: whether malloc uses one heap of huge pages, so that processes differ less by where their
    #: memory lies
    huge_pages: bool = False
    #: how long to measure after the warm-up; None is what the budget leaves
    measure_s: float | None = 1.0
    #: time from the start of the process to its end; None is no limit
    budget_s: float | None = None
    #: time after which the process is killed; None is never
    limit_s: float | None = None
    #: whether torch.compile's cache has these cells from an earlier process
    compiled_before: bool = False
    started_s: float = 0.0  #: Unix time at which the process was started


def question_of(job: Job) -> dict[str, Any]:
    """Return a job as JSON, and the arguments of its cells pickled: JSON would lose their tuples.

    Raises:
        MissingLibrary: cloudpickle cannot be imported.
    """
    with needed("cloudpickle", "measuring"):
        import cloudpickle

    arguments = cloudpickle.dumps([dict(cell.arguments) for cell in job.cells])
    return {"job": job.to_dict(), "arguments": b64encode(arguments).decode("ascii")}


def job_of(question: Mapping[str, Any]) -> Job:
    """Return the job of a question, with the pickled arguments in place of their JSON."""
    job = Job.from_dict(question["job"])
    arguments = pickle.loads(b64decode(question["arguments"]))
    cells = [replace(cell, arguments=own) for cell, own in zip(job.cells, arguments, strict=True)]
    return replace(job, cells=tuple(cells))
