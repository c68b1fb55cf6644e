"""`archbench check --pytest-benchmark`: what files that pytest-benchmark saved can tell."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import comb, log, log1p
from pathlib import Path
from statistics import NormalDist, stdev
from typing import Any

import pytest
from scipy.stats import mannwhitneyu

from archbench.app import run
from archbench.commands.bench.export import as_pytest_benchmark
from archbench.commands.bench.run import bench
from archbench.gates.rules import Rules
from archbench.gates.saved_runs.judge import Sample, detectable_slowdown, judge_saved, took_turns
from archbench.gates.saved_runs.records import SavedBenchmark, SavedRun
from archbench.gates.saved_runs.saved_file import read_saved
from archbench.statistics.rank_sum import p_value, shift, shift_interval, smallest_p
from archbench.timing.jobs import Job

Captured = pytest.CaptureFixture[str]
START = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = {
    "node": "a",
    "system": "Linux",
    "cpu": {"brand_raw": "Example"},
    "python_version": "3.12",
}


@pytest.mark.parametrize("seed", range(20))
def test_the_rank_test_is_scipys(seed: int) -> None:
    """The same p-value, one-sided, for samples of any two sizes without ties."""
    rng = random.Random(seed)
    before = [rng.gauss(0, 1) for _ in range(rng.randint(1, 9))]
    after = [rng.gauss(0.5, 1) for _ in range(rng.randint(1, 9))]
    expected = mannwhitneyu(after, before, alternative="greater", method="exact").pvalue
    assert p_value(before, after) == pytest.approx(expected, abs=1e-12)


def test_the_smallest_p_is_one_order_of_all() -> None:
    """Of 252 orders of five and five values one has all of the second above the first."""
    assert p_value([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == smallest_p(5, 5) == 1 / comb(10, 5)


def test_equal_values_are_no_evidence() -> None:
    """Ties count for neither side, in both directions."""
    assert p_value([1.0] * 5, [1.0] * 5) == 1.0
    assert p_value([1, 1, 1, 1, 1], [1, 1, 1, 1, 2]) > 0.5


@pytest.mark.parametrize("n", [4, 5, 8])
def test_the_interval_covers_the_shift(n: int) -> None:
    """In at least 95 % of 2,000 draws of heavy-tailed values; binomially, 93.5 % at the least."""
    rng = random.Random(n)
    held = 0
    for _ in range(2000):
        before = [rng.gauss(0, 1) / (rng.random() + 0.1) for _ in range(n)]
        after = [0.7 + rng.gauss(0, 1) / (rng.random() + 0.1) for _ in range(n)]
        interval = shift_interval(before, after)
        assert interval is not None
        assert interval[0] <= shift(before, after) <= interval[1]
        held += interval[0] <= 0.7 <= interval[1]
    assert held / 2000 >= 0.935


def test_three_values_a_side_have_no_interval() -> None:
    """Of 20 orders the most extreme two are 10 %, above the 5 % that may be left out."""
    assert shift_interval([1, 2, 3], [4, 5, 6]) is None
    assert shift_interval([1, 2, 3, 4], [5, 6, 7, 8]) == (1, 7)


def saved(
    values: dict[str, float], minute: int | None, machine: dict[str, str] | None = None
) -> SavedRun:
    ended = None if minute is None else START + timedelta(minutes=minute)
    found = {name: SavedBenchmark((value,)) for name, value in values.items()}
    return SavedRun(f"{minute}.json", ended, machine or {"cpu": "x"}, found)


def sides(
    before: Sequence[float], after: Sequence[float], in_turn: bool = True
) -> tuple[list[SavedRun], list[SavedRun]]:
    """Make a file of each value; the sides take turns, or stand one behind the other."""
    gap = 1 if in_turn else 1000
    first = [saved({"a": value}, 2 * i) for i, value in enumerate(before)]
    return first, [saved({"a": value}, 2 * i + gap) for i, value in enumerate(after)]


def word(before: list[SavedRun], after: list[SavedRun]) -> str:
    (verdict,) = judge_saved(before, after, Rules()).verdicts
    return verdict.verdict


NOISE = [1.0, 1.01, 0.99, 1.005, 0.995]


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.0, "ok"), (1.1, "regressed"), (0.9, "improved"), (1.04, "regressed")],
)
def test_five_a_side_decide(factor: float, expected: str) -> None:
    """Noise of 1 %; five that do not overlap have p 1/252."""
    assert word(*sides(NOISE, [factor * x for x in NOISE])) == expected


def test_a_sure_but_negligible_slowdown_is_none() -> None:
    """0.5 % slower without a doubt is below the 1 % that is worth a word."""
    tight = [1 + 1e-5 * i for i in range(5)]
    assert word(*sides(tight, [1.005 * x for x in tight])) == "ok"


def test_one_file_a_side_supports_no_verdict() -> None:
    """However large the difference: and it says how many would."""
    (verdict,) = judge_saved(*sides([1.0], [2.0]), Rules()).verdicts
    assert verdict.verdict == "inconclusive"
    assert verdict.note == (
        "1 run before and 1 after cannot support a verdict on 1 benchmark: 5 a side can"
    )
    assert verdict.ratio == pytest.approx(2.0)
    assert (verdict.low, verdict.high, verdict.mde) == (None, None, None)


def test_one_file_of_many_processes_does() -> None:
    """`archbench bench --export` notes every process's median."""
    before = SavedRun("a", START, {}, {"a": SavedBenchmark(tuple(NOISE))})
    after = SavedRun("b", START, {}, {"a": SavedBenchmark(tuple(1.6 * x for x in NOISE))})
    assert word([before], [after]) == "regressed"


