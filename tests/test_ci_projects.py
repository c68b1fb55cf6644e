"""What `archbench init-ci --github` writes for projects of each kind, run as GitHub runs it.

The runner has bash, git, Python and uv of PyPI. A stub takes the place of archbench's own wheel: it
lends the archbench and the torch of the tests. What a project depends on comes from a folder, so
that a step that does not install it fails.
"""

import json
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from archbench.ci.install import UV
from archbench.cli.app import run
from tests.github import Runner, git, uploads
from tests.test_check import NET

ROOT = Path(__file__).parent.parent
WORKFLOWS = Path(".github/workflows")
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
NEEDS = "archbench-test-needs"  # not on PyPI
NETWORK = f"from archbench_test_needs import WIDTH\n{NET}\n\ndef small():\n    return Small(WIDTH)\n"
ENVIRONMENT = "Make an environment"

POETRY_LOCK = """\
[[package]]
name = "archbench-test-needs"
version = "1.0"
description = ""
optional = false
python-versions = "*"
groups = ["main"]
files = []

[metadata]
lock-version = "2.1"
python-versions = "^3.11"
content-hash = "{hash}"
"""
POETRY_1 = f"""\
[tool.poetry]
name = "mine"
version = "1"
description = ""
authors = []

[tool.poetry.dependencies]
python = "^3.11"
{NEEDS} = "^1.0"
"""
POETRY_BUILDS = '[build-system]\nrequires = ["poetry-core"]\nbuild-backend = "poetry.core.masonry.api"\n'
PROJECT = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\n'
DECLARED = f'{PROJECT}dependencies = ["{NEEDS}"]\n'
SETUP = (
    "from setuptools import setup\n"
    f'setup(name="mine", version="1", py_modules=["net"], install_requires=["{NEEDS}"])\n'
)
KINDS = {
    "[project]": {"pyproject.toml": DECLARED},
    "poetry 2": {"pyproject.toml": DECLARED + POETRY_BUILDS},
    "poetry 1": {"pyproject.toml": POETRY_1 + POETRY_BUILDS},
    "setup.py": {"setup.py": SETUP},
    "requirements.txt": {"requirements.txt": f"{NEEDS}\n"},
    "uv": {"pyproject.toml": DECLARED},
}
BUILT = ("poetry 1", "setup.py")  # their build backends come from PyPI


def wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Write a wheel of a few files."""
    stem = name.replace("-", "_")
    info = f"{stem}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{stem}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, text in files.items():
            archive.writestr(inner, text)
    return path


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: uv as it is pinned, archbench's stub, what the projects depend on."""
    folder = tmp_path_factory.mktemp("shelf")
    pinned = next(word for word in UV.split() if word.startswith("uv=="))
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, pinned]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{pinned} cannot be had of PyPI: {done.stderr.strip().splitlines()[-1]}")
    wheel(folder, NEEDS, "1.0", {"archbench_test_needs.py": "WIDTH = 8\n"})
    lent = f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n"
    script = "[console_scripts]\narchbench = archbench.__main__:main\n"
    info = "archbench-0.1.0.dist-info"
    wheel(folder, "archbench", "0.1.0", {"lent.pth": lent, f"{info}/entry_points.txt": script})
    return folder


@pytest.fixture(scope="session")
def home(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder, in which a job's environment has been made, as its steps make it."""
    folder = tmp_path_factory.mktemp("runner")
    runner = Runner(folder, folder, offline(shelf))
    line = 'python -I -m venv "$RUNNER_TEMP/archbench"\nsource "$RUNNER_TEMP"/archbench/*/activate\n'
    done = runner.shell(line + UV, folder, {})
    assert done.returncode == 0, done.stderr
    return folder


def offline(shelf: Path) -> dict[str, str]:
    """Return what lets pip and uv look into a folder only."""
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}
    return pip | {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(shelf)}


@pytest.fixture
def runner(home: Path, shelf: Path, tmp_path: Path) -> Iterator[Runner]:
    """A runner whose environment holds nothing but uv."""
    (home / "summary.md").unlink(missing_ok=True)
    runner = Runner(home, tmp_path / "workspace", offline(shelf))
    yield runner
    emptied = (
        'source "$RUNNER_TEMP"/archbench/*/activate\n'
        'uv pip freeze --exclude uv --exclude pip --exclude setuptools > "$RUNNER_TEMP/held.txt"\n'
        'uv pip uninstall --quiet -r "$RUNNER_TEMP/held.txt"\n'
    )
    assert runner.shell(emptied, home, {}).returncode == 0


@pytest.fixture
def repository(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with nothing in it; what its networks import can be imported here."""
    monkeypatch.setattr(sys, "path", [str(next(shelf.glob("archbench_test*"))), *sys.path])
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def gated(folder: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a network into a project's folder, and gates as `archbench init-ci` does."""
    (folder / "net.py").write_text(NETWORK)
    monkeypatch.chdir(folder)
    words = ["net.py:small", "-i", "3x16x16", "--github"]
    stub = str(next(shelf.glob("archbench-0*")))
    assert run(["init-ci", *words, "--requirement", stub]) == 0


def committed(repository: Path, workspace: Path) -> None:
    """Commit all that git does not ignore, and check it out elsewhere."""
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "a gate")
    git(repository.parent, "clone", "-q", str(repository), str(workspace))


def passes(runner: Runner, workflow: str = "archbench.yml", job: str = "structure") -> None:
    """Run a job's steps; each has to succeed."""
    for name, done in runner.job(runner.workspace / WORKFLOWS / workflow, job, skip=ENVIRONMENT):
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


def installed(runner: Runner) -> set[str]:
    """Return the names of the packages in a runner's environment."""
    line = 'source "$RUNNER_TEMP"/archbench/*/activate\nuv pip list --quiet --format json'
    done = runner.shell(line, runner.home, {})
    return {one["name"] for one in json.loads(done.stdout)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_projects_dependencies_are_installed(
    kind: str, repository: Path, runner: Runner, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate runs, and the project itself is not installed."""
    for name, text in KINDS[kind].items():
        (repository / name).write_text(text)
    if kind == "uv":
        line = 'source "$RUNNER_TEMP"/archbench/*/activate\nuv lock --quiet'
        assert runner.shell(line, repository, {}).returncode == 0
        assert (repository / "uv.lock").is_file()
    if kind in BUILT:
        runner.variables.pop("UV_OFFLINE")
        _ask_pypi(runner)
    gated(repository, shelf, monkeypatch)
    committed(repository, runner.workspace)
    passes(runner)
    assert "1 ok" in runner.summary.read_text()
    assert {"archbench", NEEDS} <= installed(runner)
    assert "mine" not in installed(runner)


def _ask_pypi(runner: Runner) -> None:
    line = 'source "$RUNNER_TEMP"/archbench/*/activate\nuv pip install --dry-run six'
    done = runner.shell(line, runner.home, {})
    if done.returncode:
        pytest.skip(f"PyPI is out of reach: {done.stderr.strip()[-200:]}")
