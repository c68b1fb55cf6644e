"""`bench --export pytest-benchmark`: what was measured, as the file that pytest-benchmark saves."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from archbench.commands.bench.records import Bench, Timing
from archbench.errors import ArchbenchError
from archbench.libraries import require
from archbench.record import as_json
from archbench.shell.atomic_files import atomic_write
from archbench.timing.records import Session

FORMATS = ("pytest-benchmark",)
Export = Annotated[
    tuple[str, Path] | None,
    typer.Option(
        "--export",
        metavar="pytest-benchmark FILE",
        help="write the processes as pytest-benchmark saves them",
        show_default=False,
    ),
]


@contextmanager
def export_file(export: Export) -> Iterator[TextIO | None]:
    """Open the file of --export, before anything is measured for it.

    Raises:
        ArchbenchError: the format is not known.
        OutputRefused: the file cannot be written.
        MissingLibrary: what writes the format cannot be imported.
    """
    if export is None:
        yield None
        return
    form, path = export
    if form not in FORMATS:
        raise ArchbenchError(
            f"there is no format '{form}' to export", f"there is {', '.join(FORMATS)}"
        )
    require("pytest_benchmark", f"--export {form}")
    with atomic_write(path) as stream:
        yield stream


def as_pytest_benchmark(bench: Bench) -> str:
    """Return the text of that file: each cell that gave times is a benchmark.

    Its statistics are computed by pytest-benchmark itself, over all rounds of all processes. The
    median of each process, which `archbench check --pytest-benchmark` judges, is in `extra_info`.
    """
    from pytest_benchmark import __version__
    from pytest_benchmark.plugin import pytest_benchmark_generate_machine_info
    from pytest_benchmark.utils import get_commit_info

    timings = [timing for timing in bench.timings if timing.sessions]
    document = {
        "machine_info": pytest_benchmark_generate_machine_info(),
        "commit_info": get_commit_info(),
        "benchmarks": [_benchmark(timing, bench.sessions) for timing in timings],
        "datetime": datetime.now(UTC).isoformat(),
        "version": __version__,
    }
    return json.dumps(document, indent=4, default=str) + "\n"


def _benchmark(timing: Timing, sessions: Sequence[Session]) -> dict[str, Any]:
    from pytest_benchmark.stats import Stats

    cell = timing.cell
    own = [s for s in sessions if s.cells == (cell,) and s.times_ns]
    stats = Stats()
    for session in own:
        for time in session.times_ns[0]:
            stats.update(time / 1e9)
    arguments = (f"{name}={value!r}" for name, value in cell.arguments.items())
    parts = (f"batch {cell.batch_size}", cell.how, *cell.inputs, *arguments)
    settings = ", ".join(part for part in parts if part)
    name = f"{cell.model}[{settings}]"
    environment = own[0].environment
    return {
        "group": None,
        "name": name,
        "fullname": f"archbench bench::{name}",
        "params": None,
        "param": settings,
        "extra_info": {
            "archbench": {
                "cell": cell.to_dict(),
                "macs": timing.macs,
                **({"complete": False} if timing.gaps else {}),
                "medians_s": [session.median_s() for session in own],
                "peak_memory_bytes": timing.peak_memory_bytes,
                "flags": list(timing.flags),
                "fingerprint": None if environment is None else environment.fingerprint,
                "environment": as_json(environment),
            }
        },
        "options": {"disable_gc": True, "timer": "perf_counter_ns", "warmup": True},
        "stats": {**stats.as_dict(), "data": stats.data, "iterations": own[0].calls_per_time},
    }
