"""Run jobs, each in a fresh worker process that is watched from outside."""

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
from archbench.timing.run_file import Warn

if TYPE_CHECKING:
    from archbench.timing.jobs import Job
    from archbench.timing.sessions.launch import Task

ShowOutput = Callable[[str], None]

RETRIED: frozenset[Flag] = frozenset({"throttled"})  # a device that was too hot may be cooler now
WORKERS_NEED = ("cloudpickle", "msgspec", "psutil")


def _warn(message: str) -> None:
    warnings.warn(message, stacklevel=3)


@dataclass(frozen=True, slots=True)
class Listener:
    """Functions that a long run calls, for its user to see how it goes on."""

    #: takes the share that is done, and the seconds that are left, if that is known
    show_progress: Callable[[float, float | None], None] = lambda share, left_s: None
    show_output: ShowOutput = lambda text: None  #: takes what a model's own code printed
    warn: Warn = _warn  #: takes a sentence about something that was found on the way


SILENT = Listener()


class JobRunner:
    """Runs jobs, each in a fresh process.

    Args:
        folder: for torch.compile's caches; each cell finds there what its own sessions left.
        show_output: takes what the first process of each model prints.
    """

    def __init__(self, folder: Path, show_output: ShowOutput) -> None:
        self._folder = folder
        self._show_output = show_output
        self._shown: set[str] = set()  # models whose output was shown

    def __call__(self, job: "Job") -> Session:
        """Run a job; run it once more where the device was too hot."""
        session, printed = self._run(job)
        if RETRIED & set(session.flags):
            session, printed = self._run(job)
        models = {cell.model for cell in job.cells}
        if printed and not models <= self._shown:
            self._show_output(printed)
        self._shown |= models
        return session

    def _run(self, job: "Job") -> tuple[Session, str]:
        """Run a job once, with a compile cache that holds only results of the same cells."""
        from archbench.timing.sessions.launch import launch

        if all(cell.compiled is None for cell in job.cells):
            return launch(job, {})
        cache = self._folder / "-".join(cell.id for cell in job.cells)
        filled = cache.is_dir() and any(cache.iterdir())
        variables = {
            "TORCHINDUCTOR_CACHE_DIR": str(cache),
            "TRITON_CACHE_DIR": str(cache / "triton"),
        }
        return launch(replace(job, compiled_before=filled), variables)

    def environment(self, cell: Cell) -> Environment:
        """Return the environment (CPU, torch, threads) that a worker process for a cell reports.

        A CUDA context of this process itself would take memory from the workers.
        """
        return Environment.from_dict(self._answer("environment", cell))

    def ceilings(self, cell: Cell) -> Ceilings:
        """Return the machine's ceilings, measured in a worker process for a cell."""
        return Ceilings.from_dict(self._answer("ceilings", cell))

    def _answer(self, task: "Task", cell: Cell) -> dict[str, Any]:
        from archbench.timing.jobs import Job
        from archbench.timing.sessions.launch import ask

        answer = ask(task, Job((cell,), 0, 0), {})
        if answer.found is None:
            last_line = answer.printed.strip().split("\n")[-1]
            raise NothingMeasured(f"no worker process could be started: {last_line}")
        return answer.found


@contextmanager
def job_runner(show_output: ShowOutput) -> Iterator[JobRunner]:
    """Return a runner whose compile caches last as long as the context.

    Raises:
        MissingLibrary: workers cannot be started or watched.
    """
    for library in WORKERS_NEED:
        require(library, "measuring")
    with TemporaryDirectory(prefix="archbench.compiled.", ignore_cleanup_errors=True) as folder:
        yield JobRunner(Path(folder), show_output)
