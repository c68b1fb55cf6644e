"""One session: load, prepare, warm up, time; then memory. It runs in a process of its own."""

import os
import pickle
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from torch import nn

from archbench.collector import collection_paused
from archbench.errors import ArchbenchError, OutOfMemory, UserCodeError
from archbench.networks.inputs import InputPlan
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.networks.user_code import user_code
from archbench.private_torch import compilations
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.caches import last_cache_bytes
from archbench.timing.machine.environment import environment
from archbench.timing.records import DeviceTimes, Failure, FailureKind, Flag, Measured
from archbench.timing.worker.accelerator import CudaStream, Stream, device_times
from archbench.timing.worker.clock import Clock, DeviceClock, really_waits, time_of
from archbench.timing.worker.layers import HostMarker, LayerWatch, layer_times
from archbench.timing.worker.memory import peak_above
from archbench.timing.worker.prepare import (
    Prepared,
    failures,
    prepare,
    run_untimed,
    timed_call,
    use_precision,
)
from archbench.timing.worker.runner import Call, Effort, Rounds, take_turns

SHORT_CALL_NS = 10_000  # the clock takes a hundredth of that: shorter calls share a reading
LONG_CALL_NS = 1_000_000  # a first call that takes this long is not a very short one
WARM_UP_S = {"cpu": (0.4, 3.0)}  # at least, at most
ACCELERATOR_WARM_UP_S = (1.0, 6.0)  # their clocks rise slowly
WARM_UP_SHARE = 0.4  # of a limited time, at most
LEAST_ROUNDS = 3
LAYERS_S, MOST_PASSES = 1.0, 200  # passes in which layers are watched


@dataclass(frozen=True, slots=True)
class Place:
    """Where a session is measured; tests make one up."""

    device: torch.device  #: that computes
    clock: Clock  #: the host's
    stream: Stream | None = None  #: the queue of an accelerator that has a clock of its own


@dataclass(frozen=True, slots=True)
class Ready:
    """A cell that has run."""

    prepared: Prepared
    call: Call
    first_ns: int  #: of the first run, which compiles what is to be compiled


def run(job: Job) -> Measured:
    """Do a job in this process, which should be a fresh one, and report whatever came of it."""
    job = replace(job, started_s=job.started_s or time.time())
    cell = job.cells[0]
    device = torch.device(cell.device)
    as_in(cell)
    stream = CudaStream(torch.cuda) if device.type == "cuda" else None
    try:
        with failures(cell, UserCodeError, f"measuring {cell.model} failed"):
            return measure(job, Place(device, DeviceClock(device), stream))
    except ArchbenchError as error:
        return Measured(failure=failure_of(error), environment=environment(device))


def failure_of(error: ArchbenchError) -> Failure:
    """Write down why there are no times."""
    kind: FailureKind = "oom" if isinstance(error, OutOfMemory) else "failed"
    return Failure(kind, error.message, error.hint, error.exit_code)


def as_in(cell: Cell) -> None:
    """Set for this whole process what a cell says of its device, threads and precision."""
    if cell.device.startswith("cuda:"):
        torch.cuda.set_device(cell.device)  # events, graphs and streams are of the current one
    if cell.threads is not None:
        torch.set_num_threads(cell.threads)
    use_precision(cell)


def measure(job: Job, place: Place) -> Measured:
    """Load every cell of a job, warm up, time them; of one that runs alone, device and layers too.

    Args:
        job: what to do.
        place: where.

    Raises:
        ArchbenchError: a model cannot be loaded, run, compiled or captured, or does not fit.
    """
    torch.manual_seed(job.seed)
    files = job.module_files or [None] * len(job.cells)
    order = job.order or range(len(job.cells))
    ready = [made_ready(job.cells[i], files[i], place) for i in order]
    effort = _effort(job, place)
    with gradients_of(job.cells[0]):
        together = _together(ready, place.clock)
        calls = [_repeated(one.call, together) for one in ready]
        rounds = take_turns(calls, place.clock, effort, job.seed, compilations)
        readings = dict(zip(order, zip(*rounds.kept, strict=True), strict=True))
        alone = _Alone()
        if len(ready) == 1:
            with collection_paused():
                alone = _alone(job, ready[0], place, effort, median(readings[0]) / together / 1e9)
    return Measured(
        readings_ns=tuple(readings[i] for i in range(len(job.cells))),
        calls_per_reading=together,
        warm_up_rounds=rounds.warm_up,
        settled=rounds.settled,
        device=alone.device,
        layers_ns=alone.layers_ns,
        compile_s=None if job.cells[0].compiled is None else ready[0].first_ns / 1e9,
        peak_memory_bytes=alone.peak_memory_bytes,
        activations_peak_bytes=alone.activations_peak_bytes,
        flags=_flags(ready, rounds, place, effort),
        environment=environment(place.device),
    )


class _Alone(NamedTuple):
    """What only a cell has that runs alone."""

    device: DeviceTimes | None = None
    layers_ns: Mapping[str, int] = MappingProxyType({})
    peak_memory_bytes: int | None = None
    activations_peak_bytes: int | None = None


