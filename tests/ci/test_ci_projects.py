"""The workflow of `archbench init-ci --github` for projects of each kind, run as GitHub runs it.

The runner has bash, git, Python and the pinned uv of PyPI. A stub takes the place of archbench's
wheel: it lends the archbench and the torch of the tests. What a project depends on comes from a
folder, so a gate fails whose workflow does not install it.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from archbench.app import run
from archbench.ci.dependencies import POETRY_EXPORT
from archbench.ci.install import UV, command_lines
from tests.gates.structure.test_check import NET
from tests.github import STEPS, Done, Runner, action_variables, git
from tests.repository import ROOT

Captured = pytest.CaptureFixture[str]
Gated = Callable[..., None]
WORKFLOWS = Path(".github/workflows")
ACTIVATED = f'source "$RUNNER_TEMP"/archbench/*/activate\n{UV[1]}\n'

NEEDS = "archbench-test-needs"  # not on PyPI
NETWORK = (
    f"from archbench_test_needs import WIDTH\n{NET}\n\ndef small():\n    return Small(WIDTH)\n"
)
PROJECT = '[project]\nname = "mine"\nversion = "1"\nrequires-python = ">=3.11"\n'
DECLARED = f'{PROJECT}dependencies = ["{NEEDS}"]\n'
POETRY = f"""\
[tool.poetry]
name = "mine"
version = "1"
description = ""
authors = []

[tool.poetry.dependencies]
python = ">=3.11"
{NEEDS} = "^1.0"
"""
POETRY_BUILDS = """
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""
BUILDS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
py-modules = []
"""
SETUP = f"""\
from setuptools import setup
setup(name="mine", version="1", py_modules=["net"], install_requires=["{NEEDS}"])
"""
OFFLINE = {
    "poetry 2, [project]": {"pyproject.toml": DECLARED + POETRY_BUILDS},
    "requirements.txt": {"requirements.txt": f"{NEEDS}\n"},
    "uv": {"pyproject.toml": DECLARED},
}
BUILT = {  # by a backend of PyPI
    "poetry 1": {"pyproject.toml": POETRY + POETRY_BUILDS},
    "setup.py": {"setup.py": SETUP},
}


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


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of wheels: uv as it is pinned, archbench's stub, what the projects depend on."""
    folder = tmp_path_factory.mktemp("shelf")
    pinned = UV[0].split()[-1]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, pinned]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"PyPI does not give {pinned}: {done.stderr.strip()[-200:]}")
    wheel(folder, NEEDS, "1.0", {"archbench_test_needs.py": "WIDTH = 8\n"})
    lent = f"{ROOT}\n{sysconfig.get_paths()['purelib']}\n"
    script = "[console_scripts]\narchbench = archbench.__main__:main\n"
    info = "archbench-0.1.0.dist-info"
    wheel(folder, "archbench", "0.1.0", {"lent.pth": lent, f"{info}/entry_points.txt": script})
    return folder


@pytest.fixture(scope="module")
def home(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A runner's folder in which the first steps of a job were run: its environment is there."""
    folder = tmp_path_factory.mktemp("runner")
    made = _steps()["Make an environment"]
    done = Runner(folder, folder, looking_into(shelf)).shell(f"{made}\n{ACTIVATED}{UV[0]}")
    assert done.returncode == 0, done.stderr
    return folder


def _steps(job: str = "structure") -> dict[str, str]:
    """Return the shell steps of the workflow's template."""
    text = (ROOT / "archbench" / "commands" / "init_ci" / "workflow.yml.txt").read_text(
        encoding="utf-8"
    )
    steps = yaml.safe_load(text.replace("{install}", ""))["jobs"][job]["steps"]
    return {step["name"]: step["run"] for step in steps if "run" in step}


def looking_into(shelf: Path) -> dict[str, str]:
    """Return the variables that let pip and uv look into a folder only."""
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(shelf)}
    return pip | {"UV_OFFLINE": "1", "UV_FIND_LINKS": str(shelf)}


