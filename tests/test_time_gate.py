"""The time gate on pairs that are made up, and the trees that it measures in."""

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, log
from pathlib import Path

import psutil
import pytest

from archbench.api.time_gate import CONTROL, Arms, run_gate
from archbench.api.trees import trees
from archbench.cli.app import run
from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gate.time_gate import Evidence, judge, pairs_to_confirm
from archbench.measure import pairing
from archbench.measure.pairing import Sides, run_pair
from archbench.records.cells import Cell
from archbench.records.pairs import GatePlan, Pair, Rules
from archbench.records.runs import read_gate
from archbench.records.sessions import Failure
from archbench.records.time_gates import TimeGate
from archbench.report.time_gate import time_gate_report

Captured = pytest.CaptureFixture[str]
MS = 1_000_000
QUIET = [0.001, -0.002, 0.0, 0.002, -0.001]  # logarithms of ratios


class Machine:
    """Measures what it is told that pairs come out as, and turns a clock by 3 s for each."""

    def __init__(self, ratios: Mapping[str, float], sd: float = 0.01, seed: int = 0) -> None:
        self.ratios = {CONTROL: 1.0, **ratios}
        self.sd = sd
        self.rng = random.Random(seed)
        self.passed_s = 0.0
        self.measured: list[Pair] = []

    def now(self) -> float:
        return self.passed_s

    def measure(self, pair: Pair) -> Pair:
        self.passed_s += 3.0
        x = log(self.ratios[pair.cell]) + self.rng.gauss(0, self.sd)
        done = with_ratio(pair, x)
        self.measured.append(done)
        return done

    def gate(self, cells: list[str], max_time_s: float | None = None, **fields: object) -> TimeGate:
        measure = dict.fromkeys([*cells, CONTROL], self.measure)
        arms = Arms("base", "head", measure)
        return run_gate(arms, Rules(), max_time_s, now=self.now, **fields)  # type: ignore[arg-type]


def with_ratio(pair: Pair, x: float) -> Pair:
    """A pair of eight rounds in which head takes exp(x) of base's time."""
    head = round(1000 * MS * exp(x))
    sources = {} if pair.control else {"base": "/b/net.py", "head": "/h/net.py"}
    return replace(pair, base=((1000 * MS,),) * 8, head=((head,),) * 8, sources=sources, wall_s=3.0)


def words(gate: TimeGate) -> dict[str, str]:
    return {verdict.cell: verdict.verdict for verdict in gate.verdicts}


def test_a_clean_cell_is_screened_and_no_more() -> None:
    """Five pairs of it, five of the control."""
    machine = Machine({"a": 1.0}, sd=0.002)
    gate = machine.gate(["a"])
    assert words(gate) == {"a": "ok"}
    assert Counter((p.cell, p.stage) for p in gate.pairs) == {
        ("a", "screen"): 5, (CONTROL, "screen"): 5
    }  # fmt: skip
    assert gate.exit_code == 0


@pytest.mark.parametrize(("ratio", "word", "code"), [(1.1, "regressed", 1), (0.9, "improved", 0)])
def test_what_stands_out_is_confirmed_by_fresh_pairs(ratio: float, word: str, code: int) -> None:
    """Twelve of them, which alone decide."""
    machine = Machine({"a": 1.0, "b": ratio}, sd=0.004)
    gate = machine.gate(["a", "b"])
    assert (words(gate), gate.exit_code) == ({"a": "ok", "b": word}, code)
    counts = Counter((p.cell, p.stage) for p in gate.pairs)
    assert counts["b", "confirm"] == 12
    assert counts["a", "confirm"] == 0
    verdict = next(v for v in gate.verdicts if v.cell == "b")
    assert verdict.pairs == 12
    assert verdict.p == 2**-12
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < ratio < verdict.high
    assert verdict.ratio == pytest.approx(ratio, abs=0.01)


def test_a_lucky_median_does_not_let_a_wild_machine_pass() -> None:
    """One of five pairs as slow as must not slip through: it is looked at again."""
    found = {"a": Evidence((0.0, 0.001, -0.001, 0.002, 0.06))}
    assert judge(found, Rules()).wanted == {"a": ("confirm", 12)}
    assert judge({"a": Evidence(tuple(QUIET))}, Rules()).words == {"a": "ok"}


