"""Measure models on this machine: every cell in several fresh processes."""

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archbench.commands.bench.aggregate import timing_of
from archbench.commands.bench.analysis import Analysis, analyse, check_layers
from archbench.commands.bench.layers.records import Roofline
from archbench.commands.bench.layers.roofline import roofline_of
from archbench.commands.bench.records import Bench
from archbench.commands.bench.resume import recorded_sessions
from archbench.errors import AnalysisIncomplete, ArchbenchError, NothingMeasured, OutOfMemory
from archbench.libraries import require
from archbench.old_names import OldName, renamed
from archbench.several import several
from archbench.statistics.intervals import LEAST_VALUES
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Failure, Session
from archbench.timing.run_file import RunFile, Warn
from archbench.timing.sessions.ceilings import ceilings_of
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.model_cells import ModelCells, Ways, compile_mode, model_cells
from archbench.timing.sessions.schedule import SESSIONS, check_effort, interleave, run_jobs
from archbench.units import memory

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputSize


@renamed(OldName("max_time_s", "max_time"))
def bench(
    models: "str | nn.Module | Sequence[str | nn.Module]",
    input_size: "InputSize | None" = None,
    batch_size: int | Sequence[int] = 1,
    device: str = "auto",
    precision: str | Sequence[str] = "fp32",
    mode: str | Sequence[str] = "infer",
    channels_last: bool = False,
    compile: str | bool | None = None,  # noqa: A002  # the word that torch uses
    cuda_graph: bool = False,
    cold_cache: bool = False,
    optimizer: str = "momentum",
    threads: int | None = None,
    sessions: int = SESSIONS,
    max_time: float | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    record: str | PathLike[str] | None = None,
    resume: bool = False,
    layers: bool = False,
    strict: bool = False,
) -> Bench:
    """Measure latency, throughput and memory, each cell in several fresh processes.

    A cell is a model at one batch size, precision and mode. Cells run in random interleaved order.
    A cell that does not fit into memory, or fails, is in the result with its flag, and the others
    are measured all the same.

    Args:
        models: MODEL strings or modules, one or several; a module is pickled for the workers.
        input_size: without the batch; default: the architecture's own.
        batch_size: samples in one pass; several are swept.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: fp32, tf32, fp16, bf16 or amp (autocast to bfloat16); several are swept.
        mode: "infer", or "train" for a whole step: forward, backward, optimizer; or both.
        channels_last: memory order of images and of the weights of convolutions.
        compile: a mode of torch.compile; True is its default, None runs eagerly.
        cuda_graph: replay a captured graph.
        cold_cache: let inputs take turns, so that none is still in the cache.
        optimizer: of the training step: sgd, momentum or adam.
        threads: of the CPU; None leaves torch's own number.
        sessions: fresh processes a cell; the 95 % interval is over them and needs three.
        max_time: seconds for everything; cells without a session by then are flagged.
        model_kwargs: arguments of the networks or factories.
        record: a file to which every finished session is appended.
        resume: take the sessions that this file already holds, if they ran on this machine as it
            is now, and of this code.
        layers: time every layer too, and put it under the machine's ceilings.
        strict: refuse a result whose count of a network is incomplete.

    Raises:
        ArchbenchError: something asked for is not known or does not go together.
        UserCodeError: a model's own code raised while it was analysed.
        NothingMeasured: there are no models, or no time.
        AnalysisIncomplete: under strict, the count of a network is a lower bound.
    """
    ways = Ways(
        batch_sizes=several(batch_size),
        device=device,
        precisions=several(precision),
        modes=several(mode),
        channels_last=channels_last,
        compiled=compile_mode(compile),
        cuda_graph=cuda_graph,
        cold_cache=cold_cache,
        optimizer=optimizer,
        threads=threads,
    )
    found = run_bench(
        several(models),
        input_size,
        ways,
        sessions,
        max_time,
        model_kwargs,
        None if record is None else Path(record),
        resume,
        layers,
    )
    if strict:
        refuse_gaps(found)
    return found


def refuse_gaps(found: Bench) -> None:
    """Raise AnalysisIncomplete if the count of a network is incomplete."""
    gaps = [f"{timing.cell.model}: {gap}" for timing in found.timings for gap in timing.gaps]
    if gaps:
        raise AnalysisIncomplete(f"counts are incomplete: {'; '.join(dict.fromkeys(gaps))}")


