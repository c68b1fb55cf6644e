"""Start a fresh worker process, and wait for its answer without taking a core."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import Any, Literal

from archbench.timing.jobs import Job, question_of
from archbench.timing.machine.cpu_load import CpuWatch
from archbench.timing.machine.nvml import NvmlWatch
from archbench.timing.processes.children import Child, limited
from archbench.timing.records import Flag, Measured, Session, Watched
from archbench.timing.sessions.deaths import death

# GLIBC_TUNABLES makes malloc use huge pages. Where memory lies decides, for the life of a process,
# how well a model fits into the caches: equal processes differed by 1.7 to 5.2 % with malloc's own
# choice, and by 0.7 to 0.8 % with one heap of huge pages (reports/pairs.md).
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
    """What came back from a worker process."""

    found: dict[str, Any] | None  #: the answer itself; None where the worker died before it
    printed: str  #: output of the model's code, or of a crash
    exit_code: int  #: of the process; negative where a signal killed it
    too_long: bool = False  #: whether it was killed because its time was up


def launch(job: Job, variables: Mapping[str, str]) -> tuple[Session, str]:
    """Run a job in a worker; return its session, and what the model's code printed.

    Meanwhile this process samples CPU and GPU load.
    """
    job = replace(job, started_s=time.time())
    kind, _, index = job.cells[0].device.partition(":")
    with ExitStack() as stack:
        cpu = stack.enter_context(CpuWatch())
        gpu = stack.enter_context(NvmlWatch(int(index or 0))) if kind == "cuda" else None
        answer = ask("session", job, variables)
        wall_s = time.time() - job.started_s
    if answer.found is None:
        limit_s = job.limit_s if answer.too_long else None
        failure = death(answer.printed, answer.exit_code, limit_s, "--max-time gives it longer")
        measured = Measured(failure=failure)
    else:
        measured = Measured.from_dict(answer.found)
    watched = Watched(job.started_s, wall_s, cpu.load, None if gpu is None else gpu.result)
    return session_of(job, measured, watched), answer.printed


def session_of(job: Job, measured: Measured, watched: Watched) -> Session:
    """Return the session of a job, made of the worker's measurement and this process's watch."""
    calls, single = measured.calls_per_reading, measured.single_cell
    load, device = watched.load, watched.device
    on_cpu = job.cells[0].device == "cpu"
    flags: list[Flag] = list(measured.flags)
    if (on_cpu and load is not None and load.foreign) or (device is not None and device.foreign):
        flags.append("foreign_process")
    if device is not None and device.throttled:
        flags.append("throttled")
    return Session(
        cells=job.cells,
        number=job.number,
        seed=job.seed,
        times_ns=tuple(
            tuple(round(reading / calls) for reading in own) for own in measured.readings_ns
        ),
        calls_per_time=calls,
        warm_up_rounds=measured.warm_up_rounds,
        settled=measured.settled,
        device=single.device,
        layers_ns=single.layers_ns,
        compile_s=measured.compile_s,
        compiled_before=job.compiled_before,
        peak_memory_bytes=single.peak_memory_bytes,
        activations_peak_bytes=single.activations_peak_bytes,
        flags=tuple(flags),
        load=load,
        watch=None if device is None else device.to_dict(),
        started_s=watched.started_s,
        wall_s=watched.wall_s,
        environment=measured.environment,
        failure=measured.failure,
    )


def ask(task: Task, job: Job, variables: Mapping[str, str]) -> Answer:
    """Let a fresh worker process do one task; return when it has answered or died."""
    question = json.dumps({"task": task, **question_of(job)}, default=repr)
    import_path = os.pathsep.join(path for path in sys.path if path)  # the same modules as here
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as printed:
        worker = Child(
            [sys.executable, "-m", "archbench.timing.worker.main"],
            {"PYTHONPATH": import_path, **worker_variables(job), **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
        )
        too_long = threading.Event()
        try:
            with limited([worker], job.limit_s, too_long):
                worker.tell(question)
                line = worker.answer()
            if not line:
                worker.let_end()
        finally:
            worker.end()
        printed.seek(0)
        output = printed.read()
    try:
        return Answer(json.loads(line), output, worker.returncode)
    except ValueError:
        return Answer(None, output, worker.returncode, too_long.is_set())


def worker_variables(job: Job) -> dict[str, str]:
    """Return the variables that a worker needs before its imports: threads and memory."""
    variables: dict[str, str] = {}
    threads = job.cells[0].threads
    if threads is not None:
        names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # read when the libraries are loaded
        variables |= dict.fromkeys(names, str(threads))
    if job.huge_pages and sys.platform == "linux":
        variables["GLIBC_TUNABLES"] = HUGE_PAGES
    return variables
