"""`archbench init-ci`: what it writes into a repository, and what it leaves as it is."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from archbench.app import run
from archbench.commands.init_ci.project_files import write_file
from archbench.commands.init_ci.records import ProjectFile
from archbench.commands.init_ci.run import SUITE
from archbench.errors import OutputRefused
from archbench.gates.structure.configuration import find_project
from archbench.networks.names import LOCK
from tests.gates.structure.test_check import NET
from tests.plugin.test_pytest_plugin import outside_of_pytest
from tests.repository import ROOT
from tests.systems import needs_posix

Captured = pytest.CaptureFixture[str]
UPDATE = ["--update", "--reason", "one more"]
GITHUB = ["--github", "--requirement", "archbench==0.1.0"]
WORKFLOW = Path(".github/workflows/archbench.yml")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with nothing in it."""
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q", "."], check=True)
    return tmp_path


def states(capsys: Captured, *argv: str) -> dict[str, str]:
    """Run it; return what became of each file."""
    capsys.readouterr()
    assert run(["init-ci", *argv, "-f", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    return {one["path"]: one["state"] for one in found["files"]}


def test_an_empty_repository_gets_all(repository: Path, capsys: Captured) -> None:
    """And what it got passes at once."""
    assert states(capsys, *GITHUB) == {
        "archbench.toml": "written",
        LOCK: "written",
        str(SUITE): "written",
        str(WORKFLOW): "written",
    }
    assert [cell.model for cell in find_project(repository).cells] == ["resnet18"]
    assert run(["check", "--strict"]) == 0


def test_a_second_time_changes_nothing(repository: Path, capsys: Captured) -> None:
    """Not a byte."""
    states(capsys, "resnet20", *GITHUB)
    files = [path for path in repository.rglob("*") if path.is_file() and ".git/" not in str(path)]
    before = {path: path.read_bytes() for path in files}
    assert set(states(capsys, "resnet20", *GITHUB).values()) == {"unchanged"}
    assert {path: path.read_bytes() for path in files} == before


def test_without_github_there_is_no_workflow(repository: Path, capsys: Captured) -> None:
    """It is asked for."""
    assert str(WORKFLOW) not in states(capsys)
    assert not (repository / ".github").exists()


def test_a_network_of_ones_own(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named from a folder below, it is declared as it is found from the root, with its size."""
    (repository / "pkg").mkdir()
    (repository / "pkg" / "net.py").write_text(NET)
    monkeypatch.chdir(repository / "pkg")
    capsys.readouterr()
    assert run(["init-ci", "net.py:Small"]) == 2
    assert "needs an input size" in capsys.readouterr().err
    assert not (repository / "archbench.toml").exists()
    assert run(["init-ci", "net.py:Small", "-i", "3x16x16"]) == 0
    (cell,) = find_project(repository).cells
    assert (cell.model, cell.input_size) == ("pkg/net.py:Small", ("3x16x16",))
    assert run(["check", "--strict"]) == 0


def test_cells_in_another_form_are_not_mixed(repository: Path, capsys: Captured) -> None:
    """TOML has no table behind a list of the same name."""
    (repository / "pyproject.toml").write_text("[tool.archbench]\ncells = []\n")
    assert run(["init-ci", "resnet20"]) == 2
    err = capsys.readouterr().err
    assert "cells cannot be added to 'pyproject.toml'" in err
    assert "hint: write each cell that it holds as [[tool.archbench.cells]]" in err


def test_what_is_there_stays(repository: Path, capsys: Captured) -> None:
    """What it would have written is shown as a difference."""
    (repository / SUITE).parent.mkdir()
    (repository / SUITE).write_text("# mine\n")
    (repository / "pyproject.toml").write_text('[project]\nname = "mine"\n# the end')
    assert states(capsys) == {
        "pyproject.toml": "added to",
        LOCK: "written",
        str(SUITE): "left as it is",
    }
    assert (repository / SUITE).read_text() == "# mine\n"
    text = (repository / "pyproject.toml").read_text()
    assert text.startswith('[project]\nname = "mine"\n# the end\n\n[[tool.archbench.cells]]\n')
    assert tomllib.loads(text)["project"] == {"name": "mine"}
    assert run(["init-ci"]) == 0
    out = capsys.readouterr().out
    assert "\n-# mine\n" in out
    assert "\n+def test_latency(archbench_cell, archbench_benchmark):" in out


def test_declared_cells_are_kept_and_others_added(repository: Path, capsys: Captured) -> None:
    """Behind them, in the file that declares them; the lock is `archbench lock`'s from then on."""
    (repository / "archbench.toml").write_text('[[cells]]\nmodel = "resnet20"\n')
    assert states(capsys)["archbench.toml"] == "unchanged"
    assert states(capsys, "resnet20", "resnet32") == {
        "archbench.toml": "added to",
        LOCK: "unchanged",
        str(SUITE): "unchanged",
    }
    models = [cell.model for cell in find_project(repository).cells]
    assert models == ["resnet20", "resnet32"]
    assert not (repository / "pyproject.toml").exists()


def test_a_model_that_is_none_writes_nothing(repository: Path, capsys: Captured) -> None:
    """The nearest name, exit code 2, and the repository as it was."""
    assert run(["init-ci", "resnet81", *GITHUB]) == 2
    assert "resnet18" in capsys.readouterr().err
    assert [path.name for path in repository.iterdir()] == [".git"]
    states(capsys, "resnet20")
    held = (repository / "archbench.toml").read_bytes()
    assert run(["init-ci", "resnet81"]) == 2
    assert (repository / "archbench.toml").read_bytes() == held


def test_the_workflow_installs_what_is_named(repository: Path, capsys: Captured) -> None:
    """The requirement is one text to YAML, whatever signs it holds."""
    named = "archbench @ git+https://host.org/a.git@0123#egg=a: b"
    states(capsys, "--github", "--requirement", named)
    found = yaml.safe_load((repository / WORKFLOW).read_text())
    assert found["env"] == {"REQUIREMENT": named}
    assert found["permissions"] == {"contents": "read"}
    python = "{}.{}".format(*sys.version_info)
    for job in found["jobs"].values():
        (setup,) = (step for step in job["steps"] if "setup-python" in step.get("uses", ""))
        assert setup["with"]["python-version"] == python


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("--index-url=https://host.org", "is an option of pip"),
        ("archbench ${{ github.token }}", "cannot stand in a workflow"),
        ("archbench\n- run: x", "cannot stand in a workflow"),
    ],
)
def test_other_requirements_are_refused(
    named: str, said: str, repository: Path, capsys: Captured
) -> None:
    """Nothing is written."""
    assert run(["init-ci", "--github", "--requirement", named]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in repository.iterdir()] == [".git"]


def test_a_requirement_needs_a_workflow(repository: Path, capsys: Captured) -> None:
    """Without a workflow the option would do nothing."""
    assert run(["init-ci", "--requirement", "archbench"]) == 2
    assert "hint: add --github" in capsys.readouterr().err


def test_the_suite_passes(repository: Path, capsys: Captured) -> None:
    """As pytest itself finds it, once for each cell."""
    states(capsys, "resnet20")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "benchmarks", "--benchmark-json", "out.json", "-q"],
        cwd=repository,
        env=outside_of_pytest() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    (found,) = json.loads((repository / "out.json").read_text())["benchmarks"]
    assert found["fullname"] == "benchmarks/test_archbench.py::test_latency[resnet20]"
    own = found["extra_info"]["archbench"]
    # He et al. 2015, section 4.2: 0.27 M; by hand in tests/networks/test_archs.py
    assert own["params"] == 269_722
    assert len(own["fingerprint"]) == 12
    assert found["stats"]["rounds"] >= 10