def test_blocks_are_believed_beyond_what_machines_wander() -> None:
    """All before, then all after: 10 % may be the machine, 60 % is not; equality neither."""
    assert word(*sides(NOISE, [1.1 * x for x in NOISE], in_turn=False)) == "inconclusive"
    assert word(*sides(NOISE, NOISE, in_turn=False)) == "inconclusive"
    assert word(*sides(NOISE, [1.6 * x for x in NOISE], in_turn=False)) == "regressed"
    assert word(*sides(NOISE, [0.5 * x for x in NOISE], in_turn=False)) == "improved"


def test_files_that_do_not_tell_when_did_not_take_turns() -> None:
    """Nobody knows, so what they say is weighed as if they had not."""
    before = [saved({"a": x}, None) for x in NOISE]
    after = [saved({"a": 1.1 * x}, None) for x in NOISE]
    assert word(before, after) == "inconclusive"


def test_other_machines_are_not_compared() -> None:
    """And what differs is named."""
    before, after = sides(NOISE, NOISE)
    after[2] = saved({"a": 1.0}, 5, {"cpu": "y"})
    (verdict,) = judge_saved(before, after, Rules()).verdicts
    assert verdict.verdict == "not_comparable"
    assert verdict.note == "cpu is x in one file and y in another"


def test_benchmarks_of_one_side_are_new_or_missing() -> None:
    """And the others are judged all the same."""
    before = [saved({"a": x, "old": 1.0}, 2 * i) for i, x in enumerate(NOISE)]
    after = [saved({"a": x, "new": 1.0}, 2 * i + 1) for i, x in enumerate(NOISE)]
    found = judge_saved(before, after, Rules())
    assert {v.cell: v.verdict for v in found.verdicts} == {
        "a": "ok",
        "old": "missing",
        "new": "new",
    }


def test_many_benchmarks_need_more_runs() -> None:
    """Of ten, one that is 1/252 sure may be chance: Holm asks for 1 / 1,000."""
    names = [f"b{i}" for i in range(10)]
    rng = random.Random(0)
    before = [saved({n: rng.gauss(1, 0.01) for n in names}, 2 * i) for i in range(5)]
    after = [
        saved({n: rng.gauss(1, 0.01) * (1.5 if n == "b0" else 1) for n in names}, 2 * i + 1)
        for i in range(5)
    ]
    found = {v.cell: v for v in judge_saved(before, after, Rules()).verdicts}
    assert found["b0"].verdict == "inconclusive"
    assert "7 a side can" in found["b0"].note


@pytest.mark.parametrize("word", ["regressed", "improved"])
def test_false_alarms_are_as_rare_as_promised(word: str) -> None:
    """Of 2,000 runs of four equal benchmarks, seven files a side, at most 1 % say so.

    Binomially at most 34 of 2,000 at 1 %, in 999 of 1,000 cases; at 2 % half of them are above 40.
    """
    rng = random.Random(1)
    alarms = 0
    for _ in range(2000):
        runs = [saved({n: 2 ** rng.gauss(0, 0.1) for n in "abcd"}, i) for i in range(14)]
        found = judge_saved(runs[::2], runs[1::2], Rules())
        alarms += any(v.verdict == word for v in found.verdicts)
    assert alarms <= 34


