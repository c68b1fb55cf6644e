"""Fresh worker processes, watched from outside while they measure."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from archbench.errors import NothingMeasured
from archbench.libraries import require
from archbench.timing.ceilings import Ceilings
from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.timing.records import Flag, Session

if TYPE_CHECKING:
    from archbench.timing.jobs import Job
    from archbench.timing.sessions.launch import Task

Warn = Callable[[str], None]


_repeat: frozenset[Flag] = frozenset({"throttled"})  # a device that was too hot may be cooler now


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told how a run goes on."""

    #: the share that is done, and how many seconds are left, if that is known
    tell: Callable[[float, float | None], None] = lambda share, left_s: None
    #: what a model's own code printed, once a model
    heard: Callable[[str], None] = lambda text: None
    warn: Warn = _warn  #: sentences about what was found on the way


SILENT = Listener()
WORKERS_NEED = ("cloudpickle", "msgspec", "psutil")


class JobRunner:
    """Runs jobs, each in a fresh process.

    Args:
        folder: for what torch.compile keeps; each cell finds there what its own sessions left.
        heard: is handed what the first process of each model prints.
    """

    def __init__(self, folder: Path, heard: Callable[[str], None]) -> None:
        self._folder = folder
        self._heard = heard
        self._listened: set[str] = set()

    def __call__(self, job: "Job") -> Session:
        """Do a job, and note what disturbed it."""
        session, printed = self._tried(job)
        if _repeat & set(session.flags):
            session, printed = self._tried(job)
        models = {cell.model for cell in job.cells}
        if printed and not models <= self._listened:
            self._heard(printed)
        self._listened |= models
        return session

    def _tried(self, job: "Job") -> tuple[Session, str]:
        """Do a job once; what torch.compile kept of the same cells is there, and nothing else."""
        from archbench.timing.sessions.launch import launch

        if all(cell.compiled is None for cell in job.cells):
            return launch(job, {})
        cache = self._folder / "-".join(cell.id for cell in job.cells)
        variables = {
            "TORCHINDUCTOR_CACHE_DIR": str(cache),
            "TRITON_CACHE_DIR": str(cache / "triton"),
        }
        return launch(replace(job, compiled_before=_is_filled(cache)), variables)

    def environment(self, cell: Cell) -> Environment:
        """Ask a fresh process, as this cell would run in, where it is.

        A CUDA context of this process itself would take memory from the workers.
        """
        return Environment.from_dict(self._asked("environment", cell))

    def ceilings(self, cell: Cell) -> Ceilings:
        """Measure how fast the machine can be, as this cell would run."""
        return Ceilings.from_dict(self._asked("ceilings", cell))

    def _asked(self, task: "Task", cell: Cell) -> dict[str, Any]:
        from archbench.timing.jobs import Job
        from archbench.timing.sessions.launch import ask

        answer = ask(task, Job((cell,), 0, 0), {})
        if answer.found is None:
            said = answer.printed.strip().split("\n")[-1]
            raise NothingMeasured(f"no worker process could be started: {said}")
        return answer.found


def _is_filled(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())


@contextmanager
def job_runner(heard: Callable[[str], None]) -> Iterator[JobRunner]:
    """Lend a runner, and remove afterwards what it kept.

    Raises:
        MissingLibrary: workers cannot be started or watched.
    """
    for library in WORKERS_NEED:
        require(library, "measuring")
    with TemporaryDirectory(prefix="archbench.compiled.", ignore_cleanup_errors=True) as folder:
        yield JobRunner(Path(folder), heard)
