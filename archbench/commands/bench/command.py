"""`archbench bench MODEL...`: latency, throughput and memory on this machine."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.commands.bench.export import Export, as_pytest_benchmark, export_file
from archbench.commands.bench.fits.command import Fits, print_largest_batches
from archbench.commands.bench.layers.plot import Plot, check_plot, draw_roofline
from archbench.errors import ArchbenchError
from archbench.shell.files_in_use import in_use
from archbench.shell.option_groups import given_options
from archbench.shell.options import (
    MODEL_HELP,
    ColdCache,
    ModelOptions,
    ResultOptions,
    Sessions,
    WayOptions,
    comma_separated,
    complete_model,
)
from archbench.shell.output import destination, prints_set_aside
from archbench.shell.progress import listening

if TYPE_CHECKING:
    from archbench.commands.bench.records import Bench

Models = Annotated[
    list[str],
    typer.Argument(metavar="MODEL", help=MODEL_HELP, autocompletion=complete_model),
]
BatchSizes = Annotated[
    str, typer.Option("-b", "--batch-size", help="samples in one pass; 1,8,32 is a sweep")
]
MaxTime = Annotated[
    float | None,
    typer.Option("--max-time", min=0.1, help="seconds, for everything", show_default=False),
]
Record = Annotated[
    Path | None,
    typer.Option("--record", help="append every finished session to this file of JSON lines"),
]
Resume = Annotated[bool, typer.Option("--resume", help="go on with what --record holds")]
Strict = Annotated[
    bool, typer.Option("--strict", help="exit 4 if the count of a network is incomplete")
]
Layers = Annotated[
    bool, typer.Option("--layers", help="time every layer, under the machine's ceilings")
]


@dataclass(frozen=True, slots=True)
class TimingOptions:
    """What is kept and shown of times, which --fits does not take."""

    record: Record = None
    resume: Resume = False
    layers: Layers = False
    plot: Plot = None
    export: Export = None


def bench(
    context: typer.Context,
    models: Models,
    *,
    options: ModelOptions,
    batch_size: BatchSizes = "1",
    how: WayOptions,
    cold_cache: ColdCache = False,
    sessions: Sessions = 5,
    max_time: MaxTime = None,
    timing: TimingOptions,
    fits: Fits = None,
    strict: Strict = False,
    result: ResultOptions,
) -> None:
    """Measure latency, throughput and memory; every cell in several fresh processes."""
    if fits is not None:
        _refuse_idle_options(context, batch_size)
        print_largest_batches(models, fits, options, how, cold_cache, result)
        return
    one_cell = len(models) == 1 and "," not in f"{batch_size}{how.precision}"
    if timing.plot is not None:
        check_plot(timing.plot, timing.layers, one_cell)
    with ExitStack() as stack:
        out = stack.enter_context(destination(result.form, result.output))
        export = stack.enter_context(export_file(timing.export))
        stack.enter_context(in_use(timing.record, timing.plot))
        stack.enter_context(prints_set_aside())
        from archbench.commands.bench.layers.report import layers_report
        from archbench.commands.bench.report import bench_report
        from archbench.commands.bench.run import refuse_gaps, run_bench

        ways = how.ways(_batch_sizes(batch_size), swept=True, cold_cache=cold_cache)
        arguments = options.arguments()
        # nothing is written before the bar has gone: both may be on one terminal
        with listening("measuring") as listener:
            found = run_bench(
                models,
                options.sizes(),
                ways,
                sessions,
                max_time,
                arguments,
                timing.record,
                timing.resume,
                timing.layers,
                listener,
            )
        out.write(layers_report(found) if timing.layers else bench_report(found))
        if export is not None:
            export.write(as_pytest_benchmark(found))
    if timing.plot is not None:
        draw_roofline(found.timings[0], timing.plot)
    _leave(found)
    if strict:
        refuse_gaps(found)


def _refuse_idle_options(context: typer.Context, batch_size: str) -> None:
    """Refuse options that would do nothing beside --fits."""
    if given_options(context, TimingOptions):
        raise ArchbenchError(
            "--fits measures memory alone: no --record, --resume, --layers, --plot or --export",
            "leave those out",
        )
    if batch_size != "1":
        raise ArchbenchError(
            f"--fits looks for the batch size itself, and cannot take -b {batch_size}",
            "leave -b out",
        )


def _batch_sizes(text: str) -> list[int]:
    """Return batch sizes that are written with commas.

    Raises:
        ArchbenchError: one of them is no positive number, or there are none.

    >>> _batch_sizes("1,8,32")
    [1, 8, 32]
    """
    found = comma_separated(text)
    for word in found or [text]:
        if not word.isdecimal() or int(word) < 1:
            raise ArchbenchError(f"batch size '{word}' is not a positive number", "such as 1,8,32")
    return [int(word) for word in found]


def _leave(found: "Bench") -> None:
    """End with the code of a model that failed; one that does not fit into memory is a result."""
    failures = [timing.failure for timing in found.timings if timing.failure is not None]
    codes = [failure.exit_code for failure in failures if failure.kind != "oom"]
    if codes:
        raise typer.Exit(max(codes))