def run_bench(
    models: Sequence["str | nn.Module"],
    input_size: "InputSize | None",
    ways: Ways,
    sessions: int = SESSIONS,
    max_time_s: float | None = None,
    model_kwargs: Mapping[str, Any] | None = None,
    record: Path | None = None,
    resume: bool = False,
    layers: bool = False,
    listener: Listener = SILENT,
) -> Bench:
    """Do bench()'s work, and tell a listener how it goes on."""
    _check_numbers(models, sessions, max_time_s, record, resume)
    if sessions >= LEAST_VALUES:
        require("scipy", "intervals over processes; --sessions 2 has none")
    run = None if record is None else RunFile(record, Session)
    with ExitStack() as stack:
        found = stack.enter_context(model_cells(models, input_size, model_kwargs, ways))
        if layers:
            check_layers(cell for model in found for cell in model.cells)
        runner = stack.enter_context(job_runner(listener.show_output))
        analyses = {
            cell: analyse(s.loaded, plan, cell, layers)
            for s in found
            for cell, plan in s.plans.items()
        }
        kept: list[Session] = []
        if resume and run is not None:
            kept = recorded_sessions(run.path, list(analyses), layers, runner, listener.warn)
        kept += _beyond_memory(analyses, listener.warn)
        seed = random.SystemRandom().getrandbits(32)
        queue = interleave(_jobs(found, analyses, sessions, kept), seed)
        for session in run_jobs(queue, runner, max_time_s, listener.show_progress):
            kept.append(session)
            if run is not None:
                run.append(session)
        if not kept:
            raise NothingMeasured("the time was up before anything was measured", "--max-time 60")
        timings = []
        for cell, analysis in analyses.items():
            own = [session for session in kept if session.cells == (cell,)]
            timing = timing_of(cell, own, analysis.macs, analysis.gaps, analysis.estimate)
            if layers and timing.sessions:
                roofline = _roofline(cell, analysis, own, runner, listener.warn)
                timing = replace(timing, roofline=roofline)
            timings.append(timing)
    return Bench(tuple(timings), tuple(kept))


def _roofline(
    cell: Cell, analysis: Analysis, sessions: Sequence[Session], runner: JobRunner, warn: Warn
) -> Roofline | None:
    """Put a cell's layers under the ceilings of the environment that it ran in."""
    environment = next(s.environment for s in sessions if s.environment is not None)
    try:
        ceilings = ceilings_of(
            environment.fingerprint, cell.precision, lambda: runner.ceilings(cell)
        )
    except ArchbenchError as error:
        warn(f"the ceilings of this machine could not be measured: {error.message}")
        return None
    return roofline_of(analysis.work, sessions, ceilings)


def _beyond_memory(analyses: Mapping[Cell, Analysis], warn: Warn) -> list[Session]:
    """Refuse cells of the CPU that need more memory than is left, where the system sets no limit.

    Elsewhere than on Linux their processes would be written to disk, and time that.
    """
    from archbench.timing.machine.limits import can_limit
    from archbench.timing.machine.system_memory import available_bytes

    if can_limit():
        return []
    refused = []
    for cell, analysis in analyses.items():
        left = available_bytes()
        if cell.device != "cpu" or analysis.estimate is None:
            continue
        peak = analysis.estimate.peak_bytes
        if peak > left:
            message = (
                f"{cell.model} at batch {cell.batch_size} was not run: it takes {memory(peak)} as "
                f"computed, {memory(left)} are left, and this system bounds no process"
            )
            warn(message)
            failure = Failure("oom", message, "a smaller -b", OutOfMemory.exit_code)
            refused.append(Session((cell,), 0, 0, failure=failure))
    return refused


def _check_numbers(
    models: Sequence[Any],
    sessions: int,
    max_time_s: float | None,
    record: Path | None,
    resume: bool,
) -> None:
    if not models:
        raise NothingMeasured("there are no models to measure", "archbench bench resnet50")
    check_effort(sessions, max_time_s)
    if resume and record is None:
        raise ArchbenchError("there is nothing to resume from", "--record run.jsonl --resume")


def _jobs(
    found: Sequence[ModelCells],
    analyses: Mapping[Cell, Analysis],
    sessions: int,
    kept: Sequence[Session],
) -> list[list[Job]]:
    """Return the sessions that each cell still lacks; its first one measures memory too."""
    seeds = random.SystemRandom()
    # of models that are named twice, the first one is run
    files = {cell: subject.file for subject in reversed(found) for cell in subject.cells}
    jobs = []
    for cell, analysis in analyses.items():
        own = [session for session in kept if session.cells == (cell,)]
        numbers = {session.number for session in own}
        if any(session.failure is not None for session in own):
            numbers = set(range(sessions))  # it did not fit, and would not fit again
        paths = tuple(work.path for work in analysis.work if work.operations)
        jobs.append(
            [
                Job(
                    (cell,),
                    number,
                    seeds.getrandbits(32),
                    module_files=(files[cell],),
                    memory=number == 0,
                    layers=paths,
                )
                for number in range(sessions)
                if number not in numbers
            ]
        )
    return jobs