@pytest.fixture
def runner(home: Path, shelf: Path, tmp_path: Path) -> Iterator[Runner]:
    """A runner whose environment holds nothing but pip and uv."""
    (home / "summary.md").unlink(missing_ok=True)
    (home / "output").unlink(missing_ok=True)
    (home / "temp" / "archbench-pairs.jsonl").unlink(missing_ok=True)
    runner = Runner(home, tmp_path / "workspace", looking_into(shelf))
    yield runner
    held = '"$RUNNER_TEMP/held.txt"'
    own = "--exclude pip --exclude setuptools"
    line = f"uv pip freeze {own} > {held}\nuv pip uninstall --quiet -r {held}"
    assert runner.shell(ACTIVATED + line, home).returncode == 0


@pytest.fixture
def online(runner: Runner) -> Runner:
    """A runner that reaches PyPI."""
    runner.variables.pop("UV_OFFLINE")
    done = runner.shell(f"{ACTIVATED}uv pip install --dry-run six", runner.home)
    if done.returncode:
        pytest.skip(f"PyPI is out of reach: {done.stderr.strip()[-200:]}")
    return runner


@pytest.fixture
def repository(tmp_path: Path, shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with nothing in it; its networks can be built here."""
    monkeypatch.setattr(sys, "path", [str(next(shelf.glob("archbench_test*"))), *sys.path])
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


@pytest.fixture
def gated(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Gated:
    """Put files and a network into a folder, and gates by `archbench init-ci`."""

    def init_ci(folder: Path, files: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ({"net.py": NETWORK} | dict(files or {})).items():
            (folder / name).write_text(text)
        monkeypatch.chdir(folder)
        stub = str(next(shelf.glob("archbench-0*")))
        words = ["net.py:small", "-i", "3x16x16", "--github", "--requirement", stub]
        assert run(["init-ci", *words]) == 0

    return init_ci


def checked_out(repository: Path, runner: Runner) -> None:
    """Commit all that git does not ignore, and check that out where a runner has it."""
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "gates")
    git(repository.parent, "clone", "-q", str(repository), str(runner.workspace))


def passes(runner: Runner, workflow: str = "archbench.yml") -> None:
    """Run a workflow's job `structure`; each step has to succeed, and one cell to be checked."""
    path = runner.workspace / WORKFLOWS / workflow
    for name, done in runner.job(path, "structure", skip="Make an environment"):
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"
    assert "1 ok" in runner.summary.read_text()
    runner.summary.unlink()


def installed(runner: Runner, environment: str = '"$RUNNER_TEMP"/archbench') -> set[str]:
    """Return the names of the packages in an environment."""
    line = f"source {environment}/*/activate\n{UV[1]}\nuv pip list --quiet --format json"
    return {one["name"] for one in json.loads(runner.shell(line, runner.home).stdout)}


@pytest.mark.parametrize("kind", OFFLINE)
def test_a_projects_dependencies_are_installed(
    kind: str, repository: Path, runner: Runner, gated: Gated
) -> None:
    """The gate runs in a fresh checkout, and the project itself is not installed."""
    if kind == "uv":
        (repository / "pyproject.toml").write_text(OFFLINE[kind]["pyproject.toml"])
        assert runner.shell(f"{ACTIVATED}uv lock --quiet", repository).returncode == 0
        assert NEEDS in (repository / "uv.lock").read_text()
    gated(repository, OFFLINE[kind])
    checked_out(repository, runner)
    passes(runner)
    assert {"archbench", NEEDS} <= installed(runner)
    assert "mine" not in installed(runner)


@pytest.mark.parametrize("kind", BUILT)
def test_dependencies_that_a_backend_knows_are_installed(
    kind: str, repository: Path, online: Runner, gated: Gated
) -> None:
    """Poetry's own table, and setup.py."""
    gated(repository, BUILT[kind])
    checked_out(repository, online)
    passes(online)
    assert "mine" not in installed(online)


def test_a_project_that_requires_itself_is_taken_out(
    repository: Path, online: Runner, gated: Gated
) -> None:
    """`-e .` in requirements.txt installs it. Its dependencies stay, and a notice names it."""
    files = {"pyproject.toml": PROJECT + BUILDS, "requirements.txt": f"-e .\n{NEEDS}\n"}
    gated(repository, files)
    checked_out(repository, online)
    path = online.workspace / WORKFLOWS / "archbench.yml"
    done = dict(online.job(path, "structure", skip="Make an environment"))
    assert "::notice title=archbench::uninstalled mine: " in done["Install"].stderr
    assert done["Hold the structure to the lock"].returncode == 0
    assert NEEDS in installed(online)
    assert "mine" not in installed(online)


def test_without_dependencies_the_gate_fails_and_names_them(
    repository: Path, runner: Runner, gated: Gated, capsys: Captured
) -> None:
    """init-ci has said that it does not know them; so does the workflow."""
    gated(repository, {"Pipfile": f'[packages]\n{NEEDS} = "*"\n'})
    assert "not known (Pipfile cannot be read)" in capsys.readouterr().out
    checked_out(repository, runner)
    path = runner.workspace / WORKFLOWS / "archbench.yml"
    assert "depends on is not known (Pipfile cannot be read)" in path.read_text()
    *_, (name, done) = runner.job(path, "structure", skip="Make an environment")
    assert name == "Hold the structure to the lock"
    assert done.returncode == 3
    assert "No module named 'archbench_test_needs'" in done.stdout + done.stderr


def test_two_packages_of_a_repository_have_two_gates(
    repository: Path, runner: Runner, gated: Gated, capsys: Captured
) -> None:
    """Each is checked in its own folder; to run init-ci again for either changes nothing."""
    gated(repository / "pkgs" / "a", {"pyproject.toml": DECLARED})
    gated(repository / "pkgs" / "b", {"requirements.txt": f"{NEEDS}\n"})
    files = sorted((repository / WORKFLOWS).iterdir())
    assert [path.name for path in files] == ["archbench-a.yml", "archbench-b.yml"]
    held = [path.read_bytes() for path in files]
    for name in ("a", "b"):
        capsys.readouterr()
        gated(repository / "pkgs" / name)
        assert "0 files written, 4 as before" in capsys.readouterr().out
    assert sorted((repository / WORKFLOWS).iterdir()) == files
    assert [path.read_bytes() for path in files] == held
    checked_out(repository, runner)
    passes(runner, "archbench-a.yml")
    passes(runner, "archbench-b.yml")
    # a workflow cancels the former runs of its group, which must not be the other's
    documents = [yaml.safe_load(text) for text in held]
    assert len({document["name"] for document in documents}) == 2
    assert {d["concurrency"]["group"] for d in documents} == {
        "${{ github.workflow }}-${{ github.ref }}"
    }


def test_a_workspace_of_uv_gives_a_member_its_part(
    repository: Path,
    runner: Runner,
    gated: Gated,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The lock lies above; code of the workspace is named, and PYTHONPATH has to find it."""
    (repository / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["pkgs/*"]\n')
    member, sibling = repository / "pkgs" / "a", repository / "pkgs" / "sibling"
    member.mkdir(parents=True)
    sibling.mkdir()
    sources = "[tool.uv.sources]\nsibling = {workspace = true}\n"
    needs = DECLARED.replace(f'"{NEEDS}"', f'"{NEEDS}", "sibling"') + sources
    (member / "pyproject.toml").write_text(needs)
    (sibling / "pyproject.toml").write_text(PROJECT.replace("mine", "sibling") + BUILDS)
    (sibling / "sibling.py").write_text("")
    done = runner.shell(f"{ACTIVATED}uv lock --quiet", repository)
    assert done.returncode == 0, done.stderr
    monkeypatch.syspath_prepend(sibling)
    gated(member, {"net.py": f"import sibling\n{NETWORK}"})
    monkeypatch.delitem(sys.modules, "sibling")
    out = capsys.readouterr().out
    assert "those of ../../uv.lock" in out
    assert "not installed: sibling, whose code lies in 'pkgs/sibling'" in out
    checked_out(repository, runner)
    path = runner.workspace / WORKFLOWS / "archbench-a.yml"
    *_, (_, done) = runner.job(path, "structure", skip="Make an environment")
    assert "No module named 'sibling'" in done.stdout + done.stderr
    runner.summary.unlink()
    runner.variables["PYTHONPATH"] = "../sibling"
    passes(runner, "archbench-a.yml")


def test_jobs_of_a_matrix_do_not_collide(
    repository: Path, runner: Runner, gated: Gated, tmp_path: Path
) -> None:
    """Several systems and Pythons: each job has its own artefact, and the steps work as before."""
    gated(repository, OFFLINE["requirements.txt"])
    path = repository / WORKFLOWS / "archbench.yml"
    python = f'python-version: "{sys.version_info.major}.{sys.version_info.minor}"'
    text = path.read_text()
    assert text.count("runs-on: ubuntu-latest") == text.count(python) == 2
    matrix = "strategy:\n      matrix:\n        os: [ubuntu-latest, macos-latest]\n"
    matrix += '        python: ["3.11", "3.12"]\n    runs-on: ${{ matrix.os }}'
    text = text.replace("runs-on: ubuntu-latest", matrix)
    path.write_text(text.replace(python, "python-version: ${{ matrix.python }}"))
    schema = ["--builtin-schema", "vendor.github-workflows"]
    tool = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run([tool, *schema, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    steps = yaml.safe_load(path.read_text())["jobs"]["time"]["steps"]
    (upload,) = (step["with"] for step in steps if "upload-artifact" in step.get("uses", ""))
    # a job's number in its matrix: GitHub Docs, Contexts, `strategy.job-index`
    assert "${{ strategy.job-index }}" in upload["name"]
    assert upload["path"].startswith("${{ runner.temp }}/")
    checked_out(repository, runner)
    passes(runner)


def act(runner: Runner, **inputs: str) -> tuple[Done, str]:
    """Run the action's step that installs, then its structure gate, and return the environment."""
    install, check = STEPS["Install archbench"], STEPS["Hold the structure to the lock"]
    done = runner.shell(install["run"], variables=action_variables(install, inputs))
    assert done.returncode == 0, done.stdout + done.stderr
    (line,) = (runner.home / "output").read_text().splitlines()
    environment = line.removeprefix("environment=")
    known = {**inputs, "steps.install.outputs.environment": environment}
    return runner.shell(check["run"], variables=action_variables(check, known)), environment


@pytest.fixture
def stub(shelf: Path) -> str:
    """A package that the action installs in place of archbench."""
    return str(next(shelf.glob("archbench-0*")))


def test_the_action_installs_what_it_finds(
    repository: Path, runner: Runner, gated: Gated, stub: str
) -> None:
    """The action makes an environment and runs the same lines as the workflow."""
    gated(repository, {"pyproject.toml": DECLARED})
    checked_out(repository, runner)
    done, environment = act(runner, requirement=stub)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 ok" in runner.summary.read_text()
    assert environment.startswith(f"{runner.temp}/archbench.")
    assert {"archbench", NEEDS} <= installed(runner, environment)
    workflow = (repository / WORKFLOWS / "archbench.yml").read_text()
    lines = (Path(environment) / "install.sh").read_text().splitlines()
    assert "\n".join(f"{10 * ' '}{line}" for line in lines) in workflow


def test_the_action_takes_a_command(
    repository: Path, runner: Runner, gated: Gated, stub: str
) -> None:
    """The command installs the dependencies, and archbench too if `requirement` is "installed"."""
    gated(repository, {"Pipfile": ""})
    checked_out(repository, runner)
    alone = "cd /\nuv pip uninstall pip\n"  # as `uv sync` does, which leaves only what is locked
    both = f"{alone}uv pip install --quiet {NEEDS} {stub}"
    done, _ = act(runner, install=both, requirement="installed")
    assert done.returncode == 0, done.stdout + done.stderr


def test_archbench_replaces_nothing_that_a_command_installed(
    runner: Runner, shelf: Path, tmp_path: Path, stub: str
) -> None:
    """If archbench needs another version, the error names both versions."""
    with zipfile.ZipFile(stub) as held:
        files = {name: held.read(name).decode() for name in held.namelist()}
    files["archbench-0.1.0.dist-info/METADATA"] += f"Requires-Dist: {NEEDS}>=2\n"
    demanding = tmp_path / Path(stub).name
    with zipfile.ZipFile(demanding, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    wheel(tmp_path, NEEDS, "2.0", {"archbench_test_needs.py": ""})
    runner.variables["UV_FIND_LINKS"] += f",{tmp_path}"
    lines = ACTIVATED + "\n".join(command_lines(archbench=True))
    given = {"INSTALL": f"uv pip install -q {NEEDS}==1.0", "REQUIREMENT": stub}
    assert runner.shell(lines, tmp_path, given).returncode == 0
    done = runner.shell(lines, tmp_path, {**given, "REQUIREMENT": str(demanding)})
    assert done.returncode != 0
    assert f"{NEEDS}>=2" in done.stderr
    assert f"{NEEDS}==1.0" in done.stderr


@pytest.mark.slow
def test_a_poetry_lock_is_exported(
    repository: Path, online: Runner, gated: Gated, shelf: Path
) -> None:
    """Poetry itself, from PyPI, exports the lock."""
    needs = shutil.copy(next(shelf.glob("archbench_test*")), repository)
    path = f'{NEEDS} = {{ path = "{Path(needs).name}" }}'
    project = POETRY.replace(f'{NEEDS} = "^1.0"', path)
    (repository / "pyproject.toml").write_text(project)
    lock = POETRY_EXPORT.partition(" export ")[0] + " lock"
    done = online.shell(ACTIVATED + lock, repository)
    assert done.returncode == 0, done.stdout + done.stderr
    gated(repository)
    assert "poetry export" in (repository / WORKFLOWS / "archbench.yml").read_text()
    checked_out(repository, online)
    passes(online)
    assert NEEDS in installed(online)
    assert "mine" not in installed(online)


@pytest.mark.slow
@pytest.mark.parametrize(("layers", "word"), [(6, "ok"), (9, "regressed")])
def test_the_job_that_times_a_pull_request(
    layers: int, word: str, repository: Path, runner: Runner, gated: Gated
) -> None:
    """Head merged into its target, of which actions/checkout has two commits."""
    net = (
        "from archbench_test_needs import WIDTH\nfrom torch import nn\n\n\ndef small():\n"
        "    convolutions = [nn.Conv2d(16, 16, 3, padding=1) for _ in range({})]\n"
        "    return nn.Sequential(nn.Conv2d(3, 16, 3), *convolutions)\n"
    )
    gated(repository, {"net.py": net.format(6), **OFFLINE["requirements.txt"]})
    cells = repository / "archbench.toml"
    cells.write_text(cells.read_text().replace("3x16x16", "3x64x64"))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "base")
    git(repository, "checkout", "-qb", "feature")
    (repository / "net.py").write_text(net.format(layers))
    git(repository, "commit", "-q", "--allow-empty", "-am", "head")
    git(repository, "checkout", "-q", "main")
    git(repository, "merge", "-q", "--no-ff", "-m", "a pull request", "feature")
    remote = f"file://{repository}"
    git(repository.parent, "clone", "-q", "--depth=2", remote, str(runner.workspace))
    path = runner.workspace / WORKFLOWS / "archbench.yml"
    *_, (name, done) = runner.job(path, "time", skip="Make an environment")
    assert name == "Time head beside base"
    assert done.returncode == (word == "regressed"), done.stdout + done.stderr
    assert f"1 {word}" in runner.summary.read_text()
    assert (runner.temp / "archbench-pairs.jsonl").is_file()