def test_what_cannot_be_decided_is_extended_once() -> None:
    """To twenty pairs, and then it is inconclusive, or not."""
    wild = tuple(0.08 if i % 2 else -0.06 for i in range(20))
    suspect = Evidence((0.02,) * 5, wild[:12])
    found = judge({"a": suspect}, Rules())
    assert found.words == {}
    assert found.wanted == {"a": ("extend", 8)}
    assert judge({"a": replace(suspect, extend=wild[12:])}, Rules()).words == {"a": "inconclusive"}
    slow = replace(suspect, extend=(0.3,) * 8)
    assert judge({"a": slow}, Rules()).words["a"] in ("inconclusive", "regressed")
    clear = Evidence((0.02,) * 5, (*[0.03] * 10, -0.001, -0.2), (0.03,) * 8)
    assert judge({"a": clear}, Rules()).words == {"a": "regressed"}


def test_a_slowdown_that_is_not_worth_a_word_is_ok() -> None:
    """0.8 %, however sure it is."""
    found = {"a": Evidence((0.008,) * 5, (0.008,) * 12)}
    assert judge(found, Rules()).words == {"a": "ok"}


def test_many_suspects_need_more_pairs_each() -> None:
    """The smallest p of n pairs, 1 / 2^n, must fit under the first of Holm's limits."""
    assert pairs_to_confirm(1, Rules()) == 12
    assert pairs_to_confirm(33, Rules()) == 13  # 33 / 0.008 = 4125 > 2^12
    slow = {f"c{i}": Evidence((0.1,) * 5) for i in range(33)}
    assert set(judge(slow, Rules()).wanted.values()) == {("confirm", 13)}
    done = {name: Evidence(e.screen, (0.1,) * 13) for name, e in slow.items()}
    assert set(judge(done, Rules()).words.values()) == {"regressed"}


def test_nothing_is_confirmed_before_all_are_screened() -> None:
    """How many suspects there are decides how many pairs each gets."""
    found = {"a": Evidence((0.1,) * 5), "b": Evidence((0.0,) * 4)}
    assert judge(found, Rules()).wanted == {"b": ("screen", 5)}


def test_a_machine_that_tells_base_from_itself_is_not_believed() -> None:
    """All verdicts become contaminated; exit 4 under --strict."""
    machine = Machine({"a": 1.1, CONTROL: 1.05}, sd=0.003)
    gate = machine.gate(["a"])
    assert words(gate) == {"a": "contaminated"}
    assert gate.exit_code == 0
    assert replace(gate, strict=True).exit_code == 4


def test_what_did_not_fit_into_the_time_is_inconclusive_by_name() -> None:
    """Whatever had its verdict by then keeps it."""
    machine = Machine({"a": 1.0, "b": 1.1}, sd=0.002)
    gate = machine.gate(["a", "b"], max_time_s=60.0)
    assert machine.passed_s == 60.0
    assert words(gate) == {"a": "ok", "b": "inconclusive"}
    assert replace(gate, strict=True).exit_code == 4
    gate = Machine({"a": 1.0}).gate(["a"], max_time_s=5.0)
    assert words(gate) == {"a": "inconclusive"}


def test_cells_take_turns_at_random() -> None:
    """No cell is measured in a row; the control is somewhere among them."""
    machine = Machine({"a": 1.0, "b": 1.0, "c": 1.0}, sd=0.001)
    gate = machine.gate(["a", "b", "c"])
    turns = [tuple(p.cell for p in gate.pairs[i : i + 4]) for i in range(0, 20, 4)]
    assert all(set(turn) == {"a", "b", "c", CONTROL} for turn in turns)
    assert len(set(turns)) > 1
    assert {p.first for p in gate.pairs} == {"base", "head"}
    assert len({p.seed for p in gate.pairs}) == len(gate.pairs)


@pytest.mark.parametrize(
    ("failed", "code", "word"),
    [("base", 2, "new"), ("base", 3, "failed"), ("head", 2, "failed"), ("head", 3, "failed")],
)
def test_a_cell_that_fails_is_set_aside(failed: str, code: int, word: str) -> None:
    """What base does not know yet is new; the others are judged all the same."""
    machine = Machine({"a": 1.0}, sd=0.001)

    def broken(pair: Pair) -> Pair:
        return replace(pair, failure=Failure("failed", "no", "", code), failed=failed)  # type: ignore[arg-type]

    measure: dict[str, Callable[[Pair], Pair]] = {"a": machine.measure, "b": broken}
    arms = Arms("base", "head", {**measure, CONTROL: machine.measure})
    gate = run_gate(arms, Rules(), now=machine.now)
    assert words(gate) == {"a": "ok", "b": word}
    assert gate.exit_code == (0 if word == "new" else 3)
    assert sum(pair.cell == "b" for pair in gate.pairs) == 1