@pytest.mark.parametrize(("size", "benchmarks"), [(5, 1), (6, 1), (6, 2), (9, 4)])
def test_what_could_have_been_seen_is_seen_nine_times_in_ten(size: int, benchmarks: int) -> None:
    """The same rule over noise of its own, 1,000 times; binomially 87 to 93 % at 90 %."""
    rng = random.Random(size)
    limit = Rules().alpha / benchmarks
    typical = [0.02 * q for q in quantiles_of_a_normal(size)]
    mde = detectable_slowdown(Sample(typical, typical, True), limit, Rules())
    assert mde is not None
    sd = stdev(typical)
    seen = 0
    for _ in range(1000):
        before = [rng.gauss(0, sd) for _ in range(size)]
        after = [log1p(mde) + rng.gauss(0, sd) for _ in range(size)]
        seen += p_value(before, after) <= limit and shift(before, after) >= log1p(0.01)
    assert 0.87 <= seen / 1000 <= 0.93


def quantiles_of_a_normal(size: int) -> list[float]:
    return [NormalDist().inv_cdf((i + 0.5) / size) for i in range(size)]


def test_blocks_are_told_that_they_see_less() -> None:
    """What wanders between them has to be exceeded first."""
    limit = Rules().alpha
    turns, blocks = (
        detectable_slowdown(
            Sample([log(x) for x in NOISE], [log(x) for x in NOISE], in_turn), limit, Rules()
        )
        for in_turn in (True, False)
    )
    assert turns is not None
    assert blocks is not None
    assert turns < 0.05
    assert blocks > 0.27


def test_one_straggler_does_not_make_blocks_take_turns() -> None:
    """Ten before, ten after, and one before again: still two blocks."""
    before = [saved({"a": 1.0 + i / 1000}, i) for i in range(10)]
    after = [saved({"a": 1.1 + i / 1000}, 20 + i) for i in range(10)]
    assert word([*before, saved({"a": 1.0}, 40)], after) == "inconclusive"


@pytest.mark.parametrize(
    ("order", "expected"),
    [("ABAB", True), ("ABBA", True), ("BAAB", True), ("AABB", False), ("AAAB", False)],
)
def test_turns(order: str, expected: bool) -> None:
    """By hand: the share of pairs of one run of each side in which A's is the older."""
    runs = [saved({"a": 1.0}, i) for i in range(len(order))]
    first = [run for run, side in zip(runs, order, strict=True) if side == "A"]
    second = [run for run, side in zip(runs, order, strict=True) if side == "B"]
    assert took_turns(first, second) == expected


def test_other_work_is_not_compared() -> None:
    """A cell that archbench noted has another batch now; a benchmark beside it is judged."""
    before, after = sides(NOISE, NOISE)

    def with_b(run: SavedRun, batch_size: str) -> SavedRun:
        b = SavedBenchmark((1.0,), {"batch size": batch_size})
        return replace(run, benchmarks={**run.benchmarks, "b": b})

    found = judge_saved(
        [with_b(run, "1") for run in before], [with_b(run, "2") for run in after], Rules()
    )
    assert [v.verdict for v in found.verdicts] == ["ok", "not_comparable"]
    assert found.verdicts[1].note == "batch size is 1 in one file and 2 in another"


def document(data: dict[str, list[float]], minute: int = 0, **more: Any) -> dict[str, Any]:
    """Make what pytest-benchmark saves."""
    return {
        "machine_info": MACHINE,
        "commit_info": {},
        "datetime": (START + timedelta(minutes=minute)).isoformat(),
        "version": "5.2.0",
        "benchmarks": [
            {"name": name, "fullname": f"t.py::{name}", "extra_info": {}, "stats": {"data": times}}
            for name, times in data.items()
        ],
        **more,
    }


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], list[str]]:
    """Write five files a side, in turn; the second side is so much slower."""
    monkeypatch.chdir(tmp_path)

    def written(factor: float) -> list[str]:
        names: dict[str, list[str]] = {"before": [], "after": []}
        for i, x in enumerate(NOISE):
            for side, times in (("before", 1.0), ("after", factor)):
                path = Path(f"{side}{i}.json")
                minute = 2 * i + (side == "after")
                value = document({"test_a": [times * x, times * x * 1.5, times * x * 0.9]}, minute)
                path.write_text(json.dumps(value))
                names[side].append(str(path))
        return [*names["before"], "--", *names["after"]]

    return written


