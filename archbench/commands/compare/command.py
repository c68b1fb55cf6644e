"""`archbench compare A B`: structure side by side, exactly; speed with an interval."""

from typing import Annotated

import typer

from archbench.shell import interrupt
from archbench.shell.options import (
    MODEL_HELP,
    BatchSize,
    ChannelsLast,
    Compile,
    CudaGraph,
    Debug,
    Device,
    Form,
    InputSize,
    ModelKwargs,
    Optimizer,
    Output,
    Precision,
    RunMode,
    Sessions,
    Threads,
    complete_model,
)
from archbench.shell.output import destination, heard, prints_set_aside, warn
from archbench.shell.progress import progress
from archbench.tables.render import Format

Models = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL",
        help=f"two or more; the first is the reference. {MODEL_HELP}",
        autocompletion=complete_model,
    ),
]
NoBench = Annotated[bool, typer.Option("--no-bench", help="leave the measuring out")]
MaxTime = Annotated[
    float,
    typer.Option("--max-time", min=0.1, help="seconds of measuring, all processes together"),
]


def compare(
    models: Models,
    input_size: InputSize = None,
    batch_size: BatchSize = 1,
    model_kwargs: ModelKwargs = None,
    device: Device = "auto",
    precision: Precision = "fp32",
    mode: RunMode = "infer",
    channels_last: ChannelsLast = False,
    compile_mode: Compile = None,
    cuda_graph: CudaGraph = False,
    optimizer: Optimizer = "momentum",
    threads: Threads = None,
    sessions: Sessions = 5,
    max_time: MaxTime = 20.0,
    no_bench: NoBench = False,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Put networks side by side: structure exactly, latency with a 95 % interval."""
    with destination(form, output) as out, prints_set_aside():
        from archbench.commands.compare.changes import with_times
        from archbench.commands.compare.report import structure_report, time_report, whole_report
        from archbench.commands.compare.run import measured, structure_of
        from archbench.networks.resolve import parse_kwargs
        from archbench.timing.sessions.job_runner import Listener
        from archbench.timing.sessions.subjects import Ways, subjects

        ways = Ways(
            (batch_size,),
            device,
            (precision,),
            (mode,),
            channels_last,
            compile_mode,
            cuda_graph,
            optimizer=optimizer,
            threads=threads,
        )
        kwargs = parse_kwargs(model_kwargs or [])
        with subjects(models, input_size or None, kwargs, ways) as found:
            comparison = structure_of(found)
            at_once = out.form is Format.TABLE  # the structural part need not wait for the clock
            if at_once:
                out.write(structure_report(comparison))
            if not no_bench:
                interrupt.check()
                with progress("measuring") as tell:
                    times = measured(found, sessions, max_time, Listener(tell, heard, warn))
                comparison = with_times(comparison, times)
                if at_once:
                    out.write(time_report(comparison))
            if not at_once:
                out.write(whole_report(comparison))
