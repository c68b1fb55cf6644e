"""The gate's own test: what it counts, on a machine that is made up."""

import json
import random
from dataclasses import replace
from math import log
from pathlib import Path
from typing import Any

import pytest
import torch

from archbench.app import run
from archbench.commands.selftest import neighbour
from archbench.commands.selftest.power import rate_of_draws, rate_of_runs
from archbench.commands.selftest.report import power_svg
from archbench.commands.selftest.run import selftest
from archbench.commands.selftest.slow_network import (
    CALIBRATION_PASSES,
    CALIBRATION_PRODUCTS,
    COMMON_PRODUCTS,
    build,
)
from archbench.errors import ArchbenchError
from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.time.pairing import Sides
from archbench.gates.time.pairs import Pair
from archbench.timing.records import Failure
from archbench.timing.sessions.model_cells import Ways
from tests.gates.time.test_time_gate import with_ratio

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[Pair]:
    """Two processes differ by 1 %."""
    rng = random.Random(0)
    measured: list[Pair] = []

    def run_pair(pair: Pair, sides: Sides) -> Pair:
        assert sides.base[0].arguments["slowdown"] == 0
        slowdown = sides.head[0].arguments["slowdown"]
        done = with_ratio(pair, log(1 + slowdown) + rng.gauss(0, 0.01))
        measured.append(done)
        return done

    monkeypatch.setattr("archbench.gates.time.pairing.run_pair", run_pair)
    return measured


def test_slowdowns_are_found_and_equal_sides_are_not(machine: list[Pair], tmp_path: Path) -> None:
    """Counted by model, size and source; measured is what was built in."""
    found = selftest(["resnet20"], 6, (0.03, 0.1), 3, tmp_path / "records", resample=50)
    rates = {(rate.source, rate.slowdown): rate for rate in found.rates}
    assert set(rates) == {(s, x) for s in ("run", "resampled") for x in (0.0, 0.03, 0.1)}
    assert rates["run", 0.0].found == 0
    assert rates["run", 0.0].runs == 6
    assert rates["run", 0.1].found == rates["run", 0.1].runs == 3
    assert rates["resampled", 0.1].found == 50
    assert rates["run", 0.1].measured == pytest.approx(0.1, abs=0.02)
    # the controls of all gates are pairs of equal sides, too
    assert rates["resampled", 0.0].pairs >= (6 + 3 + 3) * 5 + 6 * 5
    assert 0 <= rates["run", 0.0].low <= rates["run", 0.0].high < 0.5


def test_what_was_recorded_is_not_run_again(machine: list[Pair], tmp_path: Path) -> None:
    """But a gate that was interrupted is."""
    first = selftest(["resnet20"], 3, (0.1,), 1, tmp_path, resample=0)
    before = len(machine)
    again = selftest(["resnet20"], 3, (0.1,), 1, tmp_path, resample=0)
    assert again == first
    assert len(machine) == before
    path = tmp_path / "resnet20-0-001.jsonl"
    path.write_text("\n".join(path.read_text().split("\n")[:4]))
    selftest(["resnet20"], 3, (0.1,), 1, tmp_path, resample=0)
    assert len(machine) >= before + 10
    assert not (tmp_path / "resnet20-0-001.jsonl").read_text().count("\n") < 11


@pytest.mark.parametrize(
    "other", [{"busy": True}, {"one_process": True}, {"ways": Ways(device="cpu", threads=2)}]
)
def test_gates_of_another_test_are_not_taken_for_its_own(
    machine: list[Pair], tmp_path: Path, other: dict[str, Any]
) -> None:
    """Refused before anything runs; nothing is removed."""
    selftest(["resnet20"], 2, (), 1, tmp_path, resample=0)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ArchbenchError, match="holds gates of another test"):
        selftest(["resnet20"], 2, (), 1, tmp_path, resample=0, **other)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_what_is_asked_for_twice_is_run_once(machine: list[Pair], tmp_path: Path) -> None:
    """Models and slowdowns."""
    found = selftest(["resnet20"] * 2, 2, (0.1, 0.1), 2, tmp_path, resample=0)
    assert [(rate.slowdown, rate.runs) for rate in found.rates] == [(0.0, 2), (0.1, 2)]


def test_a_file_is_no_folder_for_gates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Two lines, exit 2; so is a picture that cannot be written, before hours have passed."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    for argv in (["--record", "file"], ["--plot", "nowhere/power.svg"]):
        assert run(["selftest", "resnet20", *argv]) == 2
        assert "hint: " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_cannot_be_measured_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first pair; the gate is not taken for one that was run."""

    def run_pair(pair: Pair, sides: Sides) -> Pair:
        return replace(pair, failure=Failure("failed", "no memory", "a smaller one"), failed="base")

    monkeypatch.setattr("archbench.gates.time.pairing.run_pair", run_pair)
    with pytest.raises(ArchbenchError, match="no memory"):
        selftest(["resnet20"], 3, (0.1,), 1, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_busy_neighbour_comes_and_goes(
    machine: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the first five pairs of every gate; none is left."""
    started: list[int] = []
    ended: list[int] = []

    class Process:
        def __init__(self, *argv: object, **settings: object) -> None:
            started.append(len(machine))

        def end(self) -> None:
            ended.append(len(machine))

    monkeypatch.setattr(neighbour, "Child", Process)
    selftest(["resnet20"], 2, (), 1, tmp_path, resample=0, busy=True)
    assert started[0] == 5
    assert len(started) == len(ended) == 2