@needs_posix("links")
def test_line_ends_and_links_stay(repository: Path, capsys: Captured) -> None:
    """A file of Windows' line ends, behind a link: it is added to, and is both still."""
    (repository / "shared").mkdir()
    target = repository / "shared" / "pyproject.toml"
    target.write_bytes(b'[project]\r\nname = "mine"\r\n')
    (repository / "pyproject.toml").symlink_to(target)
    assert states(capsys)["pyproject.toml"] == "added to"
    assert (repository / "pyproject.toml").is_symlink()
    assert target.read_bytes() == (
        b'[project]\r\nname = "mine"\r\n\r\n[[tool.archbench.cells]]\r\nmodel = "resnet18"\r\n'
    )


def test_locked_cells_become_declared_ones(repository: Path, capsys: Captured) -> None:
    """A gate that is there goes on guarding what it guarded, under the same names."""
    assert run(["lock", "resnet20", "-i", "3x48x48", "-b", "2"]) == 0
    assert run(["lock", *UPDATE, "resnet18", "--model-kwargs", "num_classes=7"]) == 0
    assert states(capsys, "resnet32") == {
        "archbench.toml": "written",
        LOCK: "unchanged",
        str(SUITE): "written",
    }
    assert [cell.name for cell in find_project(repository).cells] == [
        *("resnet18", "resnet20", "resnet32")
    ]
    assert run(["init-ci"]) == 0
    capsys.readouterr()
    assert run(["check"]) == 0
    assert "2 ok" in capsys.readouterr().out


