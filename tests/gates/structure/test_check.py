"""`archbench lock` and `check` in a throw-away repository with a small network of its own."""

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import archbench
from archbench.analysis.records import CONVENTION_NUMBER
from archbench.app import run
from archbench.gates.structure import lock_file
from archbench.gates.structure.lock_file import read_lock, to_text
from archbench.networks.names import LOCK
from tests.repository import ROOT

Captured = pytest.CaptureFixture[str]

NET = """
from torch import nn

class Small(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3), nn.ReLU())
        self.body = nn.Sequential(nn.Conv2d(width, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        return self.head(self.body(self.stem(x)).mean((2, 3)))
"""
CELLS = """
[[cells]]
name = "small"
model = "net.py:Small"
input_size = "3x16x16"
"""
# by hand: 3·8·9+8, 8·8·9+8 twice, 8·10+10
PARAMS = 224 + 584 + 584 + 90
# output positions 14², 12², 10²
MACS = 196 * 216 + 144 * 576 + 100 * 576 + 80
# the body holds what it was given, 14² positions, while its ReLU reads and writes 12²
PEAK_BYTES = 4 * 8 * (196 + 144 + 144)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with a locked network, and the shell in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "archbench.toml").write_text(CELLS)
    subprocess.run(["git", "init", "-q", "."], check=True)
    assert run(["lock"]) == 0
    return tmp_path


