"""The time gate on pairs that are made up, and the trees that it measures in."""

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import exp, log, log1p
from pathlib import Path

import psutil
import pytest

from archbench.app import run
from archbench.errors import ArchbenchError, NothingMeasured
from archbench.gates.rules import Rules
from archbench.gates.time import pairing
from archbench.gates.time.comparison import CONTROL, Comparison, control_of
from archbench.gates.time.judge import Evidence, judge, pairs_to_confirm
from archbench.gates.time.one_process import run_in_one_process
from archbench.gates.time.pairing import Sides, run_pair
from archbench.gates.time.pairs import GatePlan, Pair, Side
from archbench.gates.time.record_file import read_gate
from archbench.gates.time.records import TimeGate
from archbench.gates.time.report import time_gate_report
from archbench.gates.time.run import run_gate
from archbench.gates.time.trees import trees
from archbench.gates.time.verdicts import detectable_slowdown
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Failure
from archbench.timing.sessions.job_runner import job_runner
from tests.systems import needs_linux, needs_posix

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

    def gate(self, cells: list[str], until: float | None = None, **fields: object) -> TimeGate:
        measure = dict.fromkeys([*cells, CONTROL], self.measure)
        comparison = Comparison("base", "head", measure)
        return run_gate(comparison, Rules(), until, now=self.now, **fields)  # type: ignore[arg-type]


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
    assert judge(found, Rules()).targets == {"a": ("confirm", 12)}
    assert judge({"a": Evidence(tuple(QUIET))}, Rules()).verdicts == {"a": "ok"}


def test_what_cannot_be_decided_is_extended_once() -> None:
    """To twenty pairs, and then it is inconclusive, or not."""
    wild = tuple(0.08 if i % 2 else -0.06 for i in range(20))
    suspect = Evidence((0.02,) * 5, wild[:12])
    found = judge({"a": suspect}, Rules())
    assert found.verdicts == {}
    assert found.targets == {"a": ("extend", 8)}
    assert judge({"a": replace(suspect, extend=wild[12:])}, Rules()).verdicts == {
        "a": "inconclusive"
    }
    clear = Evidence((0.02,) * 5, (*[0.03] * 10, -0.001, -0.2), (0.03,) * 8)
    assert judge({"a": clear}, Rules()).verdicts == {"a": "regressed"}


def test_a_slowdown_that_is_not_worth_a_word_is_ok() -> None:
    """0.8 %, however sure it is."""
    found = {"a": Evidence((0.008,) * 5, (0.008,) * 12)}
    assert judge(found, Rules()).verdicts == {"a": "ok"}


def test_many_suspects_need_more_pairs_each() -> None:
    """With one opposite pair p is at least (n + 1) / 2^n, which must fit under Holm's first limit.

    By hand: 13 / 2^12 = 0.0032 and 14 / 2^13 = 0.0017 beside 0.008, 0.004, 0.0027 for 1, 2, 3.
    """
    assert [pairs_to_confirm(n, Rules()) for n in (0, 1, 2, 3, 10)] == [12, 12, 12, 13, 15]
    assert pairs_to_confirm(1000, Rules()) == 16  # and 8 more can still be tested
    slow = {f"c{i}": Evidence((0.1,) * 5) for i in range(33)}
    assert set(judge(slow, Rules()).targets.values()) == {("confirm", 16)}
    done = {name: Evidence(e.screen, (0.1,) * 16) for name, e in slow.items()}
    assert set(judge(done, Rules()).verdicts.values()) == {"regressed"}


def test_holm_decides_between_suspects() -> None:
    """Of three with p 2^-13, 14 / 2^13 and far more, two are below 0.008 / 3 and 0.008 / 2."""
    sure, nearly = (0.03,) * 13, (*(0.03,) * 12, -0.03)
    unsure = (0.03, -0.028) * 6 + (0.03,)
    found = {
        "sure": Evidence((0.03,) * 5, sure),
        "nearly": Evidence((0.03,) * 5, nearly),
        "unsure": Evidence((0.03,) * 5, unsure),
    }
    judged = judge(found, Rules())
    assert judged.verdicts["sure"] == judged.verdicts["nearly"] == "regressed"
    assert judged.verdicts.get("unsure") != "regressed"
    assert judged.p["sure"] == 2**-13
    assert judged.p["nearly"] == 14 * 2**-13


