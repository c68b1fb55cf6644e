"""A missing library stops only the commands that need it, and they name what to install.

Libraries are taken away in a process of their own, in which several commands run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from archbench.libraries import DEPENDENCIES, named_by
from tests.repository import ROOT

CHILD = """
import contextlib, io, json, sys
for library in {libraries!r}:
    sys.modules[library] = None  # makes importing it a ModuleNotFoundError
from archbench.app import run
found = []
for argv in {commands!r}:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(argv)
    found.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(found))
"""
ALWAYS = [  # commands that need none of these libraries
    "list resnet20",
    "info resnet20 -f json",
    "summary resnet20 -f md",
    "compare resnet20 plain20 --no-bench",
    "reproduce googlenet-table3 -f json",
    "explain resnet20 --no-run",
    "claims --list",
]
GATE = ["lock resnet20 plain20", "check resnet20 --summary summary.md"]  # need msgspec alone
MEASURE = [
    "bench resnet20 -f json",
    "compare resnet20 plain20",
    "check --time --against plain20 resnet20",
    "selftest resnet20 --aa 1 --record folder",
]


class Case(NamedTuple):
    """A library, a command that needs it, and the name of the purpose.

    Args:
        refused: commands that need it.
        work: commands near those that do not.
    """

    refused: list[str]
    work: list[str]


CASES = {
    "scipy": Case([*MEASURE, "doctor"], ["check --pytest-benchmark before.json -- after.json"]),
    "cloudpickle": Case([*MEASURE, "doctor", "bench resnet20 --fits 1GiB"], []),
    "psutil": Case([*MEASURE, "doctor", "bench resnet20 --fits 1GiB"], []),
    "msgspec": Case([*MEASURE, *GATE, "doctor", "judge gate.jsonl"], []),
    "pandas": Case(
        ["summary resnet20 -f csv", "list -o list.csv", "bench resnet20 -o bench.csv"],
        ["summary resnet20 -o summary.json"],
    ),
    "fvcore": Case(["summary resnet20 --cross-check"], ["summary resnet20 --layers"]),
    "junitparser": Case(["check resnet20 --junit junit.xml"], ["lock resnet20"]),
    "pytest_benchmark": Case(
        ["bench resnet20 --export pytest-benchmark saved.json"],
        ["check --pytest-benchmark before.json -- after.json"],
    ),
}


def ran(lines: list[str], without: list[str], folder: Path) -> dict[str, tuple[int, str, str]]:
    """Run commands in a process that lacks libraries; return exit codes and what was printed."""
    code = CHILD.format(libraries=without, commands=[line.split() for line in lines])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(lines, map(tuple, json.loads(done.stdout.splitlines()[-1])), strict=True))


def test_most_commands_need_none_of_them(tmp_path: Path) -> None:
    """Counting, comparing structure, figures and claims; the lock, with all but one missing."""
    found = ran(ALWAYS, list(CASES), tmp_path)
    found |= ran(GATE, [library for library in CASES if library != "msgspec"], tmp_path)
    for line, (code, _, err) in found.items():
        assert code == 0, (line, err)
        assert "cannot be imported" not in err


@pytest.mark.parametrize("library", CASES)
def test_a_missing_library_stops_only_what_needs_it(library: str, tmp_path: Path) -> None:
    """Before anything is measured or written, with one line, the command to type, and exit 2."""
    case = CASES[library]
    for hour, name in enumerate(("before", "after")):
        (tmp_path / f"{name}.json").write_text(json.dumps(saved_run(hour)))
    found = ran([*case.work, *case.refused], [library], tmp_path)
    name = library.replace("_", "-")
    for line in case.work:
        code, _, err = found[line]
        assert code == 0, (line, err)
    for line in case.refused:
        code, out, err = found[line]
        first, hint = err.splitlines()
        assert code == 2, line
        assert not out or line.startswith(
            "compare"
        )  # the exact part needs no library, and is shown
        assert first.startswith(f"archbench: {name} is needed for ")
        assert hint == f"hint: pip install {name}"
    written = {path.name for path in tmp_path.iterdir()}
    assert not written & {"list.csv", "bench.csv", "junit.xml", "saved.json"}


def saved_run(hour: int) -> dict[str, object]:
    """A file as pytest-benchmark saves it."""
    one = {"name": "a", "fullname": "t.py::a", "extra_info": {}, "stats": {"data": [1.0 + hour]}}
    return {
        "machine_info": {"cpu": {"brand_raw": "a processor"}},
        "commit_info": {},
        "datetime": f"2026-01-01T0{hour}:00:00",
        "version": "5.2.0",
        "benchmarks": [one],
    }


def test_every_dependency_has_a_case() -> None:
    """All but those without which nothing runs."""
    assert CASES.keys() == DEPENDENCIES
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for library in DEPENDENCIES:
        assert f'"{library.replace("_", "-")}>=' in project


def test_other_imports_that_fail_are_bugs() -> None:
    """Only archbench's own dependencies are something to install."""
    assert named_by(ModuleNotFoundError("", name="scipy.special")) == "scipy"
    assert named_by(ModuleNotFoundError("", name="archbench.typo")) is None
    assert named_by(ImportError("")) is None


SUITE = """
def test_nothing_of_ours(tmp_path):
    assert tmp_path.exists()

def test_timed(archbench_benchmark):
    archbench_benchmark("resnet20")
"""


def test_pytest_runs_without_pytest_benchmark(tmp_path: Path) -> None:
    """Only a test that asks for the fixture fails; it is told what to install."""
    (tmp_path / "test_own.py").write_text(SUITE)
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pytest_benchmark'] = None")
    plugins = ["-p", "archbench.plugin.fixtures", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-q"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # as if pytest-benchmark were not installed
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed, 1 error" in done.stdout, done.stdout + done.stderr
    assert "pytest-benchmark is needed for the fixture archbench_benchmark" in done.stdout
    assert "hint: pip install pytest-benchmark" in done.stdout