def test_a_run_without_its_control_says_so() -> None:
    """Its verdicts stand, but nothing vouches for them."""
    machine = Machine({"a": 1.0}, sd=0.001)

    def broken(pair: Pair) -> Pair:
        return replace(pair, failure=Failure("killed", "the process was killed", ""), failed="base")

    arms = Arms("base", "head", {"a": machine.measure, CONTROL: broken})
    gate = run_gate(arms, Rules(), now=machine.now)
    assert words(gate) == {"a": "ok"}
    facts = dict(time_gate_report(gate).facts)
    assert facts["control"] == (
        "base by itself failed, nothing vouches for this run: the process was killed"
    )


def test_the_same_code_on_both_sides_is_not_comparable() -> None:
    """A network of the shelf, or of an installed package, that no commit changes."""
    machine = Machine({"a": 1.0})

    def same(pair: Pair) -> Pair:
        return replace(machine.measure(pair), sources={"base": None, "head": None})

    gate = run_gate(Arms("b", "h", {"a": same, CONTROL: same}), Rules(), now=machine.now)
    assert words(gate) == {"a": "not_comparable"}


def test_no_cells_is_no_success() -> None:
    """Nothing measured."""
    with pytest.raises(NothingMeasured):
        Machine({}).gate([])


def test_false_alarms_and_power_of_the_whole_gate() -> None:
    """Of made-up runs with the spread of two processes: none of 300 alarms, +5 % always seen."""
    alarms = sum(
        "regressed" in words(Machine({"a": 1.0}, 0.017, seed).gate(["a"])).values()
        for seed in range(300)
    )
    assert alarms <= 3
    seen = sum(
        words(Machine({"a": 1.05}, 0.017, seed).gate(["a"])) == {"a": "regressed"}
        for seed in range(100)
    )
    assert seen >= 97


# -- recorded --------------------------------------------------------------------------------------


def test_a_recorded_run_is_judged_again_to_the_digit(tmp_path: Path, capsys: Captured) -> None:
    """Verdicts, ratios, intervals, p, exit code."""
    path = tmp_path / "gate.jsonl"
    machine = Machine({"a": 1.0, "b": 1.1}, sd=0.006)
    gate = machine.gate(["a", "b"], record=path)
    assert run(["judge", str(path), "-f", "json"]) == 1
    again = json.loads(capsys.readouterr().out)
    assert again["verdicts"] == json.loads(json.dumps(gate.to_dict()))["verdicts"]
    assert run(["judge", str(path)]) == 1
    out = capsys.readouterr().out
    assert "1 regressed, 1 ok" in out
    assert "control" in out
    plan, pairs = read_gate(path, pytest.fail)
    assert plan == gate.plan
    assert tuple(pairs) == gate.pairs


def test_a_cut_record_is_judged_up_to_there(tmp_path: Path, capsys: Captured) -> None:
    """The torn line is named; a file that is no record is refused."""
    path = tmp_path / "gate.jsonl"
    Machine({"a": 1.0}, sd=0.001).gate(["a"], record=path)
    path.write_text(path.read_text()[:-100])
    assert run(["judge", str(path)]) == 0
    assert "is not a pair and is left out" in capsys.readouterr().err
    for content in ("", "{}\n", "nothing\n"):
        path.write_text(content)
        assert run(["judge", str(path)]) == 2
        assert "hint: " in capsys.readouterr().err
    path.write_text("a file of mine\n")
    with pytest.raises(ArchbenchError, match="there already"):
        Machine({"a": 1.0}).gate(["a"], record=path)
    assert path.read_text() == "a file of mine\n"


def test_a_pair_comes_back_from_json() -> None:
    """Every field, through text."""
    pair = with_ratio(Pair("a", "screen", 3, False, 7, "head"), 0.1)
    failed = replace(pair, failure=Failure("oom", "no", "x", 2), failed="head", base=(), head=())
    for one in (pair, failed):
        assert Pair.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    plan = GatePlan(("a",), CONTROL, "b", "h", Rules(alpha=0.05))
    assert GatePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


# -- trees -----------------------------------------------------------------------------------------

