"""Put models side by side: structure exactly, time with all of them in one process, in turn."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archbench.commands.compare.changes import compare_structure, with_times
from archbench.commands.compare.records import Comparison
from archbench.errors import ArchbenchError, NothingMeasured
from archbench.libraries import require
from archbench.timing.failures import error_of
from archbench.timing.records import Session
from archbench.timing.sessions.job_runner import SILENT, Listener, job_runner
from archbench.timing.sessions.model_cells import ModelCells, Ways, model_cells
from archbench.timing.sessions.schedule import SESSIONS, comparison_jobs, run_jobs

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputSize


def compare(
    *models: "str | nn.Module | Sequence[str | nn.Module]",
    input_size: "InputSize | None" = None,
    batch_size: int = 1,
    device: str = "auto",
    precision: str = "fp32",
    mode: str = "infer",
    threads: int | None = None,
    sessions: int = SESSIONS,
    max_time_s: float = 20.0,
    model_kwargs: Mapping[str, Any] | None = None,
    measure: bool = True,
) -> Comparison:
    """Compare models with the first of them: structure exactly, latency with a 95 % interval.

    In each of several fresh processes all models take turns, call by call, in random balanced
    order; the ratio is of calls of one turn, the interval over processes.

    Args:
        models: two or more, MODEL strings or modules: compare("resnet18", "plain18"), or in a list.
        input_size: of all of them, without the batch; default: the architecture's own.
        batch_size: samples in one pass.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: fp32, tf32, fp16, bf16 or amp.
        mode: "infer", or "train" for a whole step.
        threads: of the CPU; None leaves torch's own number.
        sessions: fresh processes.
        max_time_s: for all of them together, their start included.
        model_kwargs: arguments of all the networks or factories.
        measure: False leaves the measuring out.

    Raises:
        ArchbenchError: something asked for is not known, or does not go together.
        UserCodeError: a model's own code raised.
    """
    ways = Ways((batch_size,), device, (precision,), (mode,), threads=threads)
    listed: Any = models
    if len(models) == 1 and isinstance(models[0], list | tuple):
        listed = models[0]
    with model_cells(listed, input_size, model_kwargs, ways) as found:
        comparison = structure_of(found)
        if measure:
            comparison = with_times(comparison, measure_in_turn(found, sessions, max_time_s))
    return comparison


def structure_of(found: Sequence[ModelCells]) -> Comparison:
    """Compare what can be counted."""
    from archbench.analysis.profile import profile_loaded

    if len(found) < 2:
        raise ArchbenchError(
            "compare needs two models or more", "archbench compare resnet34 plain34"
        )
    return compare_structure([profile_loaded(s.loaded, s.plans[s.cells[0]]) for s in found])


def measure_in_turn(
    found: Sequence[ModelCells],
    sessions: int,
    max_time_s: float,
    listener: Listener = SILENT,
) -> list[Session]:
    """Let all models take turns in several fresh processes.

    Raises:
        OutOfMemory, UserCodeError, ArchbenchError: one of them could not be measured.
        NothingMeasured: there was no time.
    """
    require("scipy", "intervals over processes")
    cells = tuple(model.cells[0] for model in found)
    files = tuple(model.file for model in found)
    jobs = comparison_jobs(cells, files, sessions)
    with job_runner(listener.show_output) as runner:
        done = list(run_jobs(jobs, runner, max_time_s, listener.show_progress))
    good = [session for session in done if session.failure is None]
    failed = [session.failure for session in done if session.failure is not None]
    if failed and not good:
        raise error_of(failed[0])
    if failed:
        listener.warn(f"a process failed after {len(good)} had not: {failed[0].message}")
    if not good:
        raise NothingMeasured("the time was up before anything was measured", "--max-time 20")
    return good
