"""Start fresh worker processes, one after the other, and wait for each without taking a core."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import Any, Literal

from archbench.errors import NothingMeasured
from archbench.measure.jobs import Job
from archbench.records.sessions import Failure, Session

LAST_WORDS = 400  # characters of a dead worker's standard error
GRACE_S = 10.0  # for a worker that died without an answer to end: tearing torch down takes one
# Where memory lies decides, for the life of a process, how well a model fits into the caches: equal
# processes differed by 1.7 to 5.2 % where glibc takes it from where it likes, and by 0.7 to 0.8 %
# where all comes from one heap of huge pages (reports/pairs.md).
HUGE_PAGES = ":".join(
    f"glibc.malloc.{name}"
    for name in (
        "hugetlb=1",  # asks Linux for huge pages
        "mmap_threshold=4294967296",  # large blocks come from the heap as well
        "top_pad=134217728",  # which grows by so many bytes,
        "trim_threshold=4294967296",  # and is not given back
    )
)

Task = Literal["session", "environment", "ceilings"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back from a worker.

    Args:
        found: what it answered; None where it died before that.
        printed: what the model's code, or a crash, wrote meanwhile.
        exit_code: of the process; negative where a signal killed it.
        too_long: it was ended because its time was up.
    """

    found: dict[str, Any] | None
    printed: str
    exit_code: int
    too_long: bool = False


def launch(job: Job, variables: Mapping[str, str]) -> tuple[Session, str]:
    """Run a job in a fresh process; return its session and what the model's code printed.

    Args:
        job: its start is now.
        variables: of the environment, set for the process beside the present ones.
    """
    job = replace(job, started_s=time.time())
    answer = ask("session", job, variables)
    wall_s = time.time() - job.started_s
    if answer.found is None:
        session = Session(job.cells, job.number, job.seed, failure=_why(answer, job))
    else:
        session = replace(Session.from_dict(answer.found), cells=job.cells)
    return replace(session, started_s=job.started_s, wall_s=wall_s), answer.printed


def _why(answer: Answer, job: Job) -> Failure:
    limit_s = job.limit_s if answer.too_long else None
    return death(answer.printed, answer.exit_code, limit_s, "--max-time gives it longer")


def ask(task: Task, job: Job, variables: Mapping[str, str]) -> Answer:
    """Let a fresh process do one task; block until it has answered or is gone.

    The number of threads is set before anything of it is imported.
    """
    question = json.dumps(
        {"task": task, "job": job.to_dict(), "arguments": pickled_arguments(job)}, default=repr
    )
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        worker = subprocess.Popen(
            [sys.executable, "-m", "archbench.measure.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            text=True,
            env={**os.environ, **_paths(), **fixed_for(job), **variables},
            start_new_session=True,  # so that what it starts itself ends with it
        )
        too_long = threading.Event()
        try:
            with limited([worker], job.limit_s, too_long):
                line = _asked(worker, question)
            if not line:
                let_end(worker)
        finally:
            end_worker(worker)
        printed.seek(0)
        words = printed.read()
    try:
        return Answer(json.loads(line), words, worker.returncode)
    except ValueError:
        return Answer(None, words, worker.returncode, too_long.is_set())


@contextmanager
def limited(
    workers: Sequence["subprocess.Popen[str]"], limit_s: float | None, too_long: threading.Event
) -> Iterator[None]:
    """End workers that take longer, with all that they started; None lets them run on."""

    def end() -> None:
        too_long.set()
        for worker in workers:
            kill_worker(worker)

    timer = threading.Timer(limit_s or 0.0, end)
    timer.daemon = True
    if limit_s is not None:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _asked(worker: "subprocess.Popen[str]", question: str) -> str:
    if worker.stdin is None or worker.stdout is None:
        raise RuntimeError("a worker without pipes")
    with suppress(BrokenPipeError):  # it died before it was asked, which its answer will show
        worker.stdin.write(question)
        worker.stdin.close()
    return worker.stdout.readline()


def pickled_arguments(job: Job) -> str:
    """Write the arguments of every cell's factory as they are: JSON knows no tuples."""
    import cloudpickle

    arguments = [dict(cell.arguments) for cell in job.cells]
    return b64encode(cloudpickle.dumps(arguments)).decode("ascii")


def _paths() -> dict[str, str]:
    """Let the worker import from where this process does: a script's folder, a notebook's."""
    return {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def fixed_for(job: Job) -> dict[str, str]:
    """Return the variables that fix threads and memory before anything is imported."""
    fixed: dict[str, str] = {}
    threads = job.cells[0].threads
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # read when the libraries are loaded
        fixed |= dict.fromkeys(names, str(threads))
    if job.huge_pages:
        fixed["GLIBC_TUNABLES"] = HUGE_PAGES
    return fixed


def let_end(worker: "subprocess.Popen[str]") -> None:
    """Wait for a worker that closed its output to end by itself, so that its exit code is its own.

    Where the system can tell it, it is not reaped: until then nobody else can have its number.
    """
    if not hasattr(os, "waitid"):  # macOS, before Python 3.13
        with suppress(subprocess.TimeoutExpired):
            worker.wait(GRACE_S)
        return
    deadline = time.monotonic() + GRACE_S
    while time.monotonic() < deadline:
        if os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return
        time.sleep(0.02)


def end_worker(worker: "subprocess.Popen[Any]") -> None:
    """End a worker and all that it started; its number is its own until it is waited for."""
    kill_worker(worker)
    worker.wait()
    if worker.stdout is not None:
        worker.stdout.close()


def last_words(printed: str) -> str:
    """Say what a process printed last; nothing where it printed nothing."""
    words = " ".join(printed.split())[-LAST_WORDS:]
    return f"it last printed: {words}" if words else ""


def kill_worker(worker: "subprocess.Popen[Any]") -> None:
    """Kill a worker that has not been waited for yet, with all that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)


def death(printed: str, exit_code: int, limit_s: float | None = None, hint: str = "") -> Failure:
    """Say how a worker died that gave no answer.

    Args:
        printed: what it wrote meanwhile.
        exit_code: of the process; negative where a signal killed it.
        limit_s: it was ended because this time was up; None where it was not.
        hint: what gives it longer.
    """
    if limit_s is not None:
        message = f"a process had not ended {limit_s:.0f} s after its start"
        return Failure("out_of_time", message, hint, NothingMeasured.exit_code)
    said = last_words(printed)
    if exit_code < 0:
        name = signal.Signals(-exit_code).name
        hint = "a system without memory kills what takes most; try a smaller -b or -i"
        killed = exit_code == -signal.SIGKILL
        message = f"the worker was killed by {name}"
        return Failure("killed", message, hint if killed else said, NothingMeasured.exit_code)
    return Failure(
        "failed", f"the worker ended with exit code {exit_code} before it answered", said
    )
