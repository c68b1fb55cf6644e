"""`archbench compare`: what differs between networks, and how their times compare."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import archbench
from archbench.commands.compare.changes import structure_verdict, with_times
from archbench.commands.compare.report import time_report
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Session
from tests.command_line import outcome, succeed

comparing = import_module("archbench.commands.compare.run")  # archbench.compare is the function


def test_compare_says_that_nothing_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """resnet34 and plain34: equal in everything that is counted, but for the additions."""
    out = succeed(capsys, "compare", "resnet34", "plain34", "--no-bench")
    assert "plain34 and resnet34: no difference in params or MACs, in total or in any stage." in out
    assert "≠" not in out
    row = next(line for line in out.split("\n") if line.startswith("aten.add "))
    assert row.split() == ["aten.add", "16", "0"]


def test_compare_marks_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    """By stage, and in words; several models against the first."""
    out = succeed(capsys, "compare", "resnet34", "resnet34-b", "resnet18", "--no-bench")
    marked = [line for line in out.split("\n") if line.rstrip().endswith("≠ params, MACs")]
    assert [line.split()[0] for line in marked] == ["conv2_x", "conv3_x", "conv4_x", "conv5_x"]
    assert "resnet34-b against resnet34: params larger, 1.008 times as many; MACs larger" in out
    assert "resnet18 against resnet34: params smaller, 0.533 times as many" in out


def test_the_labels_of_many_networks_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """Beyond the 26 letters there are two letters a network, as in the columns of a spreadsheet."""
    out = succeed(capsys, "compare", *["resnet20"] * 29, "--no-bench")
    labels = [line.split()[0] for line in out.split("\n") if "  269,722" in line]
    assert labels == [*ascii_uppercase, "AA", "AB", "AC"]


def test_compare_measures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Latency of both with an interval of the ratio, over fresh processes that really run."""
    comparison_jobs = comparing.comparison_jobs

    def briefly(*args: Any) -> list[Job]:
        """However long a busy machine takes to start a process: half a second each."""
        return [replace(job, measure_s=0.5) for job in comparison_jobs(*args)]

    monkeypatch.setattr(comparing, "comparison_jobs", briefly)
    argv = ["compare", "resnet20", "plain20", "-i", "8", "--sessions", "3", "--max-time", "300"]
    document = json.loads(succeed(capsys, *argv, "-f", "json"))
    assert document["schema"] == "archbench.compare/1"
    assert [model["name"] for model in document["models"]] == ["resnet20", "plain20"]
    assert document["models"][0]["totals"]["params"] == 269_722
    timing = document["models"][1]["timing"]
    assert timing["latency_median_s"] > 0
    assert timing["samples"] >= 3
    assert timing["sessions"] == 3
    change = document["changes"][-1]
    assert (change["metric"], change["subject"], change["model"]) == (
        "latency_median_s", "total", "plain20",
    )  # fmt: skip
    assert change["low"] <= change["ratio"] <= change["high"]
    assert change["verdict"] in ("faster", "slower", "no_difference", "inconclusive")


@pytest.mark.parametrize(
    ("factors", "said"),
    [
        ((1, 1.01, 0.99), "A difference of "),
        ((1, 100, 0.01), "Not even twice the time would be seen nine times in ten."),
        ((1, 100), "one or two processes give no interval"),
    ],
)
def test_what_would_have_been_seen_is_a_figure_only_where_it_says_something(
    factors: tuple[float, ...], said: str
) -> None:
    """Processes that disagree a hundredfold show no difference that is worth a percentage."""
    structure = archbench.compare("resnet20", "plain20", no_bench=True)
    cells = Cell("resnet20"), Cell("plain20")
    sessions = [
        Session(cells, i, 0, ((1_000_000,) * 3, (round(1_000_000 * factor),) * 3))
        for i, factor in enumerate(factors)
    ]
    note = time_report(with_times(structure, sessions)).notes[-1]
    assert said in note
    assert max((float(n) for n in re.findall(r"([0-9.]+)%", note)), default=0) < 100


def test_compare_without_measuring_has_no_timing(capsys: pytest.CaptureFixture[str]) -> None:
    """null, not 0."""
    argv = ["compare", "resnet20", "plain20", "--no-bench", "-f", "json"]
    document = json.loads(succeed(capsys, *argv))
    assert [model["timing"] for model in document["models"]] == [None, None]
    assert {change["verdict"] for change in document["changes"]} <= {"equal", "smaller", "larger"}