def test_cells_that_the_lock_lacks_are_named(repository: Path, capsys: Captured) -> None:
    """With the command that adds them; nothing is locked behind anybody's back."""
    states(capsys, "resnet20")
    held = (repository / LOCK).read_bytes()
    assert run(["init-ci", "resnet32"]) == 0
    assert "resnet32: `archbench lock --update --reason ...` adds them" in capsys.readouterr().out
    assert (repository / LOCK).read_bytes() == held


def test_a_size_for_a_cell_that_is_declared_is_refused(repository: Path, capsys: Captured) -> None:
    """Another size would do nothing. The same size again is accepted."""
    states(capsys, "resnet32", "-i", "3x48x48")
    assert set(states(capsys, "resnet32", "-i", "3x48x48").values()) == {"unchanged"}
    states(capsys, "resnet20")
    assert run(["init-ci", "resnet20", "-i", "3x64x64"]) == 2
    assert "'resnet20' is a cell already, with another size" in capsys.readouterr().err
    assert run(["init-ci", "resnet20", "--model-kwargs", "num_classes=7"]) == 2


def test_a_project_below_the_root(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub reads workflows at the root only; its steps run in the project's folder."""
    (repository / "sub").mkdir()
    (repository / "sub" / "archbench.toml").write_text('[[cells]]\nmodel = "resnet20"\n')
    (repository / "sub" / "requirements.txt").write_text("einops\n")
    monkeypatch.chdir(repository / "sub")
    assert states(capsys, *GITHUB) == {
        "sub/archbench.toml": "unchanged",
        f"sub/{LOCK}": "written",
        f"sub/{SUITE}": "written",
        ".github/workflows/archbench-sub.yml": "written",
    }
    found = yaml.safe_load((repository / ".github/workflows/archbench-sub.yml").read_text())
    assert found["defaults"]["run"]["working-directory"] == "sub"
    steps = found["jobs"]["time"]["steps"]
    assert any("-r requirements.txt" in step.get("run", "") for step in steps)


@pytest.mark.parametrize("file", ["pyproject.toml", "setup.py", "requirements.txt"])
@pytest.mark.parametrize("place", ["nets", "src/nets"])
def test_a_project_below_the_root_that_declares_nothing_yet(
    file: str, place: str, repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own folder gets the cells, with its packages, also those in src/."""
    package = repository / "sub" / place
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(NET)
    (repository / "sub" / file).write_text("")
    cells = file if file == "pyproject.toml" else "archbench.toml"
    monkeypatch.chdir(repository / "sub")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    found = states(capsys, "nets:Small", "-i", "3x8x8", "--model-kwargs", "width=4", *GITHUB)
    workflow = ".github/workflows/archbench-sub.yml"
    assert list(found) == [f"sub/{cells}", f"sub/{LOCK}", f"sub/{SUITE}", workflow]
    (cell,) = find_project(repository / "sub").cells
    assert (cell.input_size, cell.model_kwargs) == (("3x8x8",), {"width": 4})
    assert (repository / "sub" / "pyproject.toml").exists() == (file == "pyproject.toml")
    assert run(["check", "--strict"]) == 0


@pytest.mark.parametrize(
    "folder", ["c #1", "a: b", "*star", "@scope", "!tag", "%x", "é", "[x]", "'q"]
)
def test_a_folder_is_a_text_to_yaml(
    folder: str, repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any first sign of a name, and any sign in it. The second run finds the folder again."""
    (repository / folder).mkdir()
    (repository / folder / "pyproject.toml").write_text("")
    monkeypatch.chdir(repository / folder)
    states(capsys, "resnet20", *GITHUB)
    (path,) = (repository / ".github" / "workflows").iterdir()
    assert re.fullmatch(r"[A-Za-z0-9_.-]+\.yml", path.name)
    found = yaml.safe_load(path.read_text())
    assert found["defaults"]["run"]["working-directory"] == folder
    assert found["name"] == f"archbench {folder}"
    assert set(states(capsys, "resnet20", *GITHUB).values()) == {"unchanged"}


def test_a_folder_is_no_expression(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub would put in what it stands for, wherever it is quoted."""
    folder = repository / "${{ github.token }}"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    monkeypatch.chdir(folder)
    assert run(["init-ci", "resnet20", *GITHUB]) == 2
    assert "cannot stand in a workflow" in capsys.readouterr().err
    assert not (repository / ".github").exists()


@pytest.mark.parametrize(
    ("held", "name"),
    [
        ("defaults:\n  run:\n    working-directory: pkgs/a\n", "archbench.yml"),
        ("defaults:\n  run:\n    working-directory: './pkgs/a/' # mine\n", "archbench.yml"),
        ('steps:\n  - working-directory: "pkgs/a"\n', "archbench.yml"),
        (
            "a: ${{ matrix.f }}\nworking-directory: ${{ matrix.f }}\nf: [pkgs/a, b]\n",
            "archbench.yml",
        ),
        ("working-directory: ${{ matrix.f }}\nf: [pkgs/ab, my/pkgs/a]\n", "archbench-a.yml"),
        ("working-directory: pkgs/ab\n", "archbench-a.yml"),
        ("# for the root\n", "archbench-a.yml"),
    ],
)
def test_a_workflow_is_known_by_its_folder(
    held: str,
    name: str,
    repository: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One for the same folder is left as it is, one for another is another's."""
    (repository / WORKFLOW).parent.mkdir(parents=True)
    (repository / WORKFLOW).write_bytes(held.encode())
    (repository / "pkgs" / "a").mkdir(parents=True)
    (repository / "pkgs" / "a" / "pyproject.toml").write_text("")
    monkeypatch.chdir(repository / "pkgs" / "a")
    found = states(capsys, "resnet20", *GITHUB)
    known = name == WORKFLOW.name
    assert found[f".github/workflows/{name}"] == ("left as it is" if known else "written")
    assert (repository / WORKFLOW).read_bytes() == held.encode()


def test_packages_of_one_name_have_their_own_workflows(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is named after its whole path, a third that looks like it by a number."""
    for folder in ("x/a", "y/a", "y-a", "y a"):
        (repository / folder).mkdir(parents=True)
        (repository / folder / "setup.py").write_text("")
        monkeypatch.chdir(repository / folder)
        states(capsys, "resnet20", *GITHUB)
    paths = sorted((repository / ".github" / "workflows").iterdir())
    assert [path.name for path in paths] == [
        *("archbench-a.yml", "archbench-y-a-2.yml", "archbench-y-a-3.yml", "archbench-y-a.yml")
    ]
    names = [yaml.safe_load(path.read_text())["name"] for path in paths]
    assert names == ["archbench x/a", "archbench y-a", "archbench y a", "archbench y/a"]


def test_check_at_the_root_names_the_locks_below(repository: Path, capsys: Captured) -> None:
    """Hidden folders, as a virtual environment's, are not looked into."""
    for folder in ("pkgs/b", "pkgs/a", ".venv/x"):
        (repository / folder).mkdir(parents=True)
        (repository / folder / LOCK).write_text("{}")
    assert run(["check"]) == 2
    said, hint = capsys.readouterr().err.splitlines()
    assert said == f"archbench: there is no lock '{LOCK}'"
    assert hint == "hint: there are locks in 'pkgs/a', 'pkgs/b': `archbench check` is run there"


def test_init_ci_says_what_the_workflow_installs(repository: Path, capsys: Captured) -> None:
    """It also says what the workflow does not install."""
    text = '[project]\nname = "x"\ndependencies = []\n[project.optional-dependencies]\nplots = []\n'
    (repository / "pyproject.toml").write_text(text)
    assert run(["init-ci", *GITHUB, "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["dependencies"] == {
        "source": "pyproject.toml",
        "unknown": None,
        "notes": ["not installed: the extra plots"],
    }
    assert run(["init-ci", *GITHUB]) == 0
    out = capsys.readouterr().out
    assert "those of pyproject.toml" in out
    assert "not installed: the extra plots" in out


def test_setup_py_gets_no_pyproject_beside_it(repository: Path, capsys: Captured) -> None:
    """With one, pip would build it in another way: PEP 517, in an environment without torch."""
    (repository / "setup.py").write_text("")
    assert "archbench.toml" in states(capsys)
    assert not (repository / "pyproject.toml").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_leaves_a_file_as_it_was(tmp_path: Path) -> None:
    """The part that did fit is taken back; a new file that cannot be made is not there."""
    held = tmp_path / "held.toml"
    held.symlink_to("/dev/full")
    with pytest.raises(OutputRefused, match="no space left on device"):
        write_file(tmp_path, ProjectFile(Path("held.toml"), "a", "ab"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputRefused, match="cannot be written"):
        write_file(tmp_path, ProjectFile(Path("file/new.toml"), None, "a"))
    with pytest.raises(OutputRefused, match="file exists"):
        write_file(tmp_path, ProjectFile(Path("file"), None, "a"))