def test_rates_have_exact_intervals() -> None:
    """Clopper and Pearson's: of 0 in 20 up to 16.8 %, by hand 1 - 0.025^(1/20)."""
    rate = rate_of_runs("a", 0.0, ["ok"] * 20, [0.0], [3.0], [2.0])
    assert (rate.found, rate.rate, rate.low) == (0, 0.0, 0.0)
    assert rate.high == pytest.approx(1 - 0.025 ** (1 / 20))
    said: list[Word] = ["regressed", "inconclusive", "regressed"]
    some = rate_of_runs("a", 0.05, said, [0.05], [1, 2, 9], [0.5, 2, 1])
    assert (some.found, some.runs, some.wall_s, some.cell_s) == (2, 3, 2, 1)
    assert some.words == {"regressed": 2, "inconclusive": 1}


def test_drawn_gates_follow_the_same_rules() -> None:
    """Pairs far from 0 are always called, equal sides seldom; if they lean, that shows."""
    assert rate_of_draws("a", 0.1, [0.09, 0.1, 0.11], Rules(), 20, 0).found == 20
    assert rate_of_draws("a", 0.0, [0.02, 0.021], Rules(), 20, 0).found == 20
    assert rate_of_draws("a", 0.0, [0.02, -0.02, 0.001, -0.001], Rules(), 400, 0).found <= 8
    assert rate_of_draws("a", 0.0, [0.001], Rules(), 20, 0).words == {"ok": 20}


@pytest.mark.parametrize("slowdown", [0.0, 0.05, 0.5])
def test_the_slowdown_is_work_and_changes_no_result(slowdown: float) -> None:
    """The same numbers come out; as many products are run as their time makes the slowdown."""
    torch.manual_seed(0)
    slowed = build("resnet20", {}, slowdown).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for _ in range(CALIBRATION_PASSES):
            assert slowed.products is None
            slowed(x)
        assert slowed.products is not None
        with torch.profiler.profile() as profiler:
            out = slowed(x)
    assert torch.equal(out, slowed.network(x).detach())
    counts = {event.key: event.count for event in profiler.key_averages()}
    assert counts["aten::mm"] == COMMON_PRODUCTS + slowed.products
    product_ns = min(slowed._products_ns) / CALIBRATION_PRODUCTS
    share = slowed.products * product_ns / min(slowed._passes_ns)
    assert share == pytest.approx(slowdown, abs=0.01)


def test_from_the_command_line(
    machine: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    """Table, JSON, CSV and picture."""
    monkeypatch.chdir(tmp_path)
    argv = ["selftest", "resnet20", "--aa", "2", "--inject", "10", "--runs", "1", "--resample", "9"]
    assert run([*argv, "--plot", "power.svg"]) == 0
    out = capsys.readouterr().out
    assert "put to the test: pairs of processes" in out
    assert (tmp_path / "selftest" / "resnet20-10-000.jsonl").is_file()
    assert "gates that say regressed" in (tmp_path / "power.svg").read_text()
    assert run([*argv, "-f", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "archbench.selftest/1"
    assert len(document["rates"]) == 4
    assert run([*argv, "-f", "csv"]) == 0
    assert len(capsys.readouterr().out.strip().split("\n")) == 5


@pytest.mark.parametrize(
    "argv",
    [["--inject", "0"], ["--inject", "x"], ["--plot", "a.png"], ["--aa", "0", "--inject", ""]],
)
def test_what_cannot_be_tested_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured, argv: list[str]
) -> None:
    """A line and a hint."""
    monkeypatch.chdir(tmp_path)
    assert run(["selftest", "resnet20", *argv]) in (2, 5)
    assert "hint: " in capsys.readouterr().err


def test_the_picture_is_always_the_same(machine: list[Pair], tmp_path: Path) -> None:
    """So that a report changes only when its figures do."""
    found = selftest(["resnet20"], 2, (0.05,), 1, tmp_path, resample=20)
    assert power_svg(found) == power_svg(replace(found))


def test_models_with_settings_are_tested_as_they_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Batch, threads and inputs are the model's own; names that differ in signs only, two files."""
    seen: list[Sides] = []

    def run_pair(pair: Pair, sides: Sides) -> Pair:
        seen.append(sides)
        return with_ratio(pair, 0.0)

    monkeypatch.setattr("archbench.gates.time.pairing.run_pair", run_pair)
    models = ["resnet20[batch=2,threads=2]", "resnet20[shortcut='B']", "resnet20[shortcut=B]"]
    selftest([*models, "resnet20[module=stage3]"], 1, (), 1, tmp_path, resample=0)
    assert len(list(tmp_path.iterdir())) == 4
    heads = {side.head[0].arguments["model"]: side.head[0] for side in seen}
    assert set(heads) == {*models, "resnet20[module=stage3]"}
    assert (heads[models[0]].batch_size, heads[models[0]].threads) == (2, 2)
    assert heads["resnet20[module=stage3]"].inputs == ("float32:32x16x16",)
    assert heads[models[2]].inputs == ("float32:3x32x32",)
