"""What pytest knows once archbench is installed: fixtures that time networks.

    def test_latency(archbench_cell, archbench_benchmark):
        archbench_benchmark(archbench_cell)

runs once for each cell that the project declares, under pytest-benchmark. Nothing is imported that
takes time before a test asks for a fixture. Without pytest-benchmark the fixture refuses, and
every other test runs.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from archbench.gates.structure.records import GateCell


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `archbench_cell` once for each declared cell."""
    if "archbench_cell" not in metafunc.fixturenames:
        return
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        names = names.split(",") if isinstance(names, str) else names
        if "archbench_cell" in [name.strip() for name in names]:
            return  # the test has its own
    cells = _declared_cells(metafunc.definition.path.parent)
    metafunc.parametrize("archbench_cell", cells, ids=[cell.name for cell in cells])


def _declared_cells(folder: Path) -> list["GateCell"]:
    """Return the cells of the nearest configuration; their files are named from the root on."""
    from archbench.errors import ArchbenchError
    from archbench.gates.structure.configuration import find_project
    from archbench.networks.import_path import import_from

    try:
        project = find_project(folder)
    except ArchbenchError as error:
        text = f"archbench: {error.message}\nhint: {error.hint}"
        raise pytest.Collector.CollectError(text) from error
    import_from(project.root)
    return [replace(cell, model=_model_from(cell.model, project.root)) for cell in project.cells]


def _model_from(model: str, root: Path) -> str:
    from archbench.networks.names import parts_of, with_place

    place, _ = parts_of(model) or ("", "")
    return with_place(model, str(root / place)) if place.endswith(".py") else model


def _without_benchmark() -> None:
    """Refuse to time anything, because pytest-benchmark is not installed.

    Raises:
        MissingLibrary: always.
    """
    from archbench.libraries import require

    require("pytest_benchmark", "the fixture archbench_benchmark")


def _with_benchmark(benchmark: Any) -> Callable[..., None]:
    """Return a function that times a network's pass under pytest-benchmark.

    It takes a declared cell, a MODEL string or an nn.Module, and in the latter two cases
    `input_size` (without the batch) and `batch_size`, for a MODEL string `model_kwargs`;
    furthermore `device`, `precision`, `mode` ("infer" or "train") and `threads`. The network is
    warmed up until its times have settled, the device is waited for, and `extra_info["archbench"]`
    gets the environment, what was counted, and the flags of the measurement.
    """

    def timed(model: Any, input_size: Any = None, **settings: Any) -> None:
        from archbench.plugin.timed import time_under

        time_under(benchmark, model, input_size, **settings)

    return timed


# Only where pytest-benchmark is installed does the fixture take its fixture, by which options such
# as --benchmark-only find tests; elsewhere pytest could not set that up, nor say what is missing.
_INSTALLED = find_spec("pytest_benchmark") is not None
archbench_benchmark = pytest.fixture(name="archbench_benchmark")(
    _with_benchmark if _INSTALLED else _without_benchmark
)