def test_the_command_judges_files(files: Callable[[float], list[str]], capsys: Captured) -> None:
    """A slowdown of a fifth is exit code 1; the ratio is that of the medians."""
    assert run(["check", "-f", "json", "--pytest-benchmark", *files(1.2)]) == 1
    found = json.loads(capsys.readouterr().out)
    (verdict,) = found["verdicts"]
    assert verdict["cell"] == "t.py::test_a"
    assert verdict["verdict"] == "regressed"
    assert verdict["ratio"] == pytest.approx(1.2, rel=0.02)
    assert verdict["p"] == pytest.approx(1 / 252)
    assert run(["check", "--pytest-benchmark", *files(1.0)]) == 0
    assert "1 ok" in capsys.readouterr().out


def test_options_may_stand_before_the_files(
    files: Callable[[float], list[str]], capsys: Captured
) -> None:
    """The -- stays where it is, whatever stands before it."""
    words = files(1.0)
    assert run(["check", "--strict", "-f", "csv", "--pytest-benchmark", *words]) == 0
    assert capsys.readouterr().out.startswith("cell,metric,verdict,ratio,low,high,mde,p,note\n")


def test_one_file_a_side_is_said_plainly(
    files: Callable[[float], list[str]], capsys: Captured
) -> None:
    """Exit code 0 and a warning; 4 under --strict."""
    files(1.5)
    words = ["check", "--pytest-benchmark", "before0.json", "--", "after0.json"]
    assert run(words) == 0
    out, err = capsys.readouterr()
    assert "1 run before and 1 after cannot support a verdict on 1 benchmark" in out
    assert "1 cell is inconclusive; --strict would exit 4" in err
    assert run(["check", "--strict", *words[1:]]) == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.json"], "two sides of saved runs are needed, with -- between them"),
        (["a.json", "--"], "two sides of saved runs are needed, with -- between them"),
        (["--", "a.json"], "two sides of saved runs are needed, with -- between them"),
        (["a.json", "--", "a.json"], "'a.json' holds the process of 'a.json', which counts once"),
        (["a.json", "--", "copy.json"], "'copy.json' holds the process of 'a.json'"),
        (["a.json", "--", "none.json"], "'none.json' cannot be read: no such file or directory"),
        (["a.json", "--", "text.json"], "'text.json' is not JSON"),
        (["a.json", "--", "list.json"], "'list.json' holds no benchmarks of pytest-benchmark"),
        (["a.json", "--", "zero.json"], "'t.py::a' of 'zero.json' has no times"),
        (["a.json", "--", "nan.json"], "'t.py::a' of 'nan.json' has no times"),
        (["a.json", "--", "twice.json"], "a benchmark of 'twice.json' has no name of its own"),
        (["a.json", "--", "b.json", "--time"], "'--time' stands behind the files"),
        (["a.json", "--", "deep.json"], "'deep.json' is not JSON"),
        (["a.json", "--", "bytes.json"], "'bytes.json' is not JSON"),
        (["a.json", "--", "huge.json"], "'t.py::a' of 'huge.json' has no times"),
        (["a.json", "--", "other.json", "-o", "a.json"], "'-o' stands behind the files"),
    ],
)
def test_bad_input_is_refused(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    """One line, a hint, exit code 2."""
    monkeypatch.chdir(tmp_path)
    twice = document({"a": [1.0]})
    twice["benchmarks"] *= 2
    held = {
        "a": document({"a": [1.0]}),
        "list": [1],
        "zero": document({"a": [0.0]}),
        "nan": document({"a": [float("nan")]}),
        "twice": twice,
    }
    for name, value in held.items():
        Path(f"{name}.json").write_text(json.dumps(value))
    Path("copy.json").write_bytes(Path("a.json").read_bytes())
    Path("text.json").write_text("benchmarks: none")
    Path("deep.json").write_text("[" * 100_000)
    Path("bytes.json").write_bytes(b"\xff\xfe{}")
    Path("huge.json").write_text(json.dumps(document({"a": [10**400]})))  # type: ignore[list-item]
    assert run(["check", "--pytest-benchmark", *words]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"archbench: {said}")
    assert lines[1].startswith("hint: ")
    assert len(lines) == 2


@pytest.mark.parametrize("odd", [None, 5, "x", [], [{}], {}, {"python": 1}])
def test_what_another_suite_writes_is_read(odd: Any, tmp_path: Path) -> None:
    """Whatever stands in place of the machine, of the time and of what archbench notes."""
    saved = document({"a": [3.0, 1.0, 2.0]}, machine_info=odd)
    saved["datetime"] = odd
    (benchmark,) = saved["benchmarks"]
    notes = [odd, {"archbench": odd}, {"archbench": {"cell": odd}}]
    for noted in [*notes, {"archbench": {"environment": odd}}]:
        benchmark["extra_info"] = noted
        path = tmp_path / "a.json"
        path.write_text(json.dumps(saved))
        (found,) = read_saved([path])
        assert found.saved_at is None
        assert set(found.machine.values()) == {"unknown"}
        assert found.benchmarks["t.py::a"].medians_s == (2.0,)


def test_idle_options_are_refused(capsys: Captured) -> None:
    """Whoever gives one believes that it does something."""
    for option in (["--allow", "macs:+1%"], ["--threads", "2"], ["--lock", "x"]):
        assert run(["check", *option, "--pytest-benchmark", "a", "--", "b"]) == 2
        assert "has no part in judging saved runs" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["-o", "--junit", "--summary"])
