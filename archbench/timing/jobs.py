"""What a worker process is to do."""

from dataclasses import dataclass

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