def _alone(job: Job, ready: Ready, place: Place, effort: Effort, latency_s: float) -> _Alone:
    """Measure the device's own times, the layers and the memory of a cell that runs alone."""
    device, layers_ns = None, {}
    if place.stream is not None:
        seconds = effort.measure_s / 2
        device = device_times(ready.call, place.stream, place.clock, latency_s, seconds)
    if job.layers:
        passes = min(MOST_PASSES, int(min(LAYERS_S, effort.measure_s) / latency_s))
        layers_ns = _layers(ready.prepared, job, place, passes)
    if not job.memory or not _tells_memory(job.cells[0], place.device):
        return _Alone(device, layers_ns)
    # a replayed graph allocates nothing: what it holds was taken when it was captured
    with _silenced():  # torch's profiler writes to standard error
        above = peak_above(ready.prepared.call, place.device)
    peak = above + ready.prepared.alive_bytes()
    if place.device.type == "cuda":  # with what its libraries hold, and rounded as it rounds
        peak = torch.cuda.max_memory_allocated(place.device)
    return _Alone(device, layers_ns, peak, above)


def _tells_memory(cell: Cell, device: torch.device) -> bool:
    """Tell whether one call's allocations can be seen: not on every device, nor in a graph."""
    in_graph = cell.compiled in ("reduce-overhead", "max-autotune") and device.type == "cuda"
    return device.type in ("cpu", "cuda") and not in_graph


def made_ready(cell: Cell, file: str | None, place: Place) -> Ready:
    """Load a cell's model, prepare it and run it for the first time.

    Args:
        cell: what to run.
        file: in which a model lies that was given as an object.
        place: where.

    Raises:
        ArchbenchError: it cannot be loaded, run, compiled or captured, or does not fit.
    """
    if file is None:
        loaded = load(cell.model, cell.arguments)
    else:
        loaded = Loaded(cell.model, _unpickled(file, cell.model))
    plan = plan_for(loaded, list(cell.inputs) or None, cell.batch_size)
    return ready_from(loaded, plan, cell, place)


def ready_from(loaded: Loaded, plan: InputPlan, cell: Cell, place: Place) -> Ready:
    """Prepare a loaded model and run it for the first time.

    Raises:
        ArchbenchError: it cannot be run, compiled or captured, or does not fit.
    """
    as_in(cell)  # once more: the user's own code may have set something else
    cache_bytes = last_cache_bytes(place.device) if cell.cold_cache else 0
    prepared = prepare(loaded, plan, cell, place.device, cache_bytes)
    with gradients_of(cell):
        first = partial(run_untimed, prepared, cell)
        first_ns = time_of(first, place.clock.wait, place.clock.now_ns)
        if cell.mode == "train":  # from the second step on the optimizer has its state
            run_untimed(prepared, cell)
        return Ready(prepared, timed_call(prepared, cell), first_ns)


def _unpickled(file: str, name: str) -> nn.Module:
    with user_code(f"unpickling '{name}'"):
        module: nn.Module = pickle.loads(Path(file).read_bytes())
        return module


def _flags(
    ready: Sequence[Ready], rounds: Rounds, place: Place, effort: Effort
) -> tuple[Flag, ...]:
    """Gather what a reader should know of this process."""
    flags: dict[Flag, None] = {}
    for one in ready:
        flags.update(dict.fromkeys(one.prepared.flags))
    if rounds.recompiled:
        flags["recompiled"] = None
    elif rounds.recompiled is None and any(one.prepared.compiled for one in ready):
        flags["compilations_unknown"] = None
    if effort.warm_up_least_s < _warm_up_s(place)[0]:
        flags["cut_short"] = None
    elif not rounds.settled:
        flags["unsettled"] = None
    if place.device.type not in ("cpu", "cuda") and not really_waits(place.device, place.clock):
        flags["unsynchronised"] = None
    return tuple(flags)


def _layers(prepared: Prepared, job: Job, place: Place, passes: int) -> dict[str, int]:
    """Time the layers of the one cell, in passes of their own."""
    marker = place.stream or HostMarker(place.clock.now_ns)
    watch = LayerWatch(prepared.module, job.layers, marker)
    return layer_times(watch, prepared.call, place.clock.wait, passes)


@contextmanager
def _silenced() -> Iterator[None]:
    """Let nothing through to standard error, not even from below Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def gradients_of(cell: Cell) -> AbstractContextManager[Any]:
    """Return what a cell runs under: inference mode, unless it trains."""
    return nullcontext() if cell.mode == "train" else torch.inference_mode()


def _together(ready: Sequence[Ready], clock: Clock) -> int:
    """Choose how many calls share one reading of the clock: 1, but for very short ones."""
    shortest = SHORT_CALL_NS
    for one in ready:
        compiled = one.prepared.compiled  # whose first run says nothing of the others
        if one.first_ns > LONG_CALL_NS and not compiled:
            continue
        shortest = min(shortest, time_of(one.call, clock.wait, clock.now_ns))
    return -(-SHORT_CALL_NS // max(1, shortest))


def _repeated(call: Call, times: int) -> Call:
    if times == 1:
        return call

    def repeated() -> None:
        for _ in range(times):
            call()

    return repeated


def _warm_up_s(place: Place) -> tuple[float, float]:
    """Return how long a process warms up at least and at most, where its time is not limited."""
    return WARM_UP_S.get(place.device.type, ACCELERATOR_WARM_UP_S)


def _effort(job: Job, place: Place) -> Effort:
    """Share out what is left of the budget, or take the usual times."""
    least, most = _warm_up_s(place)
    if job.budget_s is None:
        return Effort(least, most, job.measure_s or 1.0, LEAST_ROUNDS)
    left = max(0.0, job.budget_s - (time.time() - job.started_s))
    most = min(most, WARM_UP_SHARE * left)
    # the device's own figures, and the layers, take as long again each
    parts = 1 + (place.stream is not None and len(job.cells) == 1) + bool(job.layers)
    measure = (left - most) / parts
    if job.measure_s is not None:
        measure = min(measure, job.measure_s)
    return Effort(min(least, most), most, measure, least_rounds=1)