def edit(path: Path, old: str, new: str, count: int = -1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def check(capsys: Captured, *argv: str) -> tuple[int, dict[str, Any]]:
    """Run the gate; return its exit code and its JSON."""
    capsys.readouterr()
    code = run(["check", *argv, "-f", "json"])
    return code, json.loads(capsys.readouterr().out)


def accept(capsys: Captured) -> None:
    """Run the command that the last report prints, as it stands."""
    (command,) = (
        line.removeprefix("to accept: ")
        for line in capsys.readouterr().out.split("\n")
        if line.startswith("to accept: ")
    )
    assert run(shlex.split(command)[1:]) == 0
    capsys.readouterr()


def verdicts(document: dict[str, Any], cell: str = "small") -> dict[str | None, str]:
    return {v["metric"]: v["verdict"] for v in document["verdicts"] if v["cell"] == cell}


def changes(document: dict[str, Any], what: str = "layer") -> list[tuple[str, str | None]]:
    """What happened to which layers, under their names of now."""
    return [
        (change["kind"], (change["now"] or change["before"])["name"])
        for change in document["structure"]
        if change["what"] == what
    ]


def test_the_lock_holds_what_a_hand_counts(repository: Path) -> None:
    """Figures, stages, operators, the versions that they depend on; one line a cell."""
    text = (repository / LOCK).read_text()
    document = json.loads(text)
    assert document["cells"].pop() is None  # behind the last, so that adding one changes no line
    assert (document["schema"], document["convention"]) == ("archbench.lock/1", 1)
    (cell,) = document["cells"]
    assert sum(line.startswith('{"name": "small"') for line in text.split("\n")) == 1
    assert cell["params"] == cell["trainable_params"] == PARAMS
    assert (cell["buffers"], cell["macs"], cell["weight_bytes"]) == (0, MACS, 4 * PARAMS)
    assert cell["activations"] == 8 * (196 + 144 + 100) + 10
    assert cell["peak_activation_bytes"] == PEAK_BYTES
    assert cell["operators"]["aten.convolution"] == 3
    assert cell["operators"]["aten.relu"] == 2
    assert [(s["name"], s["output_shape"]) for s in cell["stages"]] == [
        *(("stem", "8x14x14"), ("body", "8x10x10"), ("head", "10"))
    ]
    assert cell["torch"] == torch.__version__.partition("+")[0]
    assert cell["inputs"] == ["float32:3x16x16"]


def test_nothing_changed(repository: Path, capsys: Captured) -> None:
    """Every figure is ok, to the digit."""
    code, document = check(capsys)
    assert code == document["exit_code"] == 0
    assert set(verdicts(document).values()) == {"ok"}
    assert document["structure"] == []
    keys = {"cell", "metric", "verdict", "ratio", "low", "high", "mde", "p"}
    assert keys <= set(document["verdicts"][0])


def test_a_wider_layer_is_a_regression(repository: Path, capsys: Captured) -> None:
    """Exit 1; the stage and the layer are named with what they grew by."""
    edit(repository / "net.py", "nn.Linear(width, 10)", "nn.Linear(width, 12)")
    code, document = check(capsys)
    assert code == 1
    found = verdicts(document)
    assert {m for m, verdict in found.items() if verdict == "regressed"} == {
        *("params", "trainable_params", "macs", "activations", "weight_bytes")
    }
    assert found["operators"] == found["buffers"] == found["peak_activation_bytes"] == "ok"
    # the network's own row is that of its output, which is another size now
    assert changes(document) == [("changed", ""), ("changed", "head")]
    assert changes(document, "stage") == [("changed", "head")]
    (head,) = [c for c in document["structure"] if c["what"] == "stage"]
    assert (head["before"]["params"], head["now"]["params"]) == (90, 108)
    assert run(["check"]) == 1
    out = capsys.readouterr().out
    lines = [line.split() for line in out.split("\n")]
    assert [
        "small",
        "params",
        f"{PARAMS:,}",
        f"{PARAMS + 18:,}",
        "+18",
        "(+1.21%)",
        "regressed",
    ] in lines
    assert ["layer", "head", "Linear", "changed", "+18", "+16", "10", "→", "12"] in lines
    assert "to accept: archbench lock --update --reason 'why it changed' small\n" in out


def test_growth_can_be_allowed(repository: Path, capsys: Captured) -> None:
    """By a share or by a number, to the digit; what is not named stays gated."""
    edit(repository / "net.py", "nn.Linear(width, 10)", "nn.Linear(width, 12)")
    rest = [*("--allow", "trainable_params:+18", "--allow", "weight_bytes:+72")]
    rest += [*("--allow", "activations:+2", "--allow", "macs:+1%")]
    assert check(capsys, "--allow", "params:+18", *rest)[0] == 0
    assert check(capsys, "--allow", "params:+17", *rest)[0] == 1
    share = 18 / PARAMS * 100
    assert check(capsys, "--allow", f"params:+{share + 0.01:.2f}%", *rest)[0] == 0
    assert check(capsys, "--allow", f"params:+{share - 0.01:.2f}%", *rest)[0] == 1


def test_a_removed_layer_is_an_improvement(repository: Path, capsys: Captured) -> None:
    """Exit 0, with the command that accepts it, and that command makes it so."""
    edit(repository / "net.py", ", nn.ReLU(), nn.Conv2d(width, width, 3))", ")")
    code, document = check(capsys)
    assert code == 0
    found = verdicts(document)
    assert found["params"] == found["macs"] == found["operators"] == "improved"
    # the network's own layers: two of the body's are gone, and the body ends larger
    assert ("removed", "body.1") in changes(document)
    assert ("removed", "body.2") in changes(document)
    assert run(["check"]) == 0
    accept(capsys)
    assert '"reason": "why it changed"' in (repository / LOCK).read_text()
    code, document = check(capsys)
    assert (code, set(verdicts(document).values())) == (0, {"ok"})


def test_a_removed_layer_shifts_no_others(repository: Path, capsys: Captured) -> None:
    """In a Sequential what follows has other numbers then, and is renamed, not changed."""
    edit(repository / "net.py", "width, 3)", "width, 3, padding=1)")
    edit(repository / "net.py", "nn.ReLU(), nn.Conv2d", "nn.ReLU(), nn.Sigmoid(), nn.Conv2d")
    assert run(["lock", "--update", "--reason", "sizes stay"]) == 0
    edit(repository / "net.py", "nn.Sequential(nn.Conv2d(width, width, 3, padding=1), ", SEQUENTIAL)
    _, document = check(capsys)
    assert changes(document) == [
        *(("removed", "body.0"), ("renamed", "body.0"), ("renamed", "body.1")),
        ("renamed", "body.2"),
    ]


SEQUENTIAL = "nn.Sequential("


def test_a_renamed_module_says_so_and_passes(repository: Path, capsys: Captured) -> None:
    """Names alone: exit 0, and a line."""
    edit(repository / "net.py", "self.stem", "self.conv_stem")
    code, document = check(capsys, "--strict")
    assert code == 0
    assert set(verdicts(document).values()) == {"ok"}
    assert {kind for kind, _ in changes(document)} == {"renamed"}
    assert run(["check"]) == 0
    out = capsys.readouterr().out
    assert "names alone changed: stem is conv_stem now" in out


def test_an_added_identity_changes_the_structure_alone(repository: Path, capsys: Captured) -> None:
    """Equal totals, and it is named."""
    edit(repository / "net.py", "3), nn.ReLU())", "3), nn.Identity(), nn.ReLU())")
    code, document = check(capsys)
    assert code == 0
    assert set(verdicts(document).values()) == {"ok"}
    assert ("added", "stem.1") in changes(document)
    assert run(["check"]) == 0
    out = capsys.readouterr().out
    assert "the structure changed at equal totals: 1 layer" in out
    assert "layer  stem.1  Identity  added" in out


def test_equal_totals_with_other_stages(repository: Path, capsys: Captured) -> None:
    """A layer that moved into another stage is a change of structure, not of names."""
    edit(repository / "net.py", "nn.ReLU(), nn.Conv2d(width, width, 3))", "nn.ReLU())")
    head = "nn.Linear(width, 10)"
    edit(repository / "net.py", f"self.head = {head}", f"{TAIL}        self.head = {head}")
    edit(repository / "net.py", "self.body(self.stem(x))", "self.tail(self.body(self.stem(x)))")
    code, document = check(capsys)
    assert code == 0
    assert verdicts(document)["macs"] == "ok"
    assert ("added", "tail") in changes(document, "stage")
    assert ("changed", "body") in changes(document, "stage")
    note = next(cell["note"] for cell in document["cells"] if cell["name"] == "small")
    assert note.startswith("the structure changed at equal totals")


TAIL = "self.tail = nn.Sequential(nn.Conv2d(width, width, 3))\n"


def test_a_cell_that_is_new(repository: Path, capsys: Captured) -> None:
    """Exit 0, and how to lock it; its budgets hold already."""
    toml = repository / "archbench.toml"
    toml.write_text(f'{CELLS}[[cells]]\nmodel = "resnet20"\n')
    code, document = check(capsys, "--strict")
    assert (code, verdicts(document, "resnet20")) == (0, {None: "new"})
    toml.write_text(f'{CELLS}[[cells]]\nmodel = "resnet20"\nbudgets = {{params = "<= 0.2M"}}\n')
    code, document = check(capsys)
    assert (code, verdicts(document, "resnet20")) == (1, {None: "new", "params": "regressed"})


def test_a_cell_that_is_missing(repository: Path, capsys: Captured) -> None:
    """Exit 0 with a warning, 4 under --strict; accepting takes it out and keeps the reason."""
    toml = repository / "archbench.toml"
    toml.write_text('[[cells]]\nmodel = "resnet20"\n')
    code, document = check(capsys)
    assert (code, verdicts(document)) == (0, {None: "missing"})
    assert run(["check"]) == 0
    captured = capsys.readouterr()
    assert "1 cell is missing; --strict would exit 4" in captured.err
    assert "to accept: archbench lock --update --reason 'why it changed'\n" in captured.out
    assert check(capsys, "--strict")[0] == 4
    assert check(capsys, "resnet20", "--strict")[0] == 0  # nothing else was asked for
    assert run(["lock", "--update", "--reason", "the small one is retired"]) == 0
    lock = read_lock(repository / LOCK)
    assert lock is not None
    assert [cell.name for cell in lock.cells] == ["resnet20"]
    assert lock.removed == (("small", "the small one is retired"),)


def put(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        (lambda text: text[: len(text) // 2], "cut off or not JSON", "git checkout"),
        (lambda text: "", "line 1 is cut off", "git checkout"),
        (lambda text: "[]", "it has no schema", "git checkout"),
        (put("lock/1", "lock/2"), "schema 2", "newer archbench"),
        (put("lock/1", "bench/1"), "its schema is", "git checkout"),
        (put('"macs": 182960', '"mcas": 0'), "field `macs` - at `$.cells[0]`", "git checkout"),
        (put('"buffers": 0', '"buffers": 0.5'), "got `float` - at `$.cells[0].buffers`", "git"),
        (put('"buffers": 0', '"buffers": null'), "got `null` - at `$.cells[0].buffers`", "git"),
        (lambda text: "[" * 200_000, "is not a lock", "git checkout"),
        (lambda text: '{"a": ' + "1" * 5000 + "}", "is not a lock", "git checkout"),
        (put("lock/1", "lock/0"), "its schema is", "git checkout"),
        (put('"buffers": 0', '"buffers": -1'), "`int` >= 0 - at `$.cells[0].buffers`", "git"),
        (put('["float32:3x16x16"]', '"float32"'), "got `str` - at `$.cells[0].inputs`", "git"),
        (put('"stem.0"', '"stem.0..900000"'), "more blocks than", "git"),
        (put('["ReLU", "8', '["ReLU", "e'), "at `$.layers[1].layers[...][1]`", "git checkout"),
        (put('"output_shape": "8', '"output_shape": "-8'), "stages[0].output_shape`", "git"),
        (put('_kwargs": {}', '_kwargs": {"a": {"python": "("}}'), "not a value of Python", "git"),
        (lambda text: f"<<<<<<< ours\n{text}", "both sides of a merge", "--ours"),
    ],
    ids=lambda value: value if isinstance(value, str) else "text",
)
def test_a_lock_that_cannot_be_read(
    repository: Path, capsys: Captured, text: Callable[[str], str], said: str, hint: str
) -> None:
    """Exit 2 with a line and a hint, from check and from lock, and the file stays as it is."""
    path = repository / LOCK
    broken = text(path.read_text())
    path.write_text(broken)
    for argv in (["check"], ["lock"], ["lock", "--update", "--reason", "x"]):
        capsys.readouterr()
        assert run(argv) == 2
        captured = capsys.readouterr()
        message, advice = captured.err.strip().split("\n")
        assert said in message
        assert hint in advice
        assert captured.out == ""
        assert path.read_text() == broken


def test_two_lines_of_one_cell(repository: Path, capsys: Captured) -> None:
    """As a merge may leave them."""
    path = repository / LOCK
    document = json.loads(path.read_text())
    document["cells"] = document["cells"][:1] * 2
    path.write_text(json.dumps(document))
    capsys.readouterr()
    assert run(["check"]) == 2
    assert "two cells 'small'" in capsys.readouterr().err


def test_another_convention_is_not_comparable(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 0 with a warning, 4 under --strict; and one lock holds one convention."""
    edit(repository / "archbench.toml", "[[cells]]", '[[cells]]\nmodel = "resnet20"\n[[cells]]', 1)
    assert run(["lock", "--update", "--reason", "one more"]) == 0
    edit(repository / LOCK, '"convention": 1', '"convention": 0')
    code, document = check(capsys)
    assert (code, verdicts(document)) == (0, {None: "not_comparable"})
    assert "convention 0" in document["verdicts"][0]["note"]
    assert check(capsys, "--strict")[0] == 4
    capsys.readouterr()
    assert run(["lock", "small", "--update", "--reason", "x"]) == 2
    assert "cells of both" in capsys.readouterr().err
    assert run(["lock", "--update", "--reason", "convention 1"]) == 0
    assert check(capsys, "--strict")[0] == 0
    assert (repository / LOCK).read_text().count('"reason": "convention 1"') == 2


def test_another_setting_is_not_comparable(repository: Path, capsys: Captured) -> None:
    """Figures of another batch, size or width say nothing of these."""
    toml = repository / "archbench.toml"
    toml.write_text(f"{CELLS}batch_size = 2\n")
    code, document = check(capsys)
    assert (code, verdicts(document)) == (0, {None: "not_comparable"})
    assert document["verdicts"][0]["note"] == "batch_size 1 in the lock, 2 now"
    toml.write_text(f"{CELLS}model_kwargs = {{width = 9}}\n")
    _, document = check(capsys)
    assert document["verdicts"][0]["note"] == "model_kwargs none in the lock, width=9 now"
    assert check(capsys, "--strict")[0] == 4


def test_another_torch_leaves_its_own_figures_open(repository: Path, capsys: Captured) -> None:
    """Operators and peak depend on torch's release; params and MACs do not."""
    release = torch.__version__.partition("+")[0]
    edit(repository / LOCK, f'"torch": "{release}"', '"torch": "2.0.0"')
    assert check(capsys)[0] == 0  # equal all the same
    edit(repository / LOCK, '"aten.relu": 2', '"aten.relu": 1')
    code, document = check(capsys)
    assert code == 0
    found = verdicts(document)
    assert (found["operators"], found["params"]) == ("not_comparable", "ok")
    assert check(capsys, "--strict")[0] == 4
    edit(repository / LOCK, f'"params": {PARAMS}', f'"params": {PARAMS - 1}')
    assert check(capsys)[0] == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise ValueError('broken here')", "ValueError: broken here"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("x = (", "SyntaxError"),
        ("Other = 1", "has nothing named 'Small'"),
    ],
)
def test_a_model_that_fails(repository: Path, capsys: Captured, code: str, said: str) -> None:
    """Exit 3; the other cells are judged all the same; lock writes nothing."""
    (repository / "net.py").write_text(f"{code}\n")
    (repository / "archbench.toml").write_text(f'{CELLS}[[cells]]\nmodel = "resnet20"\n')
    exit_code, document = check(capsys)
    assert (exit_code, verdicts(document)) == (3, {None: "failed"})
    assert verdicts(document, "resnet20") == {None: "new"}
    assert said in document["verdicts"][0]["note"]
    before = (repository / LOCK).read_text()
    assert run(["lock", "--update", "--reason", "x"]) in (2, 3)
    assert said in capsys.readouterr().err
    assert (repository / LOCK).read_text() == before


def test_a_missing_file_fails_its_cell(repository: Path, capsys: Captured) -> None:
    """A deleted model is no success."""
    (repository / "net.py").unlink()
    code, document = check(capsys)
    assert (code, verdicts(document)) == (3, {None: "failed"})


def test_budgets(repository: Path, capsys: Captured) -> None:
    """Met at the limit itself, broken beyond it; every sign, every unit."""
    toml = repository / "archbench.toml"
    met = f'params = "<= {PARAMS}", macs = ">= {MACS}", flops = {2 * MACS}, buffers = "== 0"'
    toml.write_text(f'{CELLS}budgets = {{{met}, peak_activation_bytes = "<= {PEAK_BYTES}"}}\n')
    assert check(capsys)[0] == 0
    for broken in (
        f'params = "< {PARAMS}"',
        f'params = "<= {(PARAMS - 1) / 1000}K"',
        f'macs = "> {MACS}"',
        'peak_activation_bytes = "<= 15KiB"',
        "flops = 1",
    ):
        toml.write_text(f"{CELLS}budgets = {{{broken}}}\n")
        code, document = check(capsys)
        assert code == 1, broken
        (verdict,) = [v for v in document["verdicts"] if v["verdict"] == "regressed"]
        assert verdict["limit"]
        assert verdict["ratio"] is not None
    toml.write_text(f'{CELLS}budgets = {{peak_activation_bytes = "<= 15.2KiB"}}\n')
    assert check(capsys)[0] == 0
    assert PEAK_BYTES == 15.125 * 1024


def test_no_cell_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Exit 5 where there are none; 2 where there is no lock."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    assert run(["lock"]) == 5
    assert "no cells to lock" in capsys.readouterr().err
    assert not (tmp_path / LOCK).exists()
    assert run(["check"]) == 2
    assert "there is no lock" in capsys.readouterr().err
    assert run(["check", "resnet20"]) == 2
    assert run(["lock", "resnet20"]) == 0
    (tmp_path / "archbench.toml").write_text("cells = []\n")
    assert run(["check"]) == 5
    captured = capsys.readouterr()
    assert "missing" in captured.out
    assert "no cells to check" in captured.err


def test_a_lock_that_cannot_be_written(repository: Path, capsys: Captured) -> None:
    """Exit 2 before anything is computed, and nothing is left behind."""
    before = sorted(repository.iterdir())
    capsys.readouterr()
    for place in ("nowhere/archbench.lock.json", "."):
        assert run(["lock", "resnet20", "-o", place]) == 2
        assert "cannot be" in capsys.readouterr().err
    assert sorted(repository.iterdir()) == before


def test_a_lock_is_not_rewritten_by_mistake(repository: Path, capsys: Captured) -> None:
    """It takes --update and a reason; what did not change keeps its line and its reason."""
    (repository / "archbench.toml").write_text(f'{CELLS}[[cells]]\nmodel = "resnet20"\n')
    before = (repository / LOCK).read_text()
    assert run(["lock"]) == 2
    assert "1 cell would change" in capsys.readouterr().err
    assert run(["lock", "--update"]) == 2
    assert "--reason" in capsys.readouterr().err
    assert (repository / LOCK).read_text() == before
    assert run(["lock", "--update", "--reason", "a baseline"]) == 0
    assert run(["lock", "--update", "--reason", "again"]) == 0
    after = (repository / LOCK).read_text()
    assert "again" not in after
    assert {line for line in before.split("\n") if "small" in line} <= {
        line.removesuffix(",") for line in after.split("\n")
    } | set(after.split("\n"))
    assert run(["lock"]) == 0  # nothing differs


def test_cells_by_name_pattern_and_model(repository: Path, capsys: Captured) -> None:
    """Declared cells by their names; a MODEL that is none of them is new, or the lock's own."""
    code, document = check(capsys, "sm*")
    assert (code, [cell["name"] for cell in document["cells"]]) == (0, ["small"])
    code, document = check(capsys, "resnet20")
    assert verdicts(document, "resnet20") == {None: "new"}
    _, document = check(capsys, "plain*0")
    assert {cell["name"] for cell in document["cells"]} == {"plain20", "plain110"}
    capsys.readouterr()
    assert run(["check", "smal"]) == 2
    assert "did you mean 'small'?" in capsys.readouterr().err
    assert run(["check", "x*y"]) == 2


def test_without_a_configuration_the_lock_says_what_to_check(
    repository: Path, capsys: Captured
) -> None:
    """Settings too: no -i is needed again."""
    (repository / "archbench.toml").unlink()
    code, document = check(capsys)
    assert (code, set(verdicts(document).values())) == (0, {"ok"})
    assert run(["lock", "net.py:Small", "-i", "3x8x8", "--update", "--reason", "by hand"]) == 0
    code, document = check(capsys, "net.py:Small")
    assert (code, set(verdicts(document, "net.py:Small").values())) == (0, {"ok"})
    _, document = check(capsys, "net.py:Small", "-b", "2")
    assert verdicts(document, "net.py:Small") == {None: "not_comparable"}
    capsys.readouterr()
    assert run(["check", "-b", "2"]) == 2
    assert "belong to a MODEL" in capsys.readouterr().err


def test_it_works_from_a_folder_below(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configuration is looked for upwards; a file is named from where one stands."""
    below = repository / "src" / "deep"
    below.mkdir(parents=True)
    (below / "net2.py").write_text(NET)
    monkeypatch.chdir(below)
    assert check(capsys)[0] == 0
    assert run(["lock", "net2.py:Small", "-i", "3x8x8", "--update", "--reason", "more"]) == 0
    lock = read_lock(repository / LOCK)
    assert lock is not None
    assert [cell.name for cell in lock.cells] == ["small", "src/deep/net2.py:Small"]
    assert not (below / LOCK).exists()
    assert Path.cwd() == below


IMAGES = """
import torch

def archbench_inputs(batch_size):
    return torch.zeros(batch_size, 3, 16, 16)

def named(batch_size):
    return {"x": torch.zeros(batch_size, 3, 16, 16)}
"""


def test_a_cell_takes_its_inputs_from_a_function(repository: Path, capsys: Captured) -> None:
    """The same counts as at that size; the lock has its name and all tensors, and check both."""
    (repository / "net.py").write_text(NET + IMAGES)
    own, named = (CELLS.replace("small", name) for name in ("own", "named"))
    size = 'input_size = "3x16x16"'
    own, named = own.replace(size, ""), named.replace(size, 'input_size = "net.py:named"')
    (repository / "archbench.toml").write_text(CELLS + own + named)
    assert run(["lock", "--update", "--reason", "functions"]) == 0
    *cells, _ = json.loads((repository / LOCK).read_text())["cells"]
    found = {cell["name"]: (cell["inputs"], cell.get("tensors"), cell["macs"]) for cell in cells}
    assert found == {
        "small": (["float32:3x16x16"], None, MACS),
        "own": (["net.py:archbench_inputs"], ["x:float32:1x3x16x16"], MACS),
        "named": (["net.py:named"], ["x:float32:1x3x16x16"], MACS),
    }
    code, document = check(capsys)
    assert (code, {cell["verdict"] for cell in document["cells"]}) == (0, {"ok"})
    (repository / "archbench.toml").unlink()  # the lock alone says what to count
    assert check(capsys)[0] == 0
    edit(repository / "net.py", '"x": torch.zeros(batch_size, 3, 16', '"x": torch.zeros(2, 3, 9')
    code, document = check(capsys, "named")
    assert verdicts(document, "named") == {None: "not_comparable"}
    assert document["verdicts"][0]["note"] == (
        "tensors x:float32:1x3x16x16 in the lock, x:float32:2x3x9x16 now"
    )


def test_a_function_of_inputs_is_named_from_where_one_stands(
    repository: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a MODEL is; the lock has its place in the project."""
    (repository / "sub").mkdir()
    (repository / "images.py").write_text(IMAGES)
    monkeypatch.chdir(repository / "sub")
    words = ["../net.py:Small", "-i", "../images.py:named", "-b", "2"]
    assert run(["lock", *words, "--update", "--reason", "more"]) == 0
    lock = read_lock(repository / LOCK)
    assert lock is not None
    cell = lock.cell("net.py:Small")
    assert cell is not None
    assert (cell.inputs, cell.tensors) == (("images.py:named",), ("x:float32:2x3x16x16",))
    assert check(capsys, *words)[0] == 0


def test_pyproject_declares_cells_too(repository: Path, capsys: Captured) -> None:
    """As [[tool.archbench.cells]]; a pattern stands for several networks."""
    (repository / "archbench.toml").unlink()
    (repository / "pyproject.toml").write_text(
        CELLS.replace("[[cells]]", "[[tool.archbench.cells]]")
        + '[[tool.archbench.cells]]\nmodel = "plain*0"\nbatch_size = 2\n'
    )
    code, document = check(capsys)
    assert code == 0
    words = {cell["name"]: cell["verdict"] for cell in document["cells"]}
    assert words == {"plain20": "new", "plain110": "new", "small": "ok"}


@pytest.mark.parametrize(
    ("toml", "said", "hint"),
    [
        ("cells = 3", "not a list of tables", "[[cells]]"),
        ("cells = [3]", "cell 1 of 'archbench.toml' is not a table", "[[cells]]"),
        ("[[cells]]\nname = 'a'", "cell 1 of 'archbench.toml' has no model", "resnet50"),
        ("[[cells]]\nmodel = 'resnt50'", "no architecture named 'resnt50'", "'resnet50'?"),
        ("[[cells]]\nmodel = 'x*y'", "no architecture matches 'x*y'", ""),
        ("[[cells]]\nmodel = 'plain*'\nname = 'a'", "cannot have one name", "leave it out"),
        ("[[cells]]\nmodel = 'vgg16'\nbach_size = 1", "unknown key 'bach_size'", "'batch_size'?"),
        ("[[cell]]\nmodel = 'vgg16'", "unknown key 'cell'", "'cells'?"),
        ("[[cells]]\nmodel = 'vgg16'\nbatch_size = 0", "not a positive number", "= 8"),
        ("[[cells]]\nmodel = 'vgg16'\nbatch_size = true", "not a positive number", "= 8"),
        ("[[cells]]\nmodel = 'vgg16'\ninput_size = 2.5", "is not a size", "3x224x224"),
        ("[[cells]]\nmodel = 'vgg16'\nname = ''", "is not a line of text", "small"),
        ("[[cells]]\nmodel = 'vgg16'\nname = \"a\\u0007\"", "is not a line", "small"),
        ("[[cells]]\nmodel = 'vgg16'\nmodel_kwargs = 3", "model_kwargs of", "{ ... }"),
        ("[[cells]]\nmodel = 'vgg16'\nmodel_kwargs = {a = 2020-01-01}", "hold a date", "text"),
        ("[[cells]]\nmodel = 'vgg16'\nbudgets = '3'", "budgets of", "{ ... }"),
        ("[[cells]]\nmodel = 'vgg16'\nbudgets = {mac = 3}", "no figure 'mac'", "'macs'?"),
        ("[[cells]]\nmodel = 'vgg16'\nbudgets = {macs = 'few'}", "'few' is not a budget", "4.2G"),
        ("[[cells]]\nmodel = 'vgg16'\nbudgets = {macs = true}", "'True' is not a budget", "4.2G"),
        ("[[cells]]\nmodel = 'vgg16'\nbudgets = {macs = '<= 4GiB'}", "not a budget", "4.2G"),
        ("[[cells]]\nmodel = 'vgg16'\n[[cells]]\nmodel = 'vgg16'", "two cells 'vgg16'", "name"),
        ("[[cells]\n", "is not TOML", "[[cells]]"),
    ],
)
def test_a_configuration_that_cannot_be_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    toml: str,
    said: str,
    hint: str,
) -> None:
    """One line, one hint, exit 2, nothing written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "archbench.toml").write_text(toml)
    assert run(["lock"]) == 2
    captured = capsys.readouterr()
    message = captured.err.split("\n")[0]
    assert said.split("\\")[0] in message.replace(str(tmp_path) + "/", "")
    assert hint in captured.err
    assert "Traceback" not in captured.err
    assert [path.name for path in tmp_path.iterdir()] == ["archbench.toml"]


@pytest.mark.parametrize(
    "text", ["macs", "macs:1%", "macs:+x", "mac:+1%", "macs:+1 %x", "flops:+1%"]
)
def test_an_allowance_that_cannot_be_read(repository: Path, capsys: Captured, text: str) -> None:
    """One line, one hint, exit 2."""
    capsys.readouterr()
    assert run(["check", "--allow", text]) == 2
    assert "hint: " in capsys.readouterr().err


def test_uncounted_operations_are_told(repository: Path, capsys: Captured) -> None:
    """MACs are a lower bound then: a warning, and exit 4 under --strict."""
    hide(repository / "net.py")
    assert run(["lock", "--update", "--reason", "secret", "--strict"]) == 4
    assert run(["lock", "--update", "--reason", "secret"]) == 0
    assert "lower bounds; --strict would exit 4" in capsys.readouterr().err
    code, document = check(capsys)
    assert code == 0
    assert [row["cell"] for row in document["uncounted"]] == ["small"]
    assert document["uncounted"][0]["op"] == "nets.secret"
    assert {cell["name"]: cell.get("complete", True) for cell in document["cells"]}[
        "small"
    ] is False
    assert check(capsys, "--strict")[0] == 4


def hide(net: Path) -> None:
    """Put an operation without a rule into the network of a repository."""
    edit(net, "self.stem(x)", "secret(self.stem(x))")
    edit(net, "from torch import nn", f"from torch import nn\n\n{SECRET}")


SECRET = """
import torch

@torch.library.custom_op("nets::secret", mutates_args=())
def secret(x: torch.Tensor) -> torch.Tensor:
    return x.clone()

secret.register_fake(torch.empty_like)
"""


@pytest.mark.parametrize(
    ("budget", "word"),
    [
        ('macs = "<= 1"', "regressed"),  # a lower bound above it
        ('macs = "<= 99G"', "inconclusive"),
        ('macs = "< 99G"', "inconclusive"),
        ('macs = ">= 1"', "ok"),
        ('macs = ">= 99G"', "inconclusive"),
        ('macs = "== 99G"', "inconclusive"),
        ('params = "<= 99G"', "ok"),
    ],
)
def test_a_budget_of_an_incomplete_count_is_judged_by_what_is_sure(
    repository: Path, capsys: Captured, budget: str, word: str
) -> None:
    """A lower bound can break an upper limit, and can keep a lower one; no more than that."""
    hide(repository / "net.py")
    cells = repository / "archbench.toml"
    cells.write_text(f"{cells.read_text()}\nbudgets = {{ {budget} }}\n")
    assert run(["lock", "--update", "--reason", "secret"]) == 0
    capsys.readouterr()
    _, document = check(capsys)
    judged = next(v for v in document["verdicts"] if v["limit"])
    assert judged["verdict"] == word
    assert judged.get("complete", True) == (judged["metric"] == "params")


def test_what_a_model_prints_is_not_data(repository: Path, capsys: Captured) -> None:
    """It goes to standard error."""
    edit(repository / "net.py", "super().__init__()", "super().__init__(); print('hello')")
    capsys.readouterr()
    assert run(["check", "-f", "json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["exit_code"] == 0
    assert "hello" in captured.err


def test_a_file_is_counted_as_it_is_now(repository: Path) -> None:
    """Also where it was changed within a second and kept its length; no bytecode lies beside it."""
    path = repository / "net.py"
    params = []
    for width in (8, 9):
        path.write_text(NET.replace("width=8", f"width={width}"))
        os.utime(path, (1e9, 1e9))
        params.append(archbench.profile("net.py:Small", "3x16x16").totals.params)
    # by hand: 3·9·9+9, 9·9·9+9 twice, 9·10+10
    assert params == [PARAMS, 252 + 738 + 738 + 100]
    assert not (repository / "__pycache__").exists()


def test_two_files_may_have_neighbours_of_one_name(repository: Path, capsys: Captured) -> None:
    """Each network gets its own."""
    for folder, width in (("a", 3), ("b", 5)):
        (repository / folder).mkdir()
        (repository / folder / "layers.py").write_text(f"WIDTH = {width}\n")
        (repository / folder / "model.py").write_text(
            "from layers import WIDTH\nfrom torch import nn\n\n"
            "def build():\n    return nn.Linear(4, WIDTH, bias=False)\n"
        )
    cells = "".join(
        f'[[cells]]\nname = "{f}"\nmodel = "{f}/model.py:build"\ninput_size = "float32:4"\n'
        for f in "ab"
    )
    (repository / "archbench.toml").write_text(cells)
    assert run(["lock", "--update", "--reason", "two"]) == 0
    lock = read_lock(repository / LOCK)
    assert lock is not None
    assert [cell.structure.params for cell in lock.cells] == [12, 20]


def test_a_report_does_not_replace_what_is_checked(repository: Path, capsys: Captured) -> None:
    """-o names the lock in `lock`, and the report in `check`."""
    before = (repository / LOCK).read_text()
    capsys.readouterr()
    for path in (LOCK, f"./{LOCK}", "archbench.toml"):
        assert run(["check", "-o", path, "-f", "json" if path != "archbench.toml" else "md"]) == 2
        assert "is no place for a result" in capsys.readouterr().err
    assert (repository / LOCK).read_text() == before
    assert (repository / "archbench.toml").read_text() == CELLS
    (repository / "night.json").write_text(before)
    assert run(["check", "--lock", "night.json", "-o", "night.json"]) == 2
    assert "has another use in this command" in capsys.readouterr().err
    assert (repository / "night.json").read_text() == before


def test_no_hint_throws_work_away(repository: Path, capsys: Captured) -> None:
    """Only a lock is brought back by git: another file may hold what was never committed."""
    capsys.readouterr()
    assert run(["lock", "-o", "net.py"]) == 2
    assert "git checkout" not in capsys.readouterr().err
    (repository / LOCK).write_text("{")
    assert run(["check"]) == 2
    assert f"git checkout -- {LOCK}" in capsys.readouterr().err


def test_what_is_to_accept_can_be_pasted(repository: Path, capsys: Captured) -> None:
    """With the lock, the configuration and the settings that the check was given."""
    (repository / "archbench.toml").rename(repository / "other.toml")
    (repository / LOCK).rename(repository / "night ly.json")
    options = ["--lock", "night ly.json", "--config", "other.toml"]
    edit(repository / "net.py", "nn.Linear(width, 10)", "nn.Linear(width, 12)")
    assert run(["check", "small", "-b", "2", *options]) == 0
    accept(capsys)
    assert run(["check", "small", "-b", "2", *options, "--strict"]) == 0
    assert not (repository / LOCK).exists()


def test_there_is_not_always_something_to_accept(repository: Path, capsys: Captured) -> None:
    """A budget stands elsewhere; a cell that nothing declares would be missing next time."""
    toml = repository / "archbench.toml"
    toml.write_text(f"{CELLS}budgets = {{params = 1}}\n")
    code, document = check(capsys)
    assert (code, document["accept"]) == (1, "")
    assert run(["check"]) == 1
    assert "where the cell is declared" in capsys.readouterr().out
    _, document = check(capsys, "resnet20")
    assert document["accept"] == "declare 'resnet20' in archbench.toml, then archbench lock"
    (repository / "net.py").unlink()
    toml.write_text(CELLS.replace('"small"', '"tiny"'))
    code, document = check(capsys)
    assert (code, document["accept"]) == (3, "mend what failed, then archbench lock --update")
    edit(repository / LOCK, '"convention": 1', '"convention": 0')
    (repository / "net.py").write_text(NET)
    toml.write_text(CELLS)
    assert run(["check", "small"]) == 0
    accept(capsys)  # of all cells, as one lock holds one convention
    assert check(capsys, "--strict")[0] == 0


@pytest.mark.parametrize("pair", ["sizes=(1, 2)", "sizes={1: (2, 3)}", "sizes=[1, [2]]"])
def test_arguments_survive_the_lock(repository: Path, capsys: Captured, pair: str) -> None:
    """A tuple stays one, and a number stays a key."""
    (repository / "archbench.toml").unlink()
    (repository / "net.py").write_text(
        "from torch import nn\n\n\ndef build(sizes):\n"
        f"    assert sizes == {pair.removeprefix('sizes=')}, sizes\n    return nn.Linear(4, 4)\n"
    )
    argv = ["net.py:build", "-i", "float32:4", "--model-kwargs", pair]
    assert run(["lock", *argv, "--update", "--reason", "x"]) == 0
    code, document = check(capsys, "net.py:build", "--strict")
    assert (code, verdicts(document, "net.py:build")["params"]) == (0, "ok")


def test_arguments_that_cannot_be_kept_are_refused(repository: Path, capsys: Captured) -> None:
    """Infinity is no JSON."""
    capsys.readouterr()
    argv = ["lock", "net.py:Small", "-i", "3x8x8", "--model-kwargs", "width=1e400", "-o", "l.json"]
    assert run(argv) == 2
    assert "cannot be kept in a lock" in capsys.readouterr().err
    assert not (repository / "l.json").exists()


def test_one_network_s_code_does_not_change_the_next(repository: Path, capsys: Captured) -> None:
    """Default type, folder, random numbers."""
    (repository / "net.py").write_text(
        "import os, torch\nfrom torch import nn\n\n\n"
        "def rude():\n    torch.set_default_dtype(torch.float64)\n    os.chdir('/')\n"
        "    torch.manual_seed(3)\n    return nn.Linear(4, 4)\n\n\n"
        "def plain():\n    return nn.Linear(4, 4)\n\n\n"
        "class Positive(nn.Linear):\n    def forward(self, x):\n"
        "        y = super().forward(x)\n        return y[y > 0]\n\n\n"
        "def picks():\n    return Positive(64, 64)\n"
    )
    rows = "".join(
        f'[[cells]]\nmodel = "net.py:{name}"\ninput_size = "float32:{size}"\n'
        for name, size in (("rude", 4), ("picks", 64), ("plain", 4))
    )
    (repository / "archbench.toml").write_text(rows)
    assert run(["lock", "--update", "--reason", "rude ones"]) == 0
    assert torch.get_default_dtype() == torch.float32
    lock = read_lock(repository / LOCK)
    assert lock is not None
    held = lock.cell("net.py:plain")
    assert held is not None
    assert held.structure.weight_bytes == 4 * 20
    for names in (["net.py:plain"], ["net.py:picks"], []):
        code, document = check(capsys, *names, "--strict")
        assert (code, {v["verdict"] for v in document["verdicts"]}) == (0, {"ok"})


def test_what_trains_and_what_is_buffered_has_its_layer(repository: Path, capsys: Captured) -> None:
    """A frozen layer is named, also where another is thawed and the total stays."""
    edit(
        repository / "net.py",
        "nn.Conv2d(width, width, 3))",
        "nn.Conv2d(width, width, 3))\n        PLACE",
    )
    edit(repository / "net.py", "PLACE", "self.body[0].requires_grad_(False)")
    assert run(["lock", "--update", "--reason", "frozen"]) == 0
    edit(repository / "net.py", "self.body[0]", "self.body[2]")
    code, document = check(capsys)
    assert (code, set(verdicts(document).values())) == (0, {"ok"})
    assert changes(document) == [("changed", "body.0"), ("changed", "body.2")]
    edit(
        repository / "net.py",
        "self.body[2].requires_grad_(False)",
        "self.body[1].register_buffer('b', self.head_)",
    )
    edit(
        repository / "net.py",
        "super().__init__()",
        "super().__init__()\n        import torch\n        self.head_ = torch.zeros(5)",
    )
    _, document = check(capsys)
    (relu,) = [c for c in document["structure"] if (c["now"] or {}).get("name") == "body.1"]
    assert (relu["before"]["buffers"], relu["now"]["buffers"]) == (0, 5)


def test_the_same_layers_in_another_order_have_moved(repository: Path, capsys: Captured) -> None:
    """Nothing was added or removed."""
    edit(repository / "net.py", "self.head(self.body", "self.head(self.twin(self.body")
    edit(repository / "net.py", ".mean((2, 3)))", ".mean((2, 3))))")
    two = "self.twin = nn.Sequential()\n        self.twin.add_module('a', nn.Linear(width, width))"
    two += "\n        self.twin.add_module('b', nn.Tanh())\n        self.head = nn"
    edit(repository / "net.py", "self.head = nn", two)
    assert run(["lock", "--update", "--reason", "more"]) == 0
    edit(repository / "net.py", "('a', nn.Linear(width, width))", "('b', nn.Tanh())", 1)
    edit(
        repository / "net.py",
        "('b', nn.Tanh())\n        self.head",
        "('a', nn.Linear(width, width))\n        self.head",
    )
    code, document = check(capsys)
    assert (code, set(verdicts(document).values())) == (0, {"ok"})
    assert {kind for kind, _ in changes(document)} == {"moved"}


def test_another_torch_alone_changes_no_line_unless_asked(repository: Path) -> None:
    """Both commands say ok; --update writes this release."""
    release = torch.__version__.partition("+")[0]
    edit(repository / LOCK, f'"torch": "{release}"', '"torch": "2.0.0"')
    assert run(["lock"]) == 0
    assert '"torch": "2.0.0"' in (repository / LOCK).read_text()
    assert run(["lock", "--update", "--reason", "a newer torch"]) == 0
    assert f'"torch": "{release}"' in (repository / LOCK).read_text()


def test_a_new_cell_adds_lines_and_changes_none(repository: Path) -> None:
    """Also where it sorts last."""
    before = (repository / LOCK).read_text().split("\n")
    toml = repository / "archbench.toml"
    toml.write_text(CELLS + '[[cells]]\nname = "zz"\nmodel = "resnet20"\n')
    assert run(["lock", "--update", "--reason", "one more"]) == 0
    after = (repository / LOCK).read_text().split("\n")
    left = list(after)
    for line in before:
        left.remove(line)  # a line that changed would not be there
    assert all('"zz"' in line for line in left)


def test_from_python(repository: Path) -> None:
    """archbench.check gives the same records, and a frame."""
    found = archbench.check()
    assert found.exit_code == 0
    assert found.verdict_of_cell == {"small": "ok"}
    assert list(found.to_frame()["verdict"].unique()) == ["ok"]
    edit(repository / "net.py", "width=8", "width=9")
    assert archbench.check(["small"]).exit_code == 1
    with pytest.raises(archbench.errors.ArchbenchError, match="no lock"):
        archbench.check(lock="other.json")


def test_python_sets_cells_as_the_command_does(repository: Path) -> None:
    """Size, batch and arguments replace those of named cells; the command that accepts has them."""
    found = archbench.check("small", input_size=(3, 8, 8), batch_size=2)
    assert found.verdict_of_cell == {"small": "not_comparable"}
    assert "inputs float32:3x16x16 in the lock, float32:3x8x8 now" in found.verdicts[0].note
    assert "batch_size 1 in the lock, 2 now" in found.verdicts[0].note
    assert "archbench lock -i 3x8x8 -b 2 --update" in found.accept
    wide = archbench.check("small", model_kwargs={"width": 9}, allow="params:+100%")
    assert "model_kwargs none in the lock, width=9 now" in wide.verdicts[0].note
    with pytest.raises(archbench.errors.ArchbenchError, match="belongs to cells, and none"):
        archbench.check(batch_size=2)
    with pytest.raises(archbench.errors.ArchbenchError, match="is not a size"):
        archbench.check("small", input_size=2.5)  # type: ignore[arg-type]


def test_the_text_of_a_lock_is_read_back(repository: Path) -> None:
    """Whole networks of the shelf, layers and all; and the same lock is always the same text."""
    assert run(["lock", "resnet110", "googlenet", "--update", "--reason", "ünïcode\t"]) == 0
    path = repository / LOCK
    lock = read_lock(path)
    assert lock is not None
    assert to_text(lock) == path.read_text()
    cell = lock.cell("resnet110")
    assert cell is not None
    rows = archbench.profile("resnet110").layers
    assert sorted(cell.structure.layers, key=lambda row: row.path) == sorted(
        rows, key=lambda row: row.path
    )
    assert cell.reason == "ünïcode"


def test_the_convention_is_that_of_the_page() -> None:
    """docs/conventions.md and the lock name one number."""
    page = (ROOT / "docs" / "conventions.md").read_text()
    assert f"Convention {CONVENTION_NUMBER}." in page
    assert lock_file.SCHEMA == 1


def test_cells_carry_settings_in_their_models(repository: Path, capsys: Captured) -> None:
    """Locked, checked and accepted under the MODEL as it is written; batch and size are its own.

    With a batch of 2, MACs double; width 16 has 3·16·9+16, 16·16·9+16 twice, 16·10+10 parameters.
    """
    model = "net.py:Small[width=16,batch=2,input=3x16x16]"
    (repository / "archbench.toml").write_text(f'[[cells]]\nmodel = "{model}"\n')
    assert run(["lock", "--update", "--reason", "settings"]) == 0
    code, found = check(capsys)
    assert code == 0
    assert [cell["name"] for cell in found["cells"]] == [model]
    assert found["cells"][0]["figures"]["params"] == 448 + 2 * 2320 + 170
    assert found["cells"][0]["figures"]["macs"] == 2 * (196 * 432 + 244 * 2304 + 160)
    held = read_lock(repository / LOCK)
    assert held is not None
    assert [(c.model, c.batch_size, c.inputs) for c in held.cells] == [
        (model, 2, ("float32:3x16x16",))
    ]
    edit(repository / "net.py", "width=8", "width=9")  # the default, which the brackets replace
    assert check(capsys)[0] == 0
    edit(repository / "net.py", "nn.Linear(width, 10)", "nn.Linear(width, 11)")
    assert run(["check", model]) == 1
    accept(capsys)
    assert check(capsys)[0] == 0
    (repository / "archbench.toml").unlink()  # the lock alone declares the cell
    code, found = check(capsys)
    assert (code, [cell["name"] for cell in found["cells"]]) == (0, [model])


@pytest.mark.parametrize(
    ("argument", "said", "hint"),
    [
        ("net.py:Small[width=3", "do not close at its end", "in quotes"),
        ("resnet20[shortcut=B", "do not close at its end", "in quotes"),
        ("resnet20[chanels_last]", "neither a cell nor an architecture", "'channels_last'?"),
        ("resnet*[channels_last]", "a pattern takes none", "one MODEL for each network"),
        ("resnet20[batch=many]", "batch size 'many' is not a positive number", "batch_size=8"),
    ],
)
def test_settings_that_cannot_be_read_are_refused(
    repository: Path, capsys: Captured, argument: str, said: str, hint: str
) -> None:
    """Before anything is computed; the lock stays as it is."""
    before = (repository / LOCK).read_bytes()
    capsys.readouterr()
    for command in (["check"], ["lock", "--update", "--reason", "why"]):
        assert run([*command, argument]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert hint in error
    assert (repository / LOCK).read_bytes() == before
