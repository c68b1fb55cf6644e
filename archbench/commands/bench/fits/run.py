"""Find the largest batch that fits: by analysis, and then by running it."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archbench.analysis.memory.records import MemoryEstimate
from archbench.commands.bench.analysis import torch_threads
from archbench.commands.bench.fits.records import Attempt, Fit, Fits
from archbench.commands.bench.fits.search import largest_batch, next_batch
from archbench.errors import ArchbenchError, UserCodeError
from archbench.timing.cells import Cell
from archbench.timing.failures import error_of
from archbench.timing.jobs import Job
from archbench.timing.machine.records import Environment
from archbench.timing.records import Session
from archbench.timing.sessions.job_runner import SILENT, JobRunner, Listener, job_runner
from archbench.timing.sessions.model_cells import ModelCells, Ways, model_cells
from archbench.units import memory

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputSize

ATTEMPTS = 6  # runs for each cell, at most: after that the answer is close enough


def fits(
    models: Sequence["str | nn.Module"],
    limit_bytes: int,
    input_size: "InputSize | None",
    ways: Ways,
    model_kwargs: Mapping[str, Any] | None = None,
    listener: Listener = SILENT,
) -> Fits:
    """Return for every model, precision and mode the largest batch whose peak is within a limit.

    The computed one is run in a fresh process; where the measured peak leaves room, or is too
    large, another batch is tried, and every attempt is in the result.

    The limit is for weights, inputs, activations and the optimizer's state together, as torch's
    allocator counts them. The batch sizes of `ways` are not used.

    Raises:
        ArchbenchError: autocast, whose memory cannot be computed without running it.
    """
    if "amp" in ways.precisions:
        raise _no_autocast()
    with (
        model_cells(models, input_size, model_kwargs, replace(ways, batch_sizes=(1,))) as found,
        job_runner(listener.show_output) as runner,
    ):
        cells = [(model, cell) for model in found for cell in model.cells]
        _check_cells(cells)
        done: list[tuple[Fit, Environment | None]] = []
        failed: list[ArchbenchError] = []
        for i, (model, cell) in enumerate(cells):
            listener.show_progress(i / len(cells), None)
            try:
                done.append(_fit(model, cell, limit_bytes, runner))
            except ArchbenchError as error:  # what was found of the others is not lost
                failed.append(error)
        listener.show_progress(1.0, 0.0)
    if failed and not done:
        raise failed[0]
    for each in failed:
        listener.warn(each.message)
    environment = next((found for _, found in done if found is not None), None)
    return Fits(tuple(fit for fit, _ in done), environment)


def _check_cells(cells: Sequence[tuple[ModelCells, Cell]]) -> None:
    """Refuse MODELs whose own brackets set what --fits cannot take."""
    for model, cell in cells:
        if model.loaded.ways.batch_size is not None:
            raise ArchbenchError(
                f"--fits looks for the batch size itself, which '{cell.model}' sets",
                "leave batch_size out of the brackets",
            )
        if cell.precision == "amp":
            raise _no_autocast()


def _no_autocast() -> ArchbenchError:
    return ArchbenchError("--fits computes no memory of autocast", "--precision bf16")


def _fit(
    model: ModelCells, cell: Cell, limit_bytes: int, runner: JobRunner
) -> tuple[Fit, Environment | None]:
    """Return how large a batch may be, and the environment in which batches were run, if any."""
    predicted, estimate = _predicted(model, cell, limit_bytes)
    peak = estimate.peak_bytes
    cell = replace(cell, batch_size=max(1, predicted))
    fit = Fit(cell, limit_bytes, predicted, peak, estimate.complete, estimate.unknown)
    if predicted == 0:
        least = "" if estimate.complete else "at least "
        return replace(fit, note=f"the smallest batch that runs takes {least}{memory(peak)}"), None
    left = _left_bytes(cell)
    if left is not None and peak > left:
        return replace(fit, note=f"not run: only {memory(left)} are left on this machine"), None
    attempts: list[Attempt] = []
    environment = None
    batch: int | None = predicted
    while batch is not None and len(attempts) < ATTEMPTS:
        session = _run(model, replace(cell, batch_size=batch), limit_bytes, runner)
        environment = environment or session.environment
        taken = session.peak_memory_bytes
        attempts.append(Attempt(batch, taken, fits=taken is not None and taken <= limit_bytes))
        batch = next_batch(limit_bytes, attempts)
    return replace(fit, attempts=tuple(attempts)), environment


def _predicted(model: ModelCells, cell: Cell, limit_bytes: int) -> tuple[int, MemoryEstimate]:
    """Return the largest batch by analysis, and its estimate, or that of the smallest."""
    from archbench.analysis.memory.estimate import estimate_memory
    from archbench.analysis.precision import in_channels_last, in_precision

    loaded, plan = in_precision(model.loaded, model.plans[cell], cell.precision)
    if cell.channels_last:
        loaded, plan = in_channels_last(loaded, plan)
    how = (cell.mode, cell.optimizer, cell.device)

    def estimated(batch_size: int) -> MemoryEstimate:
        return estimate_memory(loaded, plan.of_batch(batch_size), *how)

    with torch_threads(cell.threads):
        batch = largest_batch(loaded, plan, limit_bytes, *how)
        try:
            return batch, estimated(max(1, batch))
        except UserCodeError:  # batch normalisation trains on no single number per channel
            return batch, estimated(2)


def _run(model: ModelCells, cell: Cell, limit_bytes: int, runner: JobRunner) -> Session:
    """Run a batch once.

    Raises:
        UserCodeError, ArchbenchError: it failed for another reason than memory.
    """
    seed = random.SystemRandom().getrandbits(32)
    job = Job(
        (cell,),
        0,
        seed,
        module_files=(model.file,),
        memory=True,
        budget_s=0.0,
        memory_limit_bytes=limit_bytes,
    )
    session = runner(job)
    failure = session.failure
    if failure is not None and failure.kind == "failed":
        raise error_of(failure)
    return session


def _left_bytes(cell: Cell) -> int | None:
    """Return the memory that the machine has left; None of an accelerator, which will tell."""
    if cell.device != "cpu":
        return None
    from archbench.timing.machine.system_memory import available_bytes

    return available_bytes()