@given(
    a=st.integers(0, 5), b=st.integers(0, 5), more_a=st.integers(0, 9), more_b=st.integers(0, 9),
    a_is_whole=st.booleans(), b_is_whole=st.booleans(),
)  # fmt: skip
def test_a_verdict_on_lower_bounds_holds_whatever_is_missing(
    a: int, b: int, more_a: int, more_b: int, a_is_whole: bool, b_is_whole: bool
) -> None:
    """Counts that were not seen may be added to either side: the verdict stays true."""
    verdict = structure_verdict(a, b, a_is_whole, b_is_whole)
    true = structure_verdict(a + (0 if a_is_whole else more_a), b + (0 if b_is_whole else more_b))
    assert verdict in ("unknown", true)
    if a_is_whole and b_is_whole:
        assert verdict != "unknown"


def test_networks_whose_counts_are_incomplete_are_not_called_smaller(
    nets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bound has its sign, the verdict is unknown, and --strict exits with 4."""
    argv = ["nets.py:build", "nets.py:Secret", "-i", "3x8x8", "--no-bench"]
    table = succeed(capsys, "compare", *argv)
    assert "≥ 6,952" in table
    assert "MACs of nets.py:Secret are a lower bound: no rule for nets.secret (1x)" in table
    assert "MACs cannot be compared" in table
    assert "times as many MACs" not in table
    found = json.loads(succeed(capsys, "compare", *argv, "-f", "json"))
    totals = {c["metric"]: c for c in found["changes"] if c["subject"] == "total"}
    assert totals["macs"]["verdict"] == "unknown"
    assert (totals["macs"]["ratio"], totals["macs"]["complete"]) == (None, False)
    assert (totals["params"]["verdict"], totals["params"]["complete"]) == ("equal", True)
    code, _, err = outcome("compare", capsys, *argv, "--strict")
    assert code == 4
    assert "undecided: macs of nets.py:Secret" in err


def test_models_are_named_one_by_one_or_in_a_list() -> None:
    """compare("resnet20", "plain20") is what one writes first."""
    found = archbench.compare("resnet20", "plain20", no_bench=True)
    assert [profile.model for profile in found.profiles] == ["resnet20", "plain20"]
    assert archbench.compare(["resnet20", "plain20"], no_bench=True) == found


def test_one_network_at_two_sizes_is_a_comparison(capsys: pytest.CaptureFixture[str]) -> None:
    """Inception-v3 at its own 299 and at 224: 5.71 and 2.84 G MACs, as two summaries have them."""
    argv = ["compare", "inception-v3", "inception-v3[input=224]", "--no-bench", "-f", "json"]
    models = json.loads(succeed(capsys, *argv))["models"]
    alone = [archbench.profile("inception-v3", size).totals.macs for size in (299, 224)]
    assert [model["totals"]["macs"] for model in models] == alone
    assert [round(macs / 1e9, 2) for macs in alone] == [5.71, 2.84]


def test_a_way_of_the_model_wins_over_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    """The others have the option's, and each row is named as its MODEL is written."""
    argv = ["compare", "resnet20", "resnet20[shortcut=B,batch=1]", "-b", "2", "--no-bench"]
    out = succeed(capsys, *argv, "--model-kwargs", "shortcut=C", "-f", "json")
    models = json.loads(out)["models"]
    own = archbench.profile("resnet20", model_kwargs={"shortcut": "B"}).totals.macs
    assert models[1]["totals"]["macs"] == own
    twice = archbench.profile("resnet20", batch_size=2, model_kwargs={"shortcut": "C"})
    assert models[0]["totals"]["macs"] == twice.totals.macs
    assert [model["name"] for model in models] == ["resnet20", "resnet20[shortcut=B,batch=1]"]


def test_no_two_rows_have_one_name() -> None:
    """Neither two objects of one class nor one MODEL that is named twice."""
    nets = [archbench.build("resnet20"), archbench.build("plain20")]
    found = archbench.compare(nets, input_size=32, no_bench=True)
    assert len({profile.model for profile in found.profiles}) == 2
    found = archbench.compare("resnet20", "resnet20", no_bench=True)
    assert [profile.model for profile in found.profiles] == ["resnet20", "resnet20 (2)"]


def test_the_ways_of_both_are_told(
    machine: Callable[[], list[Job]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Batches, precisions and threads that differ stand in one line, in the models' order."""
    argv = ["compare", "resnet20", "resnet20[batch=4,precision=bf16,channels_last,threads=1]"]
    out = succeed(capsys, *argv, "--sessions", "3", "--threads", "2")
    ways = "batch 1 against 4; 2 threads against bf16 channels-last 1 thread"
    assert f"3 fresh processes; {ways}, models in turn" in " ".join(out.split())
    cells = machine()[0].cells
    assert [(c.batch_size, c.precision, c.channels_last, c.threads) for c in cells] == [
        (1, "fp32", False, 2), (4, "bf16", True, 1)
    ]  # fmt: skip
    assert [cell.compiled for cell in cells] == [None, None]
    succeed(capsys, "compare", "resnet20[compile=false]", "resnet20", "--compile")
    assert [cell.compiled for cell in machine()[-1].cells] == [None, "default"]
