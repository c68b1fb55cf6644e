"""The Makefile finds a Python, takes an environment that is there, and installs the right torch.

The Pythons here are scripts that write down what they are asked to do, and install nothing.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.repository import ROOT

PYTHON = """#!/bin/sh
# The name of this file is followed by `.torch`, which holds the version that "is installed".
echo "$*" >> "{log}"
case "$*" in
    *'"several GB"'*) echo "100 MB" ;;
    *partition*) read found < "$0.torch" && echo "${{found%%+*}}" ;;
    *'version("torch")'*) test -f "$0.torch" && cat "$0.torch" ;;
    *'< (3, 11)'*) exit {old} ;;
    -V) echo "Python {version}" ;;
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip install --no-deps torch=="*) echo "${{5#torch==}}" > "$0.torch" ;;
esac
"""

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or os.name != "posix", reason="needs make and a POSIX shell"
)


class Machine:
    """A folder with the Makefile, and Pythons of which the shell sees no others."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.bin = folder / "bin"
        self.bin.mkdir()
        for tool in ("sh", "make", "uname", "cat", "echo", "test", "mkdir", "cp", "rm", "touch"):
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder)

    def python(self, path: str | Path, version: str = "3.12.1", torch: str = "") -> Path:
        """Put a Python somewhere, with a torch if one is named."""
        file = self.bin / path
        file.parent.mkdir(parents=True, exist_ok=True)
        old = int(tuple(map(int, version.split("."))) < (3, 11))
        file.write_text(PYTHON.format(log=self.log, version=version, old=old))
        file.chmod(0o755)
        if torch:
            Path(f"{file}.torch").write_text(f"{torch}\n")
        return file

    def make(self, *words: str, **variables: str) -> tuple[int, str, list[str]]:
        """Return the exit code, what was printed, and what pip was asked to install."""
        self.log.write_text("")
        done = subprocess.run(
            ["make", *words],
            cwd=self.folder,
            env={"PATH": str(self.bin), "LC_ALL": "C", **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        asked = self.log.read_text().splitlines()
        installed = [line.partition("pip install ")[2] for line in asked if "pip install" in line]
        return done.returncode, done.stdout, installed


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_newer_python_is_found_where_python3_is_too_old(machine: Machine) -> None:
    """The names are tried in a fixed order. A line says which Python makes the environment."""
    machine.python("python3", "3.9.18")
    machine.python("python3.12", "3.12.1")
    machine.python("python3.11", "3.11.7")
    code, said, _ = machine.make(".venv/bin/python")
    assert code == 0
    assert said == "==> making the environment .venv with python3.12, Python 3.12.1\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "needs Python 3.11 or newer, and none was found (Python 3.9.18): install one"),
        (["PYTHON=python3"], "needs Python 3.11 or newer, and python3 is Python 3.9.18"),
    ],
)
def test_a_python_that_is_too_old_is_refused(
    machine: Machine, words: list[str], message: str
) -> None:
    """Whether it was named or not, in one line, before anything is made."""
    machine.python("python3", "3.9.18")
    code, said, _ = machine.make(".venv/.installed", *words)
    assert code == 2
    first, _make_s_own = said.splitlines()
    assert message in first
    assert not (machine.folder / ".venv").exists()


def test_an_environment_that_is_too_old_is_refused(machine: Machine) -> None:
    """Before anything is downloaded."""
    machine.python(machine.folder / "theirs" / "bin" / "python", "3.10.1")
    code, said, installed = machine.make("theirs/.installed", "VENV=theirs")
    assert (code, installed) == (2, [])
    assert "and theirs has Python 3.10.1: name another environment" in said


def test_torch_comes_first_and_alone_from_its_index(machine: Machine) -> None:
    """Then archbench, from pip's own index; all of it once."""
    machine.python("python3")
    code, said, installed = machine.make(".venv/.installed", "TORCH_INDEX=https://cpu")
    assert code == 0
    first, second = installed
    assert first.startswith("--no-deps torch==2.13.0 --extra-index-url https://cpu ")
    assert second == "-e ."
    assert said.count("==>") == 3
    assert "from https://cpu (200 MB) or else from pip's index (600 MB)" in said
    assert machine.make(".venv/.installed", "TORCH_INDEX=https://cpu")[2] == []


def test_torch_comes_from_pip_s_index_if_that_is_wanted(machine: Machine) -> None:
    """With an empty TORCH_INDEX; on systems other than Linux that is the default."""
    machine.python("python3")
    assert machine.make(".venv/.installed", "TORCH_INDEX=")[2][0] == "--no-deps torch==2.13.0"


def test_another_torch_is_installed_and_what_follows_again(machine: Machine) -> None:
    """Once, with the torchvision that fits; beside an unknown torch there is none."""
    machine.python("python3")
    assert machine.make(".venv/.developing")[2][-1].startswith("--no-deps torchvision==0.28.0 ")
    newer = [".venv/.developing", "TORCH=torch==2.14.1", "TORCH_INDEX="]
    _, _, installed = machine.make(*newer)
    assert installed[:3] == ["--no-deps torch==2.14.1", "-e .", "-e .[dev]"]
    assert installed[3].startswith("--no-deps torchvision==0.29.1 ")
    assert machine.make(*newer)[2] == []
    _, _, installed = machine.make(".venv/.developing", "TORCH=torch==2.99.0")
    assert installed[0].startswith("--no-deps torch==2.99.0")
    assert "torchvision" not in installed[-1]


@pytest.mark.parametrize(
    "words",
    [
        {"VIRTUAL_ENV": "theirs"},
        {"CONDA_PREFIX": "theirs", "CONDA_DEFAULT_ENV": "vision"},
        {"VENV": "theirs"},
    ],
)
def test_an_environment_that_is_there_keeps_its_torch(
    machine: Machine, words: dict[str, str]
) -> None:
    """Active or named; the torchvision fits that torch. TORCH is obeyed where it is given."""
    machine.python(machine.folder / "theirs" / "bin" / "python", torch="2.14.1+cu130")
    words = {key: str(machine.folder / v) if v == "theirs" else v for key, v in words.items()}
    target = f"{machine.folder}/theirs/.developing"
    code, said, installed = machine.make(target, **words)
    assert code == 0
    assert installed[:2] == ["-e .", "-e .[dev]"]
    assert "torchvision==0.29.1" in installed[2]
    assert "as it is, with its torch 2.14.1+cu130; TORCH=... installs another" in said
    assert not (machine.folder / ".venv").exists()
    assert machine.make(target, **words)[2] == []
    installed = machine.make(target, "TORCH=torch==2.13.0", "TORCH_INDEX=", **words)[2]
    assert installed[0] == "--no-deps torch==2.13.0"


def test_conda_s_base_is_left_alone(machine: Machine) -> None:
    """Conda's base is active in every terminal of many machines. .venv is made beside it."""
    machine.python("python3")
    machine.python(machine.folder / "conda" / "bin" / "python", torch="2.14.1")
    base = {"CONDA_PREFIX": str(machine.folder / "conda"), "CONDA_DEFAULT_ENV": "base"}
    assert machine.make(".venv/.installed", **base)[0] == 0
    assert (machine.folder / ".venv" / ".installed").exists()


def test_cleaning_leaves_an_active_environment_alone(machine: Machine) -> None:
    """Only .venv is removed, whatever VENV is."""
    theirs = machine.python(machine.folder / "theirs" / "bin" / "python")
    machine.python(machine.folder / ".venv" / "bin" / "python")
    assert machine.make("clean", VIRTUAL_ENV=str(machine.folder / "theirs"))[0] == 0
    assert theirs.exists()
    assert not (machine.folder / ".venv").exists()
