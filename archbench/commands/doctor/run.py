"""Look at this machine, measure how noisy it is, and say what would make it quieter."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from archbench.commands.doctor.advice import advice
from archbench.commands.doctor.noise import noise_of
from archbench.commands.doctor.records import Diagnosis
from archbench.libraries import require
from archbench.timing.ceilings import Ceilings
from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.timing.records import Session
from archbench.timing.sessions.ceilings import ceilings_of
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.schedule import comparison_jobs, run_jobs

if TYPE_CHECKING:
    from archbench.timing.machine.disturbances import DeviceWatch

MODEL = "resnet20"  # a few milliseconds a pass: many of its rounds fit into a short process
SESSION_S = 3.0  # of one process, most of which is loading torch
BUSIEST = 3


def doctor(
    device: str = "auto",
    threads: int | None = None,
    max_time_s: float = 30.0,
    ceilings: bool = False,
    listener: Listener = SILENT,
) -> Diagnosis:
    """Describe this machine, and measure what a comparison of two equal networks shows on it.

    A `max_time_s` of 0 measures no noise. With `ceilings`, the rates that `bench --layers` compares
    with are measured and kept.

    Raises:
        DeviceUnavailable: there is no such device.
        NothingMeasured: no worker process could be started.
    """
    from archbench.networks.device import check_device
    from archbench.timing.machine.cpu_load import CpuWatch, busiest
    from archbench.timing.machine.system_memory import available_bytes

    if max_time_s > 0:
        require("scipy", "intervals over processes; --max-time 0 measures none")
    cell = Cell(MODEL, device=str(check_device(device)), threads=threads)
    with CpuWatch() as cpu:
        others = busiest(BUSIEST)
    watch, why_not = _device_watch(cell.device)
    with job_runner(listener.show_output) as runner:
        environment = runner.environment(cell)
        sessions = _measure_noise(cell, runner, max_time_s, listener) if max_time_s > 0 else []
        kept = _measure_ceilings(environment, cell, runner) if ceilings else None
    left = available_bytes()
    load = cpu.load
    assert load is not None  # it was left above
    return Diagnosis(
        environment,
        load,
        others,
        left,
        noise_of(sessions),
        kept,
        advice(environment, load, others, left, watch, why_not),
    )


def _measure_ceilings(environment: Environment, cell: Cell, runner: JobRunner) -> Ceilings:
    """Measure the ceilings of every usual precision; return those of float32."""
    found = []
    for own in (replace(cell, precision="fp32"), replace(cell, precision="bf16")):
        measure = partial(runner.ceilings, own)
        found.append(ceilings_of(environment.fingerprint, own.precision, measure, again=True))
    return found[0]


def _measure_noise(
    cell: Cell, runner: JobRunner, max_time_s: float, listener: Listener
) -> list[Session]:
    """Let a network take turns with itself in several processes."""
    count = max(3, round(max_time_s / SESSION_S))
    jobs = comparison_jobs((cell, cell), (None, None), count)
    sessions = list(run_jobs(jobs, runner, max_time_s, listener.show_progress))
    for session in sessions:
        if session.failure is not None:
            listener.warn(f"its noise could not be measured: {session.failure.message}")
    return [session for session in sessions if session.failure is None]


def _device_watch(device: str) -> tuple["DeviceWatch | None", str]:
    """Look at a CUDA device once; return why that is not possible, if so."""
    if not device.startswith("cuda"):
        return None, ""
    from archbench.timing.machine.nvml import NvmlWatch

    with NvmlWatch(int(device.partition(":")[2] or 0), workers=0) as watch:
        pass
    return watch.result, watch.reason