def test_saved_runs_are_never_written_over(
    files: Callable[[float], list[str]], option: str, capsys: Captured
) -> None:
    """Raw data cannot be had again."""
    words = files(1.0)
    held = Path("after0.json").read_text()
    assert run(["check", option, "after0.json", "--pytest-benchmark", *words]) == 2
    assert "would be lost" in capsys.readouterr().err
    assert Path("after0.json").read_text() == held


def test_files_without_a_benchmark_are_no_measurement(tmp_path: Path, capsys: Captured) -> None:
    """Exit code 5, and a line."""
    for minute, name in enumerate("ab"):
        (tmp_path / f"{name}.json").write_text(json.dumps(document({}, minute)))
    paths = [str(tmp_path / "a.json"), "--", str(tmp_path / "b.json")]
    assert run(["check", "--pytest-benchmark", *paths]) == 5
    assert "hold no benchmark at all" in capsys.readouterr().err


def test_no_benchmark_in_common_is_said(tmp_path: Path, capsys: Captured) -> None:
    """Missing and new, and nothing in between."""
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps(document({name: [1.0]})))
    paths = [str(tmp_path / "a.json"), "--", str(tmp_path / "b.json")]
    assert run(["check", "--pytest-benchmark", *paths]) == 0
    assert "1 missing, 1 new" in capsys.readouterr().out


def test_the_logarithm_of_a_ratio_is_what_is_judged() -> None:
    """The ratio of sides that swap is the inverse, to the last digits."""
    before, after = sides(NOISE, [1.3 * x for x in NOISE])
    (there,) = judge_saved(before, after, Rules()).verdicts
    (back,) = judge_saved(after, before, Rules()).verdicts
    assert there.ratio is not None
    assert back.ratio is not None
    assert log(there.ratio) == pytest.approx(-log(back.ratio))


def test_benchmarks_of_models_with_settings_are_read_back(
    machine: Callable[[], list[Job]], tmp_path: Path
) -> None:
    """One network in two ways is two benchmarks, each under its MODEL as it is written."""
    models = ["resnet20[shortcut=B]", "resnet20[shortcut=B,channels_last]"]
    path = tmp_path / "saved.json"
    path.write_text(as_pytest_benchmark(bench(models, sessions=2)))
    (saved,) = read_saved([path])
    names = [f"archbench bench::{model}[batch 1, " for model in models]
    assert len(saved.benchmarks) == 2
    assert all(found.startswith(name) for found, name in zip(saved.benchmarks, names, strict=True))
    conditions = [one.conditions["channels last"] for one in saved.benchmarks.values()]
    assert conditions == ["False", "True"]