NET = """
import os
from torch import nn

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(*[nn.Linear(64, 64) for _ in range(WIDTH)])

    def forward(self, x):
        return self.layers(x)
"""


CELL = '[[cells]]\nname = "{name}"\nmodel = "{model}"\ninput_size = "float32:64"\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one commit."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    (folder / "net.py").write_text(NET.replace("WIDTH", "4"))
    (folder / "archbench.toml").write_text(CELL.format(name="small", model="net.py:Small"))
    git("init", "-q", ".")
    git("add", "-A")
    commit("one")
    return folder


def git(*words: str) -> str:
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout


def commit(message: str) -> None:
    git("-c", "user.email=a@b.c", "-c", "user.name=n", "commit", "-qam", message)


def test_base_is_the_commit_and_head_is_what_lies_there(repository: Path) -> None:
    """With names of one length; afterwards nothing is left of it."""
    (repository / "net.py").write_text("changed")
    with trees("HEAD", repository) as both:
        assert "WIDTH" not in (both.base / "net.py").read_text()
        assert "range(4)" in (both.base / "net.py").read_text()
        assert (both.head / "net.py").read_text() == "changed"
        assert both.dirty
        assert len(str(both.base)) == len(str(both.head))
        there = both.base
    assert not there.exists()
    assert git("worktree", "list").count("\n") == 1


def test_a_project_in_a_folder_of_its_repository(repository: Path) -> None:
    """Both sides are that folder."""
    (repository / "sub").mkdir()
    (repository / "sub" / "net.py").write_text("here")
    git("add", "-A")
    commit("two")
    with trees("HEAD", repository / "sub") as both:
        assert (both.base / "net.py").read_text() == (both.head / "net.py").read_text() == "here"


def test_a_tree_is_removed_whatever_happens(repository: Path) -> None:
    """An exception, or a Ctrl-C."""
    for kind in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(kind), trees("HEAD", repository):
            raise kind
    assert git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("reference", "setup", "said", "hint"),
    [
        ("nowhere", "", "no commit 'nowhere'", "git fetch"),
        ("--help", "", "no commit '--help'", ""),
        ("HEAD", "echo begun; exit 3", "--setup failed in base, with exit code 3: begun", "fresh"),
    ],
)
def test_a_base_that_cannot_be_had(
    repository: Path, capsys: Captured, reference: str, setup: str, said: str, hint: str
) -> None:
    """One line, one hint, exit 2, nothing left behind."""
    argv = ["check", "--time", f"--base={reference}", *(["--setup", setup] if setup else [])]
    assert run(argv) == 2
    captured = capsys.readouterr()
    message, advice = captured.err.strip().split("\n")
    assert said in message
    assert hint in advice
    assert captured.out == ""
    assert git("worktree", "list").count("\n") == 1


