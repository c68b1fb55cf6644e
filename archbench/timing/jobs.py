"""What a worker process is asked to do."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.timing.cells import Cell


@dataclass(frozen=True, slots=True)
class Job(Record):
    """One session: the cells that run in one fresh process."""

    cells: tuple[Cell, ...]  #: one, or several that take turns
    number: int  #: of this session among those of the same cells, from 0
    seed: int  #: of the inputs, the weights and the order of turns
    order: tuple[int, ...] = ()  #: in which they are loaded, as indices; () as they stand
    #: for a model that was given as an object, the file it was pickled into
    module_files: tuple[str | None, ...] = ()
    memory: bool = False  #: whether to measure the peak of memory too
    #: of an accelerator that the process may take; None for all of it
    memory_limit_bytes: int | None = None
    layers: tuple[str, ...] = ()  #: paths of modules whose own times are taken too
    #: take all memory from one heap of huge pages, so that processes and models differ less by
    #: where their memory lies
    huge_pages: bool = False
    #: how long to measure, after warming up; None takes what the budget leaves
    measure_s: float | None = 1.0
    #: from the start of the process to its end; None where nothing bounds it
    budget_s: float | None = None
    #: after so long the process is ended from outside; None lets it run on
    limit_s: float | None = None
    #: whether the compiler's cache holds the cells from an earlier process
    compiled_before: bool = False
    started_s: float = 0.0  #: Unix time at which the process was started
