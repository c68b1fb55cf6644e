"""What a worker process is asked to do."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.timing.cells import Cell


@dataclass(frozen=True, slots=True)
class Job(Record):
    """One session: the cells that run in one fresh process.

    Args:
        cells: one, or several that take turns.
        number: of this session among those of the same cells, from 0.
        seed: of the inputs, the weights and the order of turns.
        order: in which they are loaded, as indices; () as they stand.
        module_files: for a model that was given as an object, the file it was pickled into.
        memory: whether to measure the peak of memory too.
        memory_limit_bytes: of an accelerator that the process may take; None for all of it.
        layers: paths of modules whose own times are taken too.
        huge_pages: take all memory from one heap of huge pages, so that processes and models differ
            less by where their memory lies.
        measure_s: how long to measure, after warming up; None takes what the budget leaves.
        budget_s: from the start of the process to its end; None where nothing bounds it.
        limit_s: after so long the process is ended from outside; None lets it run on.
        compiled_before: whether the compiler's cache holds the cells from an earlier process.
        started_s: Unix time at which the process was started.
    """

    cells: tuple[Cell, ...]
    number: int
    seed: int
    order: tuple[int, ...] = ()
    module_files: tuple[str | None, ...] = ()
    memory: bool = False
    memory_limit_bytes: int | None = None
    layers: tuple[str, ...] = ()
    huge_pages: bool = False
    measure_s: float | None = 1.0
    budget_s: float | None = None
    limit_s: float | None = None
    compiled_before: bool = False
    started_s: float = 0.0
