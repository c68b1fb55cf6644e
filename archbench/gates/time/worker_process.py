"""The worker process of one side of a pair, as the process that started it sees it.

The protocol is a line of JSON each way. The first line says what to load, and is answered when that
has run once. Every further line asks for a slice, and is answered with its times; or, without a
number of calls, for the tensors that are alive. A worker that fails answers {"failure": ...}
instead.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from archbench.gates.time.pairs import Side, Slice
from archbench.timing.jobs import Job, question_of
from archbench.timing.processes.children import Child
from archbench.timing.records import Failure, LiveTensors
from archbench.timing.sessions.deaths import death
from archbench.timing.sessions.launch import worker_variables
from archbench.version import FOLDER

# threads that wait for their next slice must not compute beside the other side's
SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


class SideFailed(Exception):
    """One side of a pair gave no times; without a failure, its process died without a report."""

    def __init__(self, side: Side, failure: Failure | None = None) -> None:
        super().__init__(side)
        self.side = side
        self.failure = failure


class WorkerProcess:
    """The worker process of one side, started at once; its code is imported from the tree."""

    def __init__(self, side: Side, job: Job, tree: Path, variables: Mapping[str, str]) -> None:
        self.side = side
        self.inference = True  #: whether its calls run in inference mode; else under no_grad()
        self._job = job
        self._printed = TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  # close()
        self._last_words = ""
        fixed = {**worker_variables(job), **SLEEPING_THREADS, "PYTHONPATH": _python_path()}
        self.process = Child(
            [sys.executable, "-P", "-m", "archbench.gates.time.worker"],
            {**fixed, **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._printed,
            cwd=tree,
        )

    def load(self, core: int | None, other: Path | None) -> None:
        """Ask it to load; answer() then waits until it has.

        Once loaded, it computes on the core only. It must not import from the other repository.
        """
        limits = {"core": core, "other": None if other is None else str(other)}
        self.process.tell(json.dumps({**question_of(self._job), **limits}, default=repr))

    def answer(self) -> dict[str, Any]:
        """Wait for its next line, and return it.

        Raises:
            SideFailed: it reports a failure, or has died.
        """
        try:
            answer: dict[str, Any] = json.loads(self.process.answer())
        except ValueError:
            raise SideFailed(self.side) from None
        if "failure" in answer:
            raise SideFailed(self.side, Failure.from_dict(answer["failure"]))
        return answer

    def slice(self, calls: int) -> Slice:
        """Return the times of so many calls in nanoseconds.

        Raises:
            SideFailed: it reports a failure, or has died.
        """
        self.process.tell(json.dumps({"calls": calls, "inference": self.inference}))
        return tuple(self.answer()["times_ns"])

    def live_tensors(self) -> LiveTensors:
        """Return the tensors that it has made since it loaded, and that are alive.

        Raises:
            SideFailed: it reports a failure, or has died.
        """
        self.process.tell(json.dumps({}))
        return LiveTensors.from_dict(self.answer()["live_tensors"])

    def close(self) -> None:
        """End it with all that it started."""
        self.process.end()
        self._printed.seek(0)
        self._last_words = self._printed.read()
        self._printed.close()

    def death(self, limit_s: float | None) -> Failure:
        """Say how it died, after close(); limit_s is the time limit that it was killed at."""
        return death(self._last_words, self.process.returncode, limit_s)


def _python_path() -> str:
    """Return $PYTHONPATH, whose relative folders are each tree's own, and archbench's folder."""
    folders = [os.environ.get("PYTHONPATH", ""), str(FOLDER.parent)]
    return os.pathsep.join(folder for folder in folders if folder)
