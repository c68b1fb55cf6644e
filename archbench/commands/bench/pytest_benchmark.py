"""What `archbench bench` measured, as the file that pytest-benchmark saves.

Its statistics are computed by pytest-benchmark itself, over all rounds of all processes; the median
of each process, which is what `archbench check --pytest-benchmark` judges, is in `extra_info`.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from archbench.commands.bench.records import Bench, Timing
from archbench.libraries import needed
from archbench.timing.cells import Cell
from archbench.timing.records import Session
from archbench.timing.words import how

EXPORT = "--export pytest-benchmark"


def as_pytest_benchmark(bench: Bench) -> str:
    """Write every cell that gave times as a benchmark."""
    with needed("pytest_benchmark", EXPORT):
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
    with needed("pytest_benchmark", EXPORT):
        from pytest_benchmark.stats import Stats

    cell = timing.cell
    own = [s for s in sessions if s.cells == (cell,) and s.times_ns]
    stats = Stats()
    for session in own:
        for time in session.times_ns[0]:
            stats.update(time / 1e9)
    settings = ", ".join(
        part
        for part in (f"batch {cell.batch_size}", how(cell), *cell.inputs, *_arguments(cell))
        if part
    )
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
                "medians_s": [session.median_s() for session in own],
                "peak_memory_bytes": timing.peak_memory_bytes,
                "flags": list(timing.flags),
                "fingerprint": None if environment is None else environment.fingerprint,
                "environment": None if environment is None else environment.to_dict(),
            }
        },
        "options": {"disable_gc": True, "timer": "perf_counter_ns", "warmup": True},
        "stats": {**stats.as_dict(), "data": stats.data, "iterations": own[0].calls_per_time},
    }


def _arguments(cell: Cell) -> list[str]:
    return [f"{name}={value!r}" for name, value in cell.arguments.items()]