def test_what_alone_would_be_a_regression_is_not_called_ok() -> None:
    """Three with p = 0.0032, above 0.008 / 3 and below 0.008: they are measured on."""
    values = (*(0.03,) * 11, -0.03, -0.001)
    found = {name: Evidence((0.03,) * 5, values) for name in "abc"}
    judged = judge(found, Rules())
    assert judged.verdicts == {}
    assert judged.targets == dict.fromkeys("abc", ("extend", 8))
    extended = {name: replace(own, extend=(0.03,) * 8) for name, own in found.items()}
    assert set(judge(extended, Rules()).verdicts.values()) == {"regressed"}


def test_who_was_cleared_at_the_first_look_counts_at_the_second() -> None:
    """Which of ten is open was chosen by the same pairs: p = 0.00024 is held to 0.002 / 10."""
    calm = Evidence((0.008,) * 5, (0.001, -0.001) * 7 + (0.001,))
    open_cell = Evidence((0.03,) * 5, (*(0.03,) * 13, -0.03, -0.03), (*(0.03,) * 7, -0.03))
    found = {"a": open_cell, **{f"c{i}": calm for i in range(9)}}
    judged = judge(found, Rules())
    assert judged.p["a"] == pytest.approx(0.00024, abs=0.00001)
    assert judged.verdicts["a"] == "inconclusive"
    assert set(judged.verdicts.values()) == {"ok", "inconclusive"}


def test_a_lucky_screen_does_not_clear_a_slow_cell() -> None:
    """Five pairs said 3 % faster, twelve fresh ones 10 % slower: not ok."""
    found = {"a": Evidence((-0.03,) * 5, (0.1,) * 12)}
    assert judge(found, Rules()).targets == {"a": ("extend", 8)}
    found = {"a": Evidence((-0.03,) * 5, (0.1,) * 12, (0.1,) * 8)}
    assert judge(found, Rules()).verdicts == {"a": "inconclusive"}
    faster = {"a": Evidence((-0.03,) * 5, (-0.03,) * 12)}
    assert judge(faster, Rules()).verdicts == {"a": "improved"}


