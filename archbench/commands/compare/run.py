"""Put models side by side: structure exactly, time with all of them in one process, in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import not_
from typing import TYPE_CHECKING, Any

from archbench.commands.compare.changes import compare_structure, with_times
from archbench.commands.compare.records import Comparison
from archbench.errors import AnalysisIncomplete, ArchbenchError, NothingMeasured
from archbench.libraries import require
from archbench.old_names import OldName, renamed
from archbench.timing.failures import error_of
from archbench.timing.records import Session
from archbench.timing.sessions.job_runner import SILENT, Listener, job_runner
from archbench.timing.sessions.model_cells import ModelCells, Ways, compile_mode, model_cells
from archbench.timing.sessions.schedule import SESSIONS, check_effort, comparison_jobs, run_jobs

if TYPE_CHECKING:
    from torch import nn

    from archbench.networks.inputs import InputSize


@renamed(OldName("max_time_s", "max_time"), OldName("measure", "no_bench", not_))
def compare(
    *models: "str | nn.Module | Sequence[str | nn.Module]",
    input_size: "InputSize | None" = None,
    batch_size: int = 1,
    device: str = "auto",
    precision: str = "fp32",
    mode: str = "infer",
    channels_last: bool = False,
    compile: str | bool | None = None,  # noqa: A002  # the word that torch uses
    cuda_graph: bool = False,
    optimizer: str = "momentum",
    threads: int | None = None,
    sessions: int = SESSIONS,
    max_time: float = 20.0,
    model_kwargs: Mapping[str, Any] | None = None,
    no_bench: bool = False,
    strict: bool = False,
) -> Comparison:
    """Compare models with the first of them: structure exactly, latency with a 95 % interval.

    In each of several fresh processes all models take turns, call by call, in random balanced
    order; the ratio is of calls of one turn, the interval over processes.

    Args:
        models: two or more, MODEL strings or modules: compare("resnet18", "plain18"), or in a list.
            "resnet20[shortcut=B,batch_size=8]" carries arguments and ways of its own, which win.
        input_size: of all of them, without the batch; default: the architecture's own.
        batch_size: samples in one pass.
        device: "auto", "cpu", "cuda", "cuda:1" or "mps".
        precision: fp32, tf32, fp16, bf16 or amp.
        mode: "infer", or "train" for a whole step.
        channels_last: memory order of images and of the weights of convolutions.
        compile: a mode of torch.compile; True is its default, None runs eagerly.
        cuda_graph: replay a captured graph.
        optimizer: of the training step: sgd, momentum or adam.
        threads: of the CPU; None leaves torch's own number.
        sessions: fresh processes.
        max_time: seconds for all of them together, their start included.
        model_kwargs: arguments of all the networks or factories.
        no_bench: leave the measuring out.
        strict: refuse a result with a verdict that is unknown or inconclusive.

    Raises:
        ArchbenchError: something asked for is not known, or does not go together.
        UserCodeError: a model's own code raised.
        AnalysisIncomplete: under strict, a verdict is unknown or inconclusive.
    """
    check_effort(sessions, max_time)
    ways = Ways(
        (batch_size,),
        device,
        (precision,),
        (mode,),
        channels_last,
        compile_mode(compile),
        cuda_graph,
        optimizer=optimizer,
        threads=threads,
    )
    listed: Any = models
    if len(models) == 1 and isinstance(models[0], list | tuple):
        listed = models[0]
    with model_cells(listed, input_size, model_kwargs, ways) as found:
        comparison = structure_of(found)
        if not no_bench:
            comparison = with_times(comparison, measure_in_turn(found, sessions, max_time))
    if strict:
        refuse_undecided(comparison)
    return comparison


def refuse_undecided(comparison: Comparison) -> None:
    """Raise AnalysisIncomplete if a verdict on a total is unknown or inconclusive."""
    undecided = ("unknown", "inconclusive")
    open_ = [c for c in comparison.changes if c.subject == "total" and c.verdict in undecided]
    if open_:
        names = ", ".join(f"{change.metric} of {change.model}" for change in open_)
        raise AnalysisIncomplete(f"undecided: {names}", "without --strict this is exit code 0")


def structure_of(found: Sequence[ModelCells]) -> Comparison:
    """Compare what can be counted."""
    from archbench.analysis.profile import profile_loaded

    if len(found) < 2:
        raise ArchbenchError(
            "compare needs two models or more", "archbench compare resnet34 plain34"
        )
    profiles = [profile_loaded(s.loaded, s.plans[s.cells[0]]) for s in found]
    names = _different([profile.model for profile in profiles])
    return compare_structure(
        [replace(one, model=name) for one, name in zip(profiles, names, strict=True)]
    )


def _different(names: Sequence[str]) -> list[str]:
    """Number names that are there more than once.

    >>> _different(["Net", "resnet20", "Net"])
    ['Net', 'resnet20', 'Net (2)']
    """
    before = [names[:i].count(name) for i, name in enumerate(names)]
    return [f"{name} ({n + 1})" if n else name for name, n in zip(names, before, strict=True)]


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