def test_the_report_of_a_regression_is_written(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into its file, though the command ends with 1."""
    machine = Machine({"small": 1.2}, sd=0.002)

    def measured(pair: Pair, sides: Sides, limit_s: float) -> Pair:
        same = sides.base[1] == sides.head[1]
        return machine.measure(replace(pair, cell=CONTROL if same else "small"))

    monkeypatch.setattr(pairing, "run_pair", measured)
    assert run(["check", "--base", "HEAD", "-o", "report.json", "--record", "run.jsonl"]) == 1
    document = json.loads((repository / "report.json").read_text())
    assert [v["verdict"] for v in document["verdicts"]] == ["regressed"]
    assert document["exit_code"] == 1
    assert run(["judge", "run.jsonl"]) == 1


@pytest.fixture
def sides_measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cell, Cell]]:
    """Measures nothing; holds what each pair would have been of."""
    machine = Machine({"head": 1.0}, sd=0.002)
    asked: list[tuple[Cell, Cell]] = []

    def measured(pair: Pair, sides: Sides, limit_s: float) -> Pair:
        asked.append((sides.base[0], sides.head[0]))
        same = sides.base == sides.head
        done = machine.measure(replace(pair, cell=CONTROL if same else "head"))
        return replace(done, cell=pair.cell)

    monkeypatch.setattr(pairing, "run_pair", measured)
    return asked


def test_what_only_base_declares_is_missing(
    repository: Path, sides_measured: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """It passes with a warning, not under --strict; judge says the same; other names do not ask."""
    both = "".join(CELL.format(name=name, model="net.py:Small") for name in ("small", "gone"))
    (repository / "archbench.toml").write_text(both)
    commit("two")
    (repository / "archbench.toml").write_text(CELL.format(name="small", model="net.py:Small"))
    argv = ["check", "--base", "HEAD", "-f", "json"]
    assert run([*argv, "--record", "run.jsonl"]) == 0
    first = capsys.readouterr()
    verdicts = {v["cell"]: v["verdict"] for v in json.loads(first.out)["verdicts"]}
    assert verdicts == {"small": "ok", "gone": "missing"}
    assert "1 cell is missing; --strict would exit 4" in first.err
    assert run(["judge", "run.jsonl", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"] == json.loads(first.out)["verdicts"]
    assert run([*argv, "--strict"]) == 4
    capsys.readouterr()
    assert run([*argv, "small"]) == 0
    assert "gone" not in capsys.readouterr().out


def test_a_model_that_moved_is_compared_with_where_it_was(
    repository: Path, sides_measured: list[tuple[Cell, Cell]]
) -> None:
    """A cell is known by its name; each side runs what its own tree declares."""
    git("mv", "net.py", "moved.py")
    (repository / "archbench.toml").write_text(CELL.format(name="small", model="moved.py:Small"))
    assert run(["check", "--base", "HEAD"]) == 0
    models = {(base.model, head.model) for base, head in sides_measured}
    assert models == {("net.py:Small", "moved.py:Small"), ("net.py:Small", "net.py:Small")}


def test_other_inputs_are_not_comparable(
    repository: Path, sides_measured: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """Unless the command line sets them for both sides."""
    text = (repository / "archbench.toml").read_text()
    (repository / "archbench.toml").write_text(text + "batch_size = 4\n")
    assert run(["check", "--base", "HEAD", "-f", "json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["verdict"] == "not_comparable"
    assert verdict["note"] == (
        "base declares it with batch size 1 of float32:64, head with batch size 4 of float32:64"
    )
    assert not sides_measured
    assert run(["check", "small", "--base", "HEAD", "-b", "8"]) == 0
    assert {(base.batch_size, head.batch_size) for base, head in sides_measured} == {(8, 8)}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")
def test_a_full_disk_stops_a_recorded_run(
    repository: Path, sides_measured: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """Before anything is measured for nothing; no worktree is left."""
    assert run(["check", "--base", "HEAD", "--record", "/dev/full"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "archbench: '/dev/full' cannot be written: no space left on device\nhint: make room\n"
    )
    assert not sides_measured
    assert git("worktree", "list").count("\n") == 1


def test_a_base_whose_configuration_is_broken_runs_what_head_declares(
    repository: Path, sides_measured: list[tuple[Cell, Cell]]
) -> None:
    """Otherwise nobody could mend it."""
    text = (repository / "archbench.toml").read_text()
    (repository / "archbench.toml").write_text("[[cells")
    commit("broken")
    (repository / "archbench.toml").write_text(text)
    assert run(["check", "--base", "HEAD"]) == 0
    assert {base.model for base, _ in sides_measured} == {"net.py:Small"}


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """There is no base."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    assert run(["check", "resnet20", "--time", "--base", "HEAD"]) == 2
    assert "needs a git repository" in capsys.readouterr().err


@pytest.mark.parametrize(
    "argv", [["--time"], ["--base", "HEAD", "--against", "resnet20"], ["--time", "--threads", "0"]]
)
def test_time_needs_one_thing_to_compare_with(
    repository: Path, capsys: Captured, argv: list[str]
) -> None:
    """Two lines, exit 2."""
    assert run(["check", *argv]) == 2
    assert "hint: " in capsys.readouterr().err


# -- real processes --------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs of a second: what is tested is not how well they measure."""
    monkeypatch.setattr(pairing, "WARM_UP_S", (0.02, 0.1))
    monkeypatch.setattr(pairing, "ROUNDS_S", (0.02, 0.1))


def test_a_real_pair(repository: Path, quick: None) -> None:
    """Two processes take turns; each imports its own tree; head does twenty times the work."""
    (repository / "net.py").write_text(NET.replace("WIDTH", "80"))
    cell = Cell("net.py:Small", inputs=("float32:64",), threads=1)
    with trees("HEAD", repository) as both:
        asked = Pair("small", "screen", 0, False, 5, "head")
        pair = run_pair(asked, Sides((cell, both.base), (cell, both.head)))
    assert pair.failure is None
    assert len(pair.base) == len(pair.head) >= pairing.LEAST_ROUNDS
    assert pair.log_ratio > log(3)
    assert pair.sources["head"] == str((repository / "net.py").resolve())
    assert pair.sources["base"] != pair.sources["head"]
    assert pair.environment is not None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
@pytest.mark.parametrize(("threads", "shared"), [(1, True), (2, False)])
def test_both_sides_compute_on_one_core(
    repository: Path, quick: None, threads: int, shared: bool
) -> None:
    """So that both meet its neighbours; with more threads the system spreads them."""
    told = "        print(*os.sched_getaffinity(0), file=open(SEEN, 'a'))\n        return"
    seen = repository / "seen.txt"
    code = NET.replace("WIDTH", "4").replace("        return", told)
    (repository / "net.py").write_text(code.replace("SEEN", repr(str(seen))))
    cell = Cell("net.py:Small", inputs=("float32:64",), threads=threads)
    asked = Pair("small", "screen", 0, False, 5, "head")
    pair = run_pair(asked, Sides((cell, repository), (cell, repository)))
    cores = {tuple(map(int, line.split())) for line in seen.read_text().splitlines()}
    free = tuple(os.sched_getaffinity(0))
    assert cores == ({free, (pair.core,)} if shared else {free})  # free until both are loaded
    assert (pair.core in free) == shared


@pytest.mark.parametrize(
    ("code", "failed", "said"),
    [
        ("raise ValueError('no')", "head", "ValueError: no"),
        ("import sys; sys.exit(3)", "head", "SystemExit: 3"),
        ("import os; os._exit(3)", "head", "ended before it had answered"),
    ],
)
def test_a_real_pair_of_which_one_fails(
    repository: Path, quick: None, code: str, failed: str, said: str
) -> None:
    """Which, and why."""
    (repository / "net.py").write_text(code)
    cell = Cell("net.py:Small", inputs=("float32:64",), threads=1)
    with trees("HEAD", repository) as both:
        asked = Pair("small", "screen", 0, False, 5, "base")
        pair = run_pair(asked, Sides((cell, both.base), (cell, both.head)))
    assert pair.failed == failed
    assert pair.failure is not None
    assert said in pair.failure.message


def test_a_pair_that_takes_too_long_is_ended(repository: Path, quick: None) -> None:
    """Both processes, and the side that was waited for is named."""
    (repository / "net.py").write_text("import time\ntime.sleep(1000)")
    cell = Cell("net.py:Small", inputs=("float32:64",), threads=1)
    with trees("HEAD", repository) as both:
        asked = Pair("small", "screen", 0, False, 5, "base")
        pair = run_pair(asked, Sides((cell, both.base), (cell, both.head)), limit_s=6.0)
    assert pair.failure is not None
    assert pair.failure.message == "head took longer than 6 s"
    assert pair.wall_s < 60


@pytest.mark.slow
def test_a_real_gate_from_end_to_end(repository: Path, capsys: Captured) -> None:
    """Unchanged code passes; a quarter more of work does not; no process or tree is left."""
    (repository / "net.py").write_text(NET.replace("WIDTH", "400"))
    commit("large enough to be timed")
    assert run(["check", "--base", "HEAD", "-f", "json"]) == 0
    (same,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert same["ratio"] == pytest.approx(1.0, abs=0.03)
    (repository / "net.py").write_text(NET.replace("WIDTH", "500"))
    assert run(["check", "--base", "HEAD", "--record", "run.jsonl", "-f", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    (slower,) = document["verdicts"]
    assert slower["verdict"] == "regressed"
    assert slower["ratio"] == pytest.approx(1.25, abs=0.05)
    assert run(["judge", "run.jsonl", "-f", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["verdicts"] == document["verdicts"]
    assert git("worktree", "list").count("\n") == 1
    assert not psutil.Process().children(recursive=True)


def test_two_models_take_turns_in_one_process(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--against needs no git; the faster of two very different networks is improved."""
    monkeypatch.setattr("archbench.api.time_check.MEASURE_S", 0.05)
    argv = ["check", "plain20", "--against", "resnet110", "--time", "--max-time", "9", "-f", "json"]
    assert run(argv) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["base"], document["head"]) == ("resnet110", "plain20")
    (verdict,) = document["verdicts"]
    assert verdict["verdict"] in ("inconclusive", "improved")  # what 9 s are enough for
    assert verdict["ratio"] is None or verdict["ratio"] < 0.7