@pytest.mark.parametrize(("suspects", "stage"), [(1, "screen"), (1, "confirm"), (20, "confirm")])
def test_what_could_have_been_seen_is_seen(suspects: int, stage: str) -> None:
    """A slowdown of that size, drawn anew, is called one in about nine of ten runs.

    Somewhat fewer, because the spread is learnt from few pairs.
    """
    rng = random.Random(4)
    rules, sd = Rules(), 0.012
    count = pairs_to_confirm(suspects, rules)
    others = {f"c{i}": Evidence((0.1,) * 5, (0.0, 0.1) * (count // 2)) for i in range(suspects - 1)}
    seen = 0
    for _ in range(400):
        fresh = [rng.gauss(0, sd) for _ in range(count)] if stage == "confirm" else []
        quiet = Evidence(tuple(rng.gauss(0, sd) for _ in range(5)), tuple(fresh))
        mde = detectable_slowdown(quiet, suspects, rules)
        assert mde is not None
        slow = [log1p(mde) + rng.gauss(0, sd) for _ in range(5 + count)]
        found = {**others, "a": Evidence(tuple(slow[:5]), tuple(slow[5:]))}
        seen += judge(found, rules, ended=True).verdicts["a"] == "regressed"
    assert 0.75 < seen / 400 < 0.99
    assert detectable_slowdown(Evidence((0.01, -0.01)), 1, rules) is None


def test_nothing_is_confirmed_before_all_are_screened() -> None:
    """How many suspects there are decides how many pairs each gets."""
    found = {"a": Evidence((0.1,) * 5), "b": Evidence((0.0,) * 4)}
    assert judge(found, Rules()).targets == {"b": ("screen", 5)}


@pytest.mark.parametrize("lean", [1.05, 0.95])
def test_a_machine_that_tells_base_from_itself_is_not_believed(lean: float) -> None:
    """All verdicts become contaminated; exit 4 under --strict."""
    machine = Machine({"a": 1.1, CONTROL: lean}, sd=0.003)
    gate = machine.gate(["a"])
    assert words(gate) == {"a": "contaminated"}
    assert gate.exit_code == 0
    assert replace(gate, strict=True).exit_code == 4


def test_what_did_not_fit_into_the_time_is_inconclusive_by_name() -> None:
    """Whatever had its verdict by then keeps it."""
    machine = Machine({"a": 1.0, "b": 1.1}, sd=0.002)
    gate = machine.gate(["a", "b"], until=60.0)
    assert machine.passed_s == 60.0
    assert words(gate) == {"a": "ok", "b": "inconclusive"}
    assert replace(gate, strict=True).exit_code == 4
    notes = {verdict.cell: verdict.note for verdict in gate.verdicts}
    measured = sum(pair.cell == "b" and pair.stage == "confirm" for pair in gate.pairs)
    assert 0 < measured < 12
    assert notes["b"].startswith(f"the run ended after {measured} of 12 pairs confirming it")
    assert notes["a"] == ""
    gate = Machine({"a": 1.0}).gate(["a"], until=5.0)
    assert words(gate) == {"a": "inconclusive"}
    assert "of 5 pairs screening it" in gate.verdicts[0].note


def test_cells_take_turns_at_random() -> None:
    """No cell is measured in a row; the control is somewhere among them."""
    machine = Machine({"a": 1.0, "b": 1.0, "c": 1.0}, sd=0.001)
    gate = machine.gate(["a", "b", "c"])
    turns = [tuple(p.cell for p in gate.pairs[i : i + 4]) for i in range(0, 20, 4)]
    assert all(set(turn) == {"a", "b", "c", CONTROL} for turn in turns)
    assert len(set(turns)) > 1
    assert {p.first for p in gate.pairs} == {"base", "head"}
    assert len({p.seed for p in gate.pairs}) == len(gate.pairs)


def test_time_for_one_pair_is_not_spent_on_the_control() -> None:
    """Otherwise chance would decide between exit code 0 and 5, nothing measured."""
    for _ in range(20):
        gate = Machine({"a": 1.0, "b": 1.0}).gate(["a", "b"], until=2.0)
        assert [pair.control for pair in gate.pairs] == [False]
        assert gate.exit_code == 0


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
    comparison = Comparison("base", "head", {**measure, CONTROL: machine.measure})
    gate = run_gate(comparison, Rules(), now=machine.now)
    assert words(gate) == {"a": "ok", "b": word}
    assert gate.exit_code == (0 if word == "new" else 3)
    assert sum(pair.cell == "b" for pair in gate.pairs) == 1


def test_a_pair_that_something_else_ended_is_repeated() -> None:
    """Once, and it is said; a cell whose pairs fail twice is set aside."""
    for often, word in ((1, "ok"), (2, "failed")):
        machine = Machine({"a": 1.0}, sd=0.001)
        left = [3] * often  # fails from the third pair on, so often

        def flaky(pair: Pair, machine: Machine = machine, left: list[int] = left) -> Pair:
            if len(machine.measured) >= 3 and left:
                left.pop()
                return replace(pair, failure=Failure("killed", "killed by SIGKILL"), failed="head")
            return machine.measure(pair)

        gate = run_gate(Comparison("b", "h", {"a": flaky, CONTROL: machine.measure}), Rules())
        (verdict,) = gate.verdicts
        assert verdict.verdict == word
        assert "head: killed by SIGKILL" in verdict.note
        assert ("was repeated" in verdict.note) == (word == "ok")
        assert verdict.pairs == (5 if word == "ok" else None)


def test_the_control_is_of_the_first_cell_that_works() -> None:
    """One that base does not know yet does not switch it off."""
    machine = Machine({"old": 1.0}, sd=0.001)

    def unknown(pair: Pair) -> Pair:
        return replace(pair, failure=Failure("failed", "no such file", "", 2), failed="base")

    control = control_of([unknown, machine.measure])
    gate = run_gate(
        Comparison("b", "h", {"new": unknown, "old": machine.measure, CONTROL: control})
    )
    assert words(gate) == {"new": "new", "old": "ok"}
    assert gate.control_failure is None
    assert len(gate.control) == 5


def test_imports_from_the_other_tree_are_not_comparable() -> None:
    """Base would be timed with head's code."""
    machine = Machine({"a": 1.0}, sd=0.001)

    def stray(pair: Pair) -> Pair:
        return replace(machine.measure(pair), strays={"base": ("libsub (libsub/__init__.py)",)})

    gate = run_gate(Comparison("b", "h", {"a": stray, CONTROL: machine.measure}))
    (verdict,) = gate.verdicts
    assert verdict.verdict == "not_comparable"
    assert verdict.note == "base imports from head's tree: libsub (libsub/__init__.py)"


def test_tensors_of_other_shapes_are_not_comparable() -> None:
    """A function of inputs was changed between base and head."""
    machine = Machine({"a": 1.0}, sd=0.001)

    def other(pair: Pair) -> Pair:
        tensors = {"base": ("x:float32:1x64",), "head": ("x:float32:1x32", "n:int64:1")}
        return replace(machine.measure(pair), tensors=tensors)

    (verdict,) = run_gate(Comparison("b", "h", {"a": other, CONTROL: machine.measure})).verdicts
    assert verdict.verdict == "not_comparable"
    assert verdict.note == "base takes x:float32:1x64, head x:float32:1x32, n:int64:1"


def test_a_run_without_its_control_says_so() -> None:
    """Its verdicts stand, but nothing vouches for them."""
    machine = Machine({"a": 1.0}, sd=0.001)

    def broken(pair: Pair) -> Pair:
        return replace(pair, failure=Failure("killed", "the process was killed", ""), failed="base")

    comparison = Comparison("base", "head", {"a": machine.measure, CONTROL: broken})
    gate = run_gate(comparison, Rules(), now=machine.now)
    assert words(gate) == {"a": "ok"}
    assert gate.exit_code == 0
    assert replace(gate, strict=True).exit_code == 4
    assert gate.to_dict()["control"]["failure"]["message"] == "the process was killed"
    facts = dict(time_gate_report(gate).background)
    assert facts["control"] == (
        "base by itself failed, nothing vouches for this run: the process was killed"
    )


def test_the_same_code_on_both_sides_is_not_comparable() -> None:
    """A network of the shelf, or of an installed package, that no commit changes."""
    machine = Machine({"a": 1.0})

    def same(pair: Pair) -> Pair:
        return replace(machine.measure(pair), sources={"base": None, "head": None})

    gate = run_gate(Comparison("b", "h", {"a": same, CONTROL: same}), Rules(), now=machine.now)
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


def test_a_hook_s_repository_is_left_as_it_is(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git's hooks see variables that point at its index; what is staged there stays staged."""
    (repository / "staged.txt").write_text("not in base")
    git("add", "staged.txt")
    before = git("status", "--porcelain")
    with monkeypatch.context() as hook:
        for name, path in (("GIT_DIR", ".git"), ("GIT_INDEX_FILE", ".git/index")):
            hook.setenv(name, str(repository / path))
        hook.chdir(repository.parent)
        with trees("HEAD", repository, "git rev-parse --show-toplevel > where.txt") as both:
            assert (both.base / "net.py").is_file()
            assert Path((both.base / "where.txt").read_text().strip()) == both.base
            assert both.dirty
    (repository / "where.txt").unlink()
    assert before == git("status", "--porcelain") == "A  staged.txt\n"


def test_a_tree_is_removed_whatever_happens(repository: Path) -> None:
    """An exception, or a Ctrl-C."""
    for kind in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(kind), trees("HEAD", repository):
            raise kind
    assert git("worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("reference", "setup", "said", "hint"),
    [
        ("nowhere", "", "no commit 'nowhere'", "git fetch origin nowhere"),
        ("HEAD^1", "", "no commit 'HEAD^1'", "git fetch --unshallow"),
        ("", "", "no commit ''", "git fetch --unshallow"),
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

    def measured(pair: Pair, sides: Sides) -> Pair:
        same = sides.base[1] == sides.head[1]
        return machine.measure(replace(pair, cell=CONTROL if same else "small"))

    monkeypatch.setattr(pairing, "run_pair", measured)
    assert run(["check", "--base", "HEAD", "-o", "report.json", "--record", "run.jsonl"]) == 1
    document = json.loads((repository / "report.json").read_text())
    assert [v["verdict"] for v in document["verdicts"]] == ["regressed"]
    assert document["exit_code"] == 1
    assert run(["judge", "run.jsonl"]) == 1


def test_a_summary_names_base_as_anyone_can_check_it_out(
    repository: Path, sides_measured: list[tuple[Cell, Cell]]
) -> None:
    """HEAD^1 of a merge in CI is another commit than HEAD^1 of the branch."""
    base = git("rev-parse", "HEAD")[:10]
    assert run(["check", "--time", "--base", "HEAD", "--summary", "s.md"]) == 0
    summary = (repository / "s.md").read_text()
    assert f"    archbench check --time --base {base}\n" in summary


@pytest.fixture
def sides_measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cell, Cell]]:
    """Measures nothing; holds what each pair would have been of."""
    machine = Machine({"head": 1.0}, sd=0.002)
    asked: list[tuple[Cell, Cell]] = []

    def measured(pair: Pair, sides: Sides) -> Pair:
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


def test_a_batch_in_brackets_is_another_input_too(
    repository: Path, sides_measured: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """Base declares none; other arguments in brackets are measured."""
    path = repository / "archbench.toml"
    text = path.read_text()
    path.write_text(text.replace("net.py:Small", "net.py:Small[batch=4]"))
    assert run(["check", "--base", "HEAD", "-f", "json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["note"] == (
        "base declares it with batch size 1 of float32:64, head with batch size 4 of float32:64"
    )
    path.write_text(text.replace("net.py:Small", "net.py:Small[threads=2]"))
    assert run(["check", "--base", "HEAD", "-f", "json"]) == 0
    threads = {(base.model, base.threads, head.threads) for base, head in sides_measured}
    assert threads == {("net.py:Small", 1, 2), ("net.py:Small", 1, 1)}


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


def test_a_configuration_that_moved_is_still_base_s(
    repository: Path, sides_measured: list[tuple[Cell, Cell]]
) -> None:
    """From archbench.toml to pyproject.toml, and the model with it."""
    git("mv", "net.py", "moved.py")
    git("rm", "-q", "-f", "archbench.toml")
    table = CELL.format(name="small", model="moved.py:Small")
    (repository / "pyproject.toml").write_text(table.replace("[[cells", "[[tool.archbench.cells"))
    assert run(["check", "--base", "HEAD"]) == 0
    assert ("net.py:Small", "moved.py:Small") in {(b.model, h.model) for b, h in sides_measured}


def test_a_project_folder_that_base_does_not_have(
    repository: Path,
    sides_measured: list[tuple[Cell, Cell]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """All its cells are new, and nothing is measured; --setup runs where there is a tree."""
    (repository / "sub").mkdir()
    (repository / "sub" / "archbench.toml").write_text(CELL.format(name="a", model="net.py:Small"))
    monkeypatch.chdir(repository / "sub")
    assert run(["check", "--base", "HEAD", "--setup", "true", "-f", "json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert (verdict["verdict"], verdict["note"]) == ("new", "base has no folder 'sub'")
    assert not sides_measured


def test_a_shelf_network_that_the_configuration_changes_is_compared(
    repository: Path, sides_measured: list[tuple[Cell, Cell]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file of either tree differs, but what the cell names does."""
    (repository / "archbench.toml").write_text(CELL.format(name="net", model="resnet20"))
    commit("a shelf network")
    (repository / "archbench.toml").write_text(CELL.format(name="net", model="resnet32"))
    measured = pairing.run_pair
    same = {"base": None, "head": None}
    monkeypatch.setattr(
        pairing, "run_pair", lambda *a, **k: replace(measured(*a, **k), sources=same)
    )
    assert run(["check", "--base", "HEAD", "--record", "run.jsonl"]) == 0
    _, pairs = read_gate(repository / "run.jsonl", pytest.fail)
    assert {pair.cell for pair in pairs if not pair.control} == {"net"}
    assert sum(pair.cell == "net" for pair in pairs) == 5


@pytest.mark.parametrize(
    "argv",
    [["--record", "r.jsonl"], ["--max-time", "9"], ["--threads", "2"], ["--mode", "train"]],
)
def test_options_of_time_do_nothing_elsewhere_and_are_refused(
    repository: Path, capsys: Captured, argv: list[str]
) -> None:
    """And --allow in a check of time; two lines, exit 2."""
    assert run(["check", *argv]) == 2
    assert "is for checks of time" in capsys.readouterr().err
    assert run(["check", "--base", "HEAD", "--allow", "macs:+1%"]) == 2
    assert "hint: leave it out" in capsys.readouterr().err


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


def test_a_repository_of_another_user(
    repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Containers of CI have such checkouts. The hint is the command that allows them."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    if not subprocess.run(["git", "status"], capture_output=True).returncode:
        pytest.skip("this git lets everybody work in every repository")
    assert run(["check", "--base", "HEAD"]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert message == (
        "archbench: git refuses to work in this repository, which belongs to another user"
    )
    assert hint == f"hint: `git config --global --add safe.directory {repository}` allows it"


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


SMALL = Cell("net.py:Small", inputs=("float32:64",), threads=1)


def measured_pair(repository: Path, first: Side = "base", start_s: float = pairing.START_S) -> Pair:
    """A pair of the small network as it was committed and as it lies there."""
    with trees("HEAD", repository) as both:
        asked = Pair("small", "screen", 0, False, 5, first)
        sides = Sides((SMALL, both.base), (SMALL, both.head), both.repositories)
        return run_pair(asked, sides, start_s)


def test_a_real_pair(repository: Path, quick: None) -> None:
    """Two processes take turns; each imports its own tree; head does twenty times the work."""
    (repository / "net.py").write_text(NET.replace("WIDTH", "80"))
    pair = measured_pair(repository, "head")
    assert pair.failure is None
    assert len(pair.base) == len(pair.head) >= pairing.LEAST_ROUNDS
    assert pair.log_ratio > log(3)
    assert pair.sources["head"] == str((repository / "net.py").resolve())
    assert pair.sources["base"] != pair.sources["head"]
    assert pair.environment is not None


DIFFERENTIATES = """
import torch
from torch import nn

class Small(nn.Module):
    def forward(self, x):
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            return torch.autograd.grad((x**2).sum(), x)[0]
"""
KEEPS = """
import torch
from torch import nn

class Small(nn.Module):
    kept = []

    def forward(self, x):
        assert not torch.is_inference_mode_enabled() or len(self.kept) < 3
        self.kept.append(x * 2)
        return self.kept[-1]
"""


def test_both_sides_of_a_pair_run_in_one_mode_and_growth_is_told(
    repository: Path, quick: None
) -> None:
    """Base differentiates, which inference mode refuses. Head would fail in that mode later on."""
    (repository / "net.py").write_text(DIFFERENTIATES)
    commit("two")
    (repository / "net.py").write_text(KEEPS)
    pair = measured_pair(repository)
    assert pair.failure is None
    assert {"no_grad", "grows"} <= set(pair.flags)


def test_each_side_of_a_real_pair_calls_its_own_function(repository: Path, quick: None) -> None:
    """It lies beside the factory; a process imports the file itself."""
    function = "\n\ndef archbench_inputs(batch_size):\n    return torch.ones(batch_size, {}, 64)\n"
    small = "import torch\n" + NET.replace("WIDTH", "4")
    (repository / "net.py").write_text(small + function.format(2))
    commit("a function of inputs")
    (repository / "net.py").write_text(small + function.format(3))
    with trees("HEAD", repository) as both:
        asked = Pair("small", "screen", 0, False, 5, "base")
        cell = replace(SMALL, inputs=(), batch_size=5)
        sides = Sides((cell, both.base), (cell, both.head), both.repositories)
        pair = run_pair(asked, sides)
    assert pair.failure is None
    assert pair.tensors == {"base": ("x:float32:5x2x64",), "head": ("x:float32:5x3x64",)}


@needs_linux("which cores a process may use")
@pytest.mark.parametrize(("threads", "shared"), [(1, True), (2, False)])
def test_both_sides_compute_on_one_core(
    repository: Path, quick: None, threads: int, shared: bool
) -> None:
    """So that both meet its neighbours; with more threads the system spreads them."""
    told = "        print(*os.sched_getaffinity(0), file=open(SEEN, 'a'))\n        return"
    seen = repository / "seen.txt"
    code = NET.replace("WIDTH", "4").replace("        return", told)
    (repository / "net.py").write_text(code.replace("SEEN", repr(str(seen))))
    cell = replace(SMALL, threads=threads)
    asked = Pair("small", "screen", 0, False, 5, "head")
    pair = run_pair(asked, Sides((cell, repository), (cell, repository)))
    cores = {tuple(map(int, line.split())) for line in seen.read_text().splitlines()}
    free = tuple(os.sched_getaffinity(0))
    assert cores == ({free, (pair.core,)} if shared else {free})  # free until both are loaded
    assert (pair.core in free) == shared


@needs_linux("glibc's tunables")
@pytest.mark.parametrize("one_process", [False, True])
def test_memory_of_both_sides_comes_from_one_heap_of_huge_pages(
    repository: Path, quick: None, monkeypatch: pytest.MonkeyPatch, one_process: bool
) -> None:
    """Of glibc, which reads it once and before anything of ours runs; `bench` leaves it alone."""
    monkeypatch.setattr("archbench.gates.time.one_process.MEASURE_S", 0.05)
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    cell = Cell("resnet20", threads=1)
    asked = Pair("resnet20", "screen", 0, False, 5, "head")
    with job_runner(print) as runner:
        if one_process:
            pair = run_in_one_process(asked, (cell, cell), runner)
        else:
            pair = run_pair(asked, Sides((cell, repository), (cell, repository)))
        alone = runner(Job((cell,), 0, 5, measure_s=0.05))
    assert pair.environment is not None
    assert alone.environment is not None
    assert "glibc.malloc.hugetlb=1" in dict(pair.environment.variables)["GLIBC_TUNABLES"]
    assert "GLIBC_TUNABLES" not in dict(alone.environment.variables)


@pytest.mark.parametrize(
    ("code", "failed", "said"),
    [
        ("raise ValueError('no')", "head", "ValueError: no"),
        ("import sys; sys.exit(3)", "head", "SystemExit: 3"),
        ("import os; os._exit(3)", "head", "SystemExit: 3"),
        pytest.param(
            *("import ctypes; ctypes.CDLL(None)._exit(3)", "head", "ended with exit code 3 before"),
            marks=needs_posix("a library of C ends the process"),
        ),
        pytest.param(
            *("import os; os.kill(os.getpid(), 9)", "head", "killed by SIGKILL"),
            marks=needs_posix("a signal is sent"),
        ),
    ],
)
def test_a_real_pair_of_which_one_fails(
    repository: Path, quick: None, code: str, failed: str, said: str
) -> None:
    """Which, and why."""
    (repository / "net.py").write_text(code)
    pair = measured_pair(repository)
    assert pair.failed == failed
    assert pair.failure is not None
    assert said in pair.failure.message


def test_where_neither_side_works_it_is_head_s_fault(repository: Path, quick: None) -> None:
    """Not a new cell: whichever was started first."""
    cell = Cell("net.py:Smal", inputs=("float32:64",), threads=1)
    for first in ("base", "head"):
        asked = Pair("small", "screen", 0, False, 5, first)  # type: ignore[arg-type]
        pair = run_pair(asked, Sides((cell, repository), (cell, repository)))
        assert pair.failed == "head"
        assert pair.failure is not None
        assert "has nothing named 'Smal'" in pair.failure.message


def test_a_forward_that_raises_later_says_why(repository: Path, quick: None) -> None:
    """In its own words, not that a process is gone."""
    late = NET.replace("WIDTH", "4").replace(
        "        return",
        "        self.n = getattr(self, 'n', 0) + 1\n"
        "        if self.n > 30: raise ValueError('worn out')\n        return",
    )
    (repository / "net.py").write_text(late)
    pair = measured_pair(repository)
    assert pair.failed == "head"
    assert pair.failure is not None
    assert pair.failure.message == "measuring net.py:Small failed: ValueError: worn out"


def test_base_never_imports_what_only_head_has(
    repository: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither from the folder that archbench was started in, nor unnoticed from elsewhere."""
    (repository / "net.py").write_text("import extra\n" + NET.replace("WIDTH", "4"))
    commit("needs what is not there")
    (repository / "lib").mkdir()
    (repository / "lib" / "extra.py").write_text("")
    monkeypatch.syspath_prepend(repository / "lib")
    alone = measured_pair(repository)
    assert alone.failure is not None
    assert "No module named 'extra'" in alone.failure.message
    monkeypatch.setenv("PYTHONPATH", str(repository / "lib"))  # absolute: head's for both
    assert measured_pair(repository).strays == {"base": ("extra (lib/extra.py)",)}
    monkeypatch.setenv("PYTHONPATH", "lib")  # each tree's own
    git("add", "-A")
    commit("it is there")
    relative = measured_pair(repository)
    assert relative.failure is None
    assert relative.strays == {}


def test_a_pair_that_takes_too_long_is_ended(repository: Path, quick: None) -> None:
    """Both processes, and the side that was waited for is named."""
    (repository / "net.py").write_text("import time\ntime.sleep(1000)")
    pair = measured_pair(repository, start_s=4.0)
    assert pair.failed == "head"
    assert pair.failure is not None
    assert pair.failure.kind == "out_of_time"
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


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Cell, Cell]]:
    """Measures nothing; holds what would have run in one process."""
    machine = Machine({"head": 1.0}, sd=0.001)
    asked: list[tuple[Cell, Cell]] = []

    def one_process(pair: Pair, cells: tuple[Cell, Cell], runner: object) -> Pair:
        asked.append(cells)
        done = machine.measure(replace(pair, cell="head"))
        return replace(done, cell=pair.cell, sources={})

    monkeypatch.setattr("archbench.gates.time.against_model.run_in_one_process", one_process)
    return asked


def test_against_takes_each_cell_s_inputs(
    repository: Path, beside: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """Two cells of different sizes; one whose own size is another is not comparable."""
    small = CELL.format(name="small", model="resnet20").replace("float32:64", "3x32x32")
    large = CELL.format(name="large", model="resnet20").replace("float32:64", "3x64x64")
    (repository / "archbench.toml").write_text(f"{small}{large}batch_size = 2\n")
    assert run(["check", "--against", "resnet32"]) == 0
    sizes = {(base.inputs, base.batch_size) for base, head in beside if head.model == "resnet20"}
    assert sizes == {(("3x32x32",), 1), (("3x64x64",), 2)}
    assert all((b.inputs, b.batch_size) == (h.inputs, h.batch_size) for b, h in beside)
    beside.clear()
    capsys.readouterr()
    assert run(["check", "resnet56", "--against", "resnet18", "-f", "json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["verdict"] == "not_comparable"
    assert verdict["note"] == (
        "resnet18 takes float32:3x224x224, this float32:3x32x32: -i gives both the same"
    )
    assert not beside


def test_ways_in_brackets_are_those_of_the_timed_cell(
    repository: Path, beside: list[tuple[Cell, Cell]], capsys: Captured
) -> None:
    """Of head and of the model behind --against; another batch is not comparable."""
    argv = ["check", "resnet20[precision=bf16,threads=2,input=64]", "--channels-last"]
    other = "resnet20[channels_last=false,compile,input=64]"
    assert run([*argv, "--against", other]) == 0
    base, head = next(pair for pair in beside if pair[0] != pair[1])
    assert (base.precision, base.channels_last, base.compiled) == ("fp32", False, "default")
    assert (head.precision, head.channels_last, head.compiled) == ("bf16", True, None)
    assert (base.threads, head.threads) == (1, 2)
    assert base.inputs == head.inputs == ("64",)
    beside.clear()
    capsys.readouterr()
    assert run(["check", "resnet20", "--against", "resnet20[batch=2]", "-f", "json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)["verdicts"]
    assert verdict["verdict"] == "not_comparable"
    assert verdict["note"] == "resnet20[batch=2] runs batches of 2, this of 1"
    assert not beside


def test_against_is_looked_for_from_the_project(
    repository: Path,
    beside: list[tuple[Cell, Cell]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """Its files are meant, wherever the command is started; a wrong name is told at once."""
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    assert run(["check", "--against", "../net.py:Small", "--record", "run.jsonl"]) == 0
    assert {(base.model, head.model) for base, head in beside} == {("net.py:Small",) * 2}
    assert (repository / "sub" / "run.jsonl").is_file()
    assert run(["check", "--against", "resnt34"]) == 2
    (repository / "net.py").write_text("def wide(width):\n    pass\n")
    capsys.readouterr()
    assert run(["check", "small", "--against", "../net.py:wide"]) == 2
    assert "hint: --against takes what can be built without" in capsys.readouterr().err


QUICK_AND_SLOW = """
import time
from torch import nn

class Quick(nn.ReLU):
    pass

class Slow(nn.ReLU):
    def forward(self, x):
        if not x.is_meta:
            time.sleep(0.1)
        return super().forward(x)
"""


def test_two_models_take_turns_in_one_process(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--against needs no git; the faster of two very different networks is improved.

    However busy the machine, there is time for one pair.
    """
    monkeypatch.setattr("archbench.gates.time.one_process.MEASURE_S", 0.05)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(QUICK_AND_SLOW)
    argv = ["check", "net.py:Quick", "--against", "net.py:Slow", "-i", "3x8x8", "--time"]
    assert run([*argv, "--max-time", "5", "-f", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["base"], document["head"]) == ("net.py:Slow", "net.py:Quick")
    (verdict,) = document["verdicts"]
    assert verdict["verdict"] in ("inconclusive", "improved")  # what 5 s are enough for
    assert verdict["ratio"] < 0.7
