"""`archbench compare A B`: structure side by side, exactly; speed with an interval."""

import random
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.cli import interrupt
from archbench.cli.options import (
    MODEL_HELP,
    BatchSize,
    Debug,
    Device,
    Form,
    InputSize,
    ModelKwargs,
    Output,
    complete_model,
)
from archbench.cli.output import destination, prints_set_aside
from archbench.cli.progress import progress
from archbench.errors import ArchbenchError
from archbench.report.render import Format

if TYPE_CHECKING:
    import torch

    from archbench.models.inputs import InputPlan
    from archbench.models.resolve import Loaded
    from archbench.records.timings import Session

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help=f"two or more; the first is the reference. {MODEL_HELP}",
        autocompletion=complete_model,
    ),
]
NoBench = Annotated[bool, typer.Option("--no-bench", help="leave the measuring out")]
MaxTime = Annotated[float, typer.Option("--max-time", min=0.1, help="seconds of measuring, in all")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads", min=1, max=1024, help="CPU threads (default: torch's own)", show_default=False
    ),
]


def compare(
    models: Models,
    input_size: InputSize = None,
    batch_size: BatchSize = 1,
    model_kwargs: ModelKwargs = None,
    device: Device = "auto",
    threads: Threads = None,
    max_time: MaxTime = 10.0,
    no_bench: NoBench = False,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Put networks side by side: structure exactly, latency with a 95 % interval."""
    if len(models) < 2:
        raise ArchbenchError(
            "compare needs two models or more", "archbench compare resnet34 plain34"
        )
    with destination(form, output) as out, prints_set_aside():
        from archbench.analyze.profile import profile_loaded
        from archbench.gate.compare import compare_structure, with_times
        from archbench.models.device import check_device
        from archbench.models.resolve import load, parse_kwargs, plan_for
        from archbench.report.compare import structure_report, time_report, whole_report

        where = check_device(device)
        kwargs = parse_kwargs(model_kwargs or [])
        loaded = [load(model, kwargs, blank=no_bench) for model in models]
        size = input_size or None
        profiles = [profile_loaded(model, size, batch_size) for model in loaded]
        comparison = compare_structure(profiles)
        at_once = out.form is Format.TABLE  # the structural part need not wait for the clock
        if at_once:
            out.write(structure_report(comparison))
        if not no_bench:
            plans = [plan_for(model, size, batch_size) for model in loaded]
            comparison = with_times(comparison, _measured(loaded, plans, where, threads, max_time))
            if at_once:
                out.write(time_report(comparison))
        if not at_once:
            out.write(whole_report(comparison))


def _measured(
    loaded: list["Loaded"],
    plans: list["InputPlan"],
    device: "torch.device",
    threads: int | None,
    max_time: float,
) -> "Session":
    """Let the models take turns, under a progress bar."""
    import torch

    from archbench.measure.side_by_side import side_by_side

    if threads is not None:
        torch.set_num_threads(threads)
    interrupt.check()
    seed = random.SystemRandom().getrandbits(32)
    with progress("measuring") as tell:
        return side_by_side(loaded, plans, device, max_time, seed, tell)
