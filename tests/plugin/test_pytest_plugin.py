"""The fixtures that pytest knows once archbench is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.repository import ROOT

pytest_plugins = "pytester"

SUITE = """
import pytest
import torch
from torch import nn

from archbench.errors import ArchbenchError


def test_cells(archbench_cell, archbench_benchmark):
    archbench_benchmark(archbench_cell)


@pytest.mark.parametrize("archbench_cell", ["resnet20"])
def test_own_parameters(archbench_cell, archbench_benchmark):
    archbench_benchmark(archbench_cell, batch_size=2, threads=1)


def test_module(archbench_benchmark):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    archbench_benchmark(module, "3x8x8", mode="train", threads=threads + 1)
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


class Forces(nn.Module):
    kept = []

    def forward(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            self.kept.append(torch.autograd.grad((x**2).sum(), x)[0].to("cpu"))
        return self.kept[-1]


def test_forces(archbench_benchmark):
    archbench_benchmark(Forces(), "float32:8")


def test_refused(archbench_benchmark):
    with pytest.raises(ArchbenchError, match="there is no architecture named 'resnet21'"):
        archbench_benchmark("resnet21")
"""
CELLS = """
[[cells]]
name = "two of them"
model = "resnet20"
batch_size = 2

[[cells]]
model = "nets/net.py:build"
input_size = "3x8x8"
"""
NET = "from torch import nn\n\ndef build():\n    return nn.Conv2d(3, 4, 3)\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two cells, one of them a network of the project's own, and a suite in a folder below."""
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "net.py").write_text(NET)
    (tmp_path / "archbench.toml").write_text(CELLS)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "test_suite.py").write_text(SUITE)
    return tmp_path


def outside_of_pytest() -> dict[str, str]:
    """Return the environment without what tells a pytest that another one runs it."""
    return {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}


Ran = Callable[..., str]


@pytest.fixture
def ran(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """Run pytest once more in this process, where torch is loaded; return what it printed."""
    for name in set(os.environ) - set(outside_of_pytest()):
        monkeypatch.delenv(name)

    def here(folder: Path, *argv: str, code: int = 0) -> str:
        monkeypatch.chdir(folder)
        done = pytester.runpytest_inprocess("-q", *argv)
        assert done.ret == code, done.stdout.str()
        return f"{done.stdout}{done.stderr}"

    return here


def ran_alone(project: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, which finds the plugin by its entry point."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *argv],
        cwd=project,
        env=outside_of_pytest() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_cells_models_and_modules_are_timed(project: Path) -> None:
    """Every cell by its name; the environment and what was counted are in the file."""
    done = ran_alone(project, "benchmarks", "--benchmark-json", "out.json")
    assert done.returncode == 0, done.stdout
    rows = json.loads((project / "out.json").read_text())["benchmarks"]
    found = {row["name"]: row for row in rows}
    assert list(found) == [
        "test_cells[two of them]",
        "test_cells[nets/net.py:build]",
        "test_own_parameters[resnet20]",
        "test_module",
        "test_forces",
    ]
    two, own, named, module, forces = (row["extra_info"]["archbench"] for row in rows)
    # by hand, of one image: the first convolution, six of 16 channels, two stages of half that and
    # five whole ones, the classifier
    stage = 32 * 32 * 16 * 16 * 9
    macs = 32 * 32 * 3 * 16 * 9 + 6 * stage + 2 * (stage // 2 + 5 * stage) + 640
    assert two["macs"] == named["macs"] == 2 * macs
    assert two["cell"]["model"] == "two of them"
    assert named["cell"]["threads"] == 1
    # by hand: 4 filters of 27 weights and a bias, at 36 places; batch norm's 8
    assert own["macs"] == 36 * 4 * 27
    assert (own["params"], module["params"]) == (112, 120)
    assert module["cell"]["mode"] == "train"
    assert {"no_grad", "grows"} <= set(forces["flags"])
    assert not {"no_grad", "grows"} & {*two["flags"], *module["flags"]}
    for row in rows:
        assert row["extra_info"]["archbench"]["warm_up_rounds"] >= 1
        assert row["stats"]["rounds"] >= 10
        assert len(row["stats"]["data"]) == row["stats"]["rounds"]


def test_a_project_s_packages_are_found(project: Path, ran: Ran) -> None:
    """In its folder and in src/, from wherever pytest is started."""
    for package in (project / "pack", project / "src" / "other"):
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(NET)
    (project / "archbench.toml").write_text(
        "".join(
            f'[[cells]]\nmodel = "{name}:build"\ninput_size = "3x8x8"\n'
            for name in ("pack", "other")
        )
    )
    for folder in (project, project / "benchmarks", project.parent):
        words = [str(project / "benchmarks"), "--benchmark-disable", "-k", "test_cells"]
        assert "2 passed" in ran(folder, *words)


WRONG = """
import pytest


@pytest.mark.parametrize("settings", [
    {"model": "resnet21"},
    {"model": "resnet20", "batch_size": "4"},
    {"model": "resnet20", "threads": 0},
    {"model": "net.py:wide", "input_size": "3x8x8"},
    {"model": "net.py:wide", "input_size": "3x8x8", "model_kwargs": {"width": 8}},
])
def test_wrong(archbench_benchmark, settings):
    archbench_benchmark(**settings)


def test_idle(archbench_cell, archbench_benchmark):
    archbench_benchmark(archbench_cell, batch_size=8)
"""


def test_a_refusal_comes_with_its_hint(project: Path, ran: Ran) -> None:
    """As on the command line; arguments of a factory are taken."""
    net = "from torch import nn\n\ndef wide(width):\n    return nn.Conv2d(3, width, 3)\n"
    (project / "net.py").write_text(net)
    (project / "test_wrong.py").write_text(WRONG)
    printed = ran(project, "test_wrong.py", "--benchmark-disable", code=1)
    assert "6 failed, 1 passed" in printed
    assert printed.count("hint: did you mean 'resnet") == 1
    for text in (
        "there is no architecture named 'resnet21'",
        "hint: did you mean 'resnet",
        "batch size '4' is not a positive number",
        "0 threads cannot compute",
        "'net.py:wide' cannot be called so",
        "is declared with its input size, batch and arguments",
    ):
        assert text in printed


def test_a_disabled_benchmark_runs_once(project: Path, ran: Ran) -> None:
    """As pytest-xdist asks for; nothing is written down."""
    assert "2 passed" in ran(project, "benchmarks", "--benchmark-disable", "-k", "cells")


def test_no_cells_skip_the_test(project: Path, ran: Ran) -> None:
    """As pytest does with an empty list of parameters."""
    (project / "archbench.toml").write_text("cells = []\n")
    assert "1 skipped" in ran(project, "benchmarks", "-k", "test_cells", "-rs")


def test_a_broken_configuration_is_said_in_a_line(project: Path, ran: Ran) -> None:
    """With archbench's own words and hint, and no traceback."""
    (project / "archbench.toml").write_text('[[cells]]\nmodel = "resnet21"\n')
    printed = ran(project, "benchmarks", code=pytest.ExitCode.INTERRUPTED)
    assert "archbench: there is no architecture named 'resnet21'" in printed
    assert "pytest_plugin.py" not in printed


def test_the_plugin_costs_nothing_where_it_is_not_used(project: Path) -> None:
    """Neither torch nor pandas is imported for a test that does not ask for them."""
    (project / "test_other.py").write_text(
        "import sys\n\ndef test_it():\n"
        "    assert not {'torch', 'pandas', 'scipy'} & set(sys.modules)\n"
    )
    done = ran_alone(project, "test_other.py")
    assert done.returncode == 0, done.stdout
