"""One session, in a process of its own: load, warm up, time; then layers and memory."""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import torch

from archbench.errors import ArchbenchError, UserCodeError
from archbench.garbage_collector import collection_paused
from archbench.private_torch import compilations
from archbench.timing.failures import failure_of
from archbench.timing.jobs import Job
from archbench.timing.machine.environment import environment
from archbench.timing.records import Flag, Measured, SingleCellMeasured
from archbench.timing.worker.clock import really_waits
from archbench.timing.worker.errors import archbench_errors
from archbench.timing.worker.live_tensors import live_tensors
from archbench.timing.worker.loading import ReadyCell, load_cell
from archbench.timing.worker.process_setup import Place, configure_process, gradient_mode, place_of
from archbench.timing.worker.runner import Rounds, take_turns
from archbench.timing.worker.short_calls import calls_per_reading, repeated
from archbench.timing.worker.single_cell import measure_single_cell
from archbench.timing.worker.switch import process_switch, with_threads
from archbench.timing.worker.time_budget import Effort, effort_of, warm_up_s


def run(job: Job) -> Measured:
    """Do a job in this process, which should be a fresh one; an error becomes a failure."""
    cell = job.cells[0]
    job = replace(job, cells=with_threads(job.cells))
    configure_process(cell)
    place = place_of(cell)
    try:
        with archbench_errors(cell, UserCodeError, f"measuring {cell.model} failed"):
            return measure(job, place)
    except ArchbenchError as error:
        return Measured(failure=failure_of(error), environment=environment(place.device))


def measure(job: Job, place: Place) -> Measured:
    """Load all cells of a job, warm up and time them; measure more than latency of a single cell.

    Raises:
        ArchbenchError: a model cannot be loaded, run, compiled or captured, or does not fit.
    """
    torch.manual_seed(job.seed)
    order = job.order or tuple(range(len(job.cells)))
    files = job.module_files or [None] * len(job.cells)
    ready = [load_cell(job.cells[i], files[i], place, job.seed) for i in order]
    effort = effort_of(job, place)
    inference = all(cell.inference for cell in ready)  # one mode for all: no_grad() is slower
    with gradient_mode(job.cells[0], inference):
        shared = calls_per_reading(ready, place.clock)
        calls = [repeated(cell.call, shared) for cell in ready]
        switch = process_switch([job.cells[i] for i in order], calls)
        rounds = take_turns(
            calls, place.clock, effort, job.seed, compilations, live_tensors, switch
        )
        single = SingleCellMeasured()
        if len(ready) == 1:
            latency_s = median(reading for (reading,) in rounds.kept) / shared / 1e9
            with collection_paused():
                single = measure_single_cell(ready[0], job, place, effort, latency_s)
    readings = dict(zip(order, zip(*rounds.kept, strict=True), strict=True))
    configure_process(job.cells[0])  # the environment is the reference's
    return Measured(
        readings_ns=tuple(readings[i] for i in range(len(job.cells))),
        calls_per_reading=shared,
        warm_up_rounds=rounds.warm_up,
        settled=rounds.settled,
        compile_s=None if job.cells[0].compiled is None else ready[order.index(0)].first_ns / 1e9,
        single_cell=single,
        flags=_flags(ready, rounds, place, effort),
        environment=environment(place.device),
    )


def _flags(
    ready: Sequence[ReadyCell], rounds: Rounds, place: Place, effort: Effort
) -> tuple[Flag, ...]:
    """Return the flags of these times, each once."""
    flags: list[Flag] = [flag for cell in ready for flag in cell.flags]
    if rounds.grew:
        flags.append("grows")
    if rounds.recompiled:
        flags.append("recompiled")
    elif rounds.recompiled is None and any(cell.prepared.compiled for cell in ready):
        flags.append("compilations_unknown")
    shortest_s, _ = warm_up_s(place.device.type)
    if effort.warm_up_least_s < shortest_s:
        flags.append("cut_short")
    elif not rounds.settled:
        flags.append("unsettled")
    if place.device.type not in ("cpu", "cuda") and not really_waits(place.device, place.clock):
        flags.append("unsynchronised")
    return tuple(dict.fromkeys(flags))
