"""`archbench bench MODEL...`: latency, throughput and memory on this machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from archbench.errors import ArchbenchError, OutputRefused
from archbench.libraries import require
from archbench.shell.files_in_use import in_use
from archbench.shell.options import (
    MODEL_HELP,
    ChannelsLast,
    ColdCache,
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
    comma_separated,
    complete_model,
    whole_numbers,
)
from archbench.shell.output import destination, heard, prints_set_aside, replacing, warn
from archbench.shell.progress import progress
from archbench.units import parse_bytes

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
Layers = Annotated[
    bool, typer.Option("--layers", help="time every layer, under the machine's ceilings")
]
Plot = Annotated[
    Path | None, typer.Option("--plot", help="draw the layers' roofline into this .svg")
]
Fits = Annotated[
    str | None,
    typer.Option("--fits", metavar="SIZE", help="find the largest batch that fits, such as 24GiB"),
]
EXPORTS = ("pytest-benchmark",)
Export = Annotated[
    tuple[str, Path] | None,
    typer.Option(
        "--export",
        metavar="pytest-benchmark FILE",
        help="write the processes as pytest-benchmark saves them",
        show_default=False,
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="go on with what --record holds")]


def bench(
    models: Models,
    input_size: InputSize = None,
    batch_size: BatchSizes = "1",
    model_kwargs: ModelKwargs = None,
    device: Device = "auto",
    precision: Precision = "fp32",
    mode: RunMode = "infer",
    channels_last: ChannelsLast = False,
    compile_mode: Compile = None,
    cuda_graph: CudaGraph = False,
    cold_cache: ColdCache = False,
    optimizer: Optimizer = "momentum",
    threads: Threads = None,
    sessions: Sessions = 5,
    max_time: MaxTime = None,
    record: Record = None,
    resume: Resume = False,
    layers: Layers = False,
    plot: Plot = None,
    fits: Fits = None,
    export: Export = None,
    form: Form = None,
    output: Output = None,
    debug: Debug = False,
) -> None:
    """Measure latency, throughput and memory; every cell in several fresh processes."""
    limit_bytes = _limit(fits)
    if limit_bytes is not None and (record or resume or layers or plot or export):
        raise ArchbenchError(
            "--fits measures memory alone: no --record, --resume, --layers, --plot or --export",
            "leave those out",
        )
    if limit_bytes is not None and batch_size != "1":
        raise ArchbenchError(
            f"--fits looks for the batch size itself, and cannot take -b {batch_size}",
            "leave -b out",
        )
    if plot is not None:
        _check_picture(plot, models, batch_size, precision, layers)
    with (
        destination(form, output) as out,
        _exported(export) as exported,
        in_use(record, plot),
        prints_set_aside(),
    ):
        from archbench.commands.bench.fits.report import fits_report
        from archbench.commands.bench.fits.run import fits as largest
        from archbench.commands.bench.layers.report import layers_report
        from archbench.commands.bench.pytest_benchmark import as_pytest_benchmark
        from archbench.commands.bench.report import bench_report
        from archbench.commands.bench.run import run_bench
        from archbench.networks.resolve import parse_kwargs
        from archbench.timing.sessions.job_runner import Listener
        from archbench.timing.sessions.subjects import Ways

        ways = Ways(
            batch_sizes=whole_numbers(batch_size, "batch size"),
            device=device,
            precisions=comma_separated(precision),
            modes=comma_separated(mode),
            channels_last=channels_last,
            compiled=compile_mode,
            cuda_graph=cuda_graph,
            cold_cache=cold_cache,
            optimizer=optimizer,
            threads=threads,
        )
        kwargs, sizes = parse_kwargs(model_kwargs or []), input_size or None
        # nothing is written before the bar has gone: both may be on one terminal
        if limit_bytes is not None:
            with progress("measuring") as tell:
                listener = Listener(tell, heard, warn)
                fitting = largest(models, limit_bytes, sizes, ways, kwargs, listener)
            out.write(fits_report(fitting))
            return
        with progress("measuring") as tell:
            listener = Listener(tell, heard, warn)
            result = run_bench(
                models, sizes, ways, sessions, max_time, kwargs, record, resume, layers, listener
            )
        out.write(layers_report(result) if layers else bench_report(result))
        if exported is not None:
            exported.write(as_pytest_benchmark(result))
    if plot is not None:
        _draw(result, plot)
    _leave(result)


@contextmanager
def _exported(export: tuple[str, Path] | None) -> Iterator[TextIO | None]:
    """Open the file of --export before anything is measured for it.

    Raises:
        ArchbenchError: the format is not known.
        OutputRefused: the file cannot be written.
        MissingLibrary: what writes the format cannot be imported.
    """
    if export is None:
        yield None
        return
    form, path = export
    if form not in EXPORTS:
        raise ArchbenchError(
            f"there is no format '{form}' to export", f"there is {', '.join(EXPORTS)}"
        )
    require("pytest_benchmark", f"--export {form}")
    with replacing(path) as stream:
        yield stream


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    limit_bytes = parse_bytes(text)
    if not limit_bytes:
        raise ArchbenchError(f"'{text}' is not an amount of memory", "such as 24GiB or 800MB")
    return limit_bytes


def _check_picture(
    path: Path, models: list[str], batch_size: str, precision: str, layers: bool
) -> None:
    """Refuse a picture that could not be drawn, before anything is measured for it.

    Raises:
        ArchbenchError: no layers were asked for, or those of several cells; or matplotlib is
            missing.
        OutputRefused: the file is no .svg, or cannot be written.
    """
    several = len(models) > 1 or "," in batch_size or "," in precision
    if not layers or several:
        raise ArchbenchError(
            "--plot draws the layers of one model at one batch size and precision",
            "name one of each" if layers else "add --layers",
        )
    if path.suffix.lower() != ".svg":
        raise OutputRefused(f"'{path}' is no .svg, which pictures are", "--plot roofline.svg")
    require("matplotlib", "pictures")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputRefused(f"'{path}' cannot be written", "name a file in an existing folder")


def _draw(result: "Bench", path: Path) -> None:
    """Draw what was measured; where nothing was, what the file held before stays."""
    from archbench.commands.bench.layers.picture import roofline_svg
    from archbench.timing.words import how

    timing = result.timings[0]
    if timing.roofline is None:
        warn(f"there are no layers to draw, and '{path}' is left as it was")
        return
    title = f"{timing.cell.model}, batch {timing.cell.batch_size} {how(timing.cell)}"
    with replacing(path) as stream:
        stream.write(roofline_svg(timing.roofline, title.strip()))


def _leave(result: "Bench") -> None:
    """End with the code of a model that failed; one that does not fit into memory is a result."""
    failures = [timing.failure for timing in result.timings if timing.failure is not None]
    codes = [failure.exit_code for failure in failures if failure.kind != "oom"]
    if codes:
        raise typer.Exit(max(codes))
