"""No command loses a file: what it reads, what people wrote, or one of two results."""

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from archbench.app import run
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import GatePlan
from tests.gates.saved_runs.test_saved_runs import document
from tests.gates.structure.test_check import CELLS, NET
from tests.systems import needs_posix

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a lock, a record, saved runs and somebody's notes."""
    monkeypatch.chdir(tmp_path)
    Path("net.py").write_text(NET)
    Path("archbench.toml").write_text(CELLS)
    Path("pyproject.toml").write_text("[project]\n")
    Path("ci.yml").write_text("on: push\n")
    Path("notes.md").write_text("# mine\n")
    Path("verdicts.csv").write_text("id,verdict\ngooglenet.text.layers,exact\n")
    plan = GatePlan(("a",), "control", "base", "head", Rules())
    Path("gate.jsonl").write_text(json.dumps(plan.to_dict()) + "\n")
    for name, minute in (("a", 0), ("b", 1)):
        Path(f"{name}.json").write_text(json.dumps(document({"x": [1.0]}, minute)))
    with suppress(OSError):  # Windows lets few users make links
        Path("link.md").symlink_to("notes.md")
    assert run(["lock"]) == 0
    yield tmp_path


TWICE = "has another use in this command"
OWN = "is no place for a result"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("judge gate.jsonl -o gate.jsonl", TWICE),
        ("check --summary notes.md --junit notes.md", TWICE),
        pytest.param("check --summary notes.md --junit link.md", TWICE, marks=needs_posix("links")),
        ("check --junit new.xml -o ./new.xml", TWICE),
        ("check --against resnet20 --record new.jsonl --summary new.jsonl", TWICE),
        ("check --pytest-benchmark -o a.json a.json -- b.json", TWICE),
        ("check --pytest-benchmark --summary b.json a.json -- b.json", TWICE),
        ("bench resnet20 --record new.jsonl -o new.jsonl", TWICE),
        ("bench resnet20 --export pytest-benchmark new.json -o new.json", TWICE),
        ("reproduce googlenet-table1 --expectations verdicts.csv -o verdicts.csv", TWICE),
        ("bench resnet20 --export pytest-benchmark pyproject.toml", OWN),
        ("bench resnet20 -o ci.yml", OWN),
        ("summary resnet20 -o pyproject.toml", OWN),
        ("summary resnet20 -o net.py", OWN),
        ("list -o archbench.lock.json", OWN),
        ("check --pytest-benchmark --junit archbench.lock.json a.json -- b.json", OWN),
        ("check --summary ci.yml", OWN),
    ],
)
def test_nothing_is_lost(line: str, said: str, folder: Path, capsys: Captured) -> None:
    """One line, one hint, exit code 2, and every file as it was, none more."""
    before = {path: path.read_bytes() for path in folder.iterdir()}
    capsys.readouterr()
    assert run(shlex.split(line)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.endswith("hint: name another file\n")
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["loop.jsonl", 300 * "a", "none/x"])
def test_a_path_that_is_none_is_refused_by_whoever_opens_it(
    name: str, folder: Path, capsys: Captured
) -> None:
    """A loop of links, a name that is too long, a folder that is not there."""
    with suppress(OSError):  # without it there is no such file, which is refused as well
        Path("loop.jsonl").symlink_to("loop.jsonl")
    for words in (["judge", name], ["check", "--summary", name], ["bench", "nin", "-o", name]):
        capsys.readouterr()
        assert run(words) == 2
        message, hint = capsys.readouterr().err.splitlines()
        assert "cannot be" in message
        assert hint.startswith("hint: ")


@needs_posix("/dev/null")
def test_a_device_takes_any_number_of_results(folder: Path) -> None:
    """There is nothing to lose in it."""
    assert run(["check", "--summary", "/dev/null", "--junit", "/dev/null", "-o", "/dev/null"]) == 0


def test_a_file_is_free_again_afterwards(folder: Path) -> None:
    """Also after a command that was refused."""
    assert run(["check", "--summary", "notes.md", "--junit", "notes.md"]) == 2
    for _ in range(2):
        assert run(["check", "--summary", "notes.md"]) == 0
    assert Path("notes.md").read_text().count("**archbench") == 2


def test_a_refusal_leaves_no_empty_summary(folder: Path) -> None:
    """Nothing was there, so nothing stays."""
    Path("archbench.lock.json").write_text("{")
    assert run(["check", "--summary", "new.md", "--junit", "new.xml"]) == 2
    assert not Path("new.md").exists()
    assert not Path("new.xml").exists()


@needs_posix("named pipes")
def test_pipes_take_a_summary_and_give_saved_runs(folder: Path) -> None:
    """They cannot be sought in, and are read once."""
    for name in ("before", "after", "summary"):
        os.mkfifo(name)
    lines = ["exec cat a.json > before", "exec cat b.json > after", "exec cat summary > told.md"]
    ends = [subprocess.Popen(line, shell=True) for line in lines]
    try:
        words = ["check", "--summary", "summary", "--pytest-benchmark", "before", "--", "after"]
        assert run(words) == 0
        assert [end.wait(10) for end in ends] == [0, 0, 0]
        assert Path("told.md").read_text().startswith("**archbench · Saved runs")
    finally:
        for end in ends:
            end.kill()
            end.wait()
