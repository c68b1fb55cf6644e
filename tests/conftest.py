"""Surroundings for all tests, alike on every machine, and fixtures that several files share."""

import gc
import locale
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, settings

import archbench
from archbench.papers.claims.experiments import run_experiments
from archbench.papers.claims.records import Finding
from archbench.papers.records import Reproduction
from archbench.papers.statements import statements
from archbench.timing.jobs import Job
from archbench.timing.sessions import launch as launching
from tests.machines import Quiet, made_up, tells
from tests.user_nets import NETS

# What a user, a CI system or a hook sets for every program: the terminal, its colours and widths,
# Python's warnings and bytecode, the repository that git works on. It would decide what commands
# print, which code runs after a file was changed, and where tests commit.
SET_FOR_ALL = re.compile(
    r"TERM|COLORTERM|COLUMNS|LINES|TERMINAL_WIDTH|NO_COLOR|FORCE_COLOR|CLICOLOR\w*|PY_COLORS|TTY_\w+"
    r"|CI|GITHUB_\w+|PYTHON(WARNINGS|DEVMODE|SAFEPATH|UNBUFFERED|DONTWRITEBYTECODE)"
    r"|GIT_(DIR|WORK_TREE|COMMON_DIR|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|(CONFIG|AUTHOR|COMMITTER)\w*)"
)

# However long an example takes on a busy machine, it is none of its properties.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Run on any machine as on a bare one, with all that the tests start.

    Raises:
        pytest.UsageError: files are not read as UTF-8 here.
    """
    if locale.getpreferredencoding(False).lower() not in ("utf-8", "utf8"):
        raise pytest.UsageError("the tests read files and outputs as UTF-8: set PYTHONUTF8=1")
    for name in [name for name in os.environ if SET_FOR_ALL.fullmatch(name)]:
        del os.environ[name]
    sys.dont_write_bytecode = False
    os.environ |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


# So that no core waits for them at the end; `make test` hands out files in this order.
LONGEST_FIRST = (
    *("test_archs", "test_readme", "test_time_gate", "test_claims", "test_weights", "test_memory"),
    *("test_bench", "test_gpu_check", "test_explain", "test_cli", "test_terminal"),
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the longest files; what takes minutes is run when it is asked for."""
    places = {f"{name}.py": place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
    if "slow" in config.option.markexpr:
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: pytest -m slow runs it"))


@pytest.fixture(autouse=True, scope="module")
def survivors() -> None:
    """Let no collection of garbage walk what is imported by now: that took a third of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def reproductions() -> tuple[Reproduction, ...]:
    """Every printed figure, computed again."""
    return archbench.reproduce()


@pytest.fixture(scope="session")
def findings() -> dict[str, Finding]:
    """Every claim, put to the test; nothing of it stays behind in torch."""
    before = (torch.get_rng_state().tolist(), torch.get_default_dtype(), torch.get_num_threads())
    found = {finding.claim.id: finding for finding in run_experiments(statements())}
    after = (torch.get_rng_state().tolist(), torch.get_default_dtype(), torch.get_num_threads())
    assert before == after
    return found


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Job]]:
    """Stand in for fresh processes on a quiet machine; returns what was launched."""
    launched: list[Job] = []

    def launch(job: Job, variables: dict[str, str]) -> tuple[object, str]:
        launched.append(job)
        return made_up(job), "said\n"

    monkeypatch.setattr(launching, "launch", launch)
    monkeypatch.setattr(launching, "ask", tells)
    monkeypatch.setattr("archbench.timing.machine.cpu_load.CpuWatch", Quiet)
    return lambda: launched


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the user's own networks, in which the command runs."""
    (tmp_path / "nets.py").write_text(NETS)
    (tmp_path / "broken.py").write_text("import there_is_no_such_thing\n")
    with suppress(OSError):  # Windows lets few users make links
        (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    (tmp_path / "exits.py").write_text("raise SystemExit(0)\n")
    package = tmp_path / "mypkg"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net.py").write_text(NETS)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "in_src.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("nets", "broken", "exits", "mypkg", "mypkg.net", "in_src"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path
