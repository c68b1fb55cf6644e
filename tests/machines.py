"""A machine that is made up, for tests that need sessions and no measuring."""

from dataclasses import replace
from typing import Any

from archbench.timing.ceilings import Ceilings
from archbench.timing.jobs import Job
from archbench.timing.machine.disturbances import CpuLoad
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure, Session
from archbench.timing.sessions.launch import Answer

MS = 1_000_000
HERE = Environment("3.11.7", "2.13.0", "Linux x86_64", "a processor", 2, 2, "cpu", "a processor")
ROOFS = Ceilings(
    fingerprint=HERE.fingerprint,
    device="cpu",
    device_name="a processor",
    precision="fp32",
    flops_per_s=1e11,
    copies=((2**20, 8e10), (2**24, 4e10), (2**29, 1e10)),
    launch_s=2e-6,
)


class Quiet:
    """Watches a machine on which nothing else computes."""

    load = CpuLoad(0.0, 0.0)

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(self, *_: object) -> None:
        pass


def made_up(job: Job) -> Session:
    """Each cell takes as many milliseconds as its batch; from 1,000 on it does not fit."""
    empty = Session(
        job.cells,
        job.number,
        job.seed,
        environment=HERE,
        settled=True,
        compiled_before=job.compiled_before,
    )
    if any(cell.batch_size >= 1000 for cell in job.cells):
        return replace(empty, failure=Failure("oom", "it does not fit", "a smaller -b", 2))
    if any("Fails" in cell.model for cell in job.cells):
        return replace(empty, failure=Failure("failed", "forward raised", "", 3))
    # processes differ by a percent each, calls of one process not at all
    times = tuple(
        (round(cell.batch_size * MS * (1 + job.number / 100) * (1 + i / 10)),) * 100
        for i, cell in enumerate(job.cells)
    )
    return replace(
        empty,
        times_ns=times,
        peak_memory_bytes=3 * 2**20 if job.memory else None,
        activations_peak_bytes=2**20 if job.memory else None,
        layers_ns=dict.fromkeys(job.layers, 1000),
        compile_s=None if job.cells[0].compiled is None else 9.0 - job.number,
    )


def tells(task: str, job: Job, variables: dict[str, str]) -> Answer:
    """Answer what a fresh process is asked besides sessions."""
    found: dict[str, Any] = ROOFS.to_dict() if task == "ceilings" else HERE.to_dict()
    return Answer(found, "", 0)
