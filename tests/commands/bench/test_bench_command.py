"""`archbench bench`, `compare` and `doctor` as a user types them, on a machine that is made up."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from archbench.app import run
from archbench.timing.jobs import Job
from tests.command_line import succeed
from tests.machines import HERE
from tests.systems import needs_posix

Machine = Callable[[], list[Job]]
Captured = pytest.CaptureFixture[str]


def test_bench_prints_a_row_a_cell(machine: Machine, capsys: Captured) -> None:
    """Latency with its interval, throughput, memory computed and measured, and the machine."""
    out = succeed(capsys, "bench", "resnet20", "-b", "1,8")
    lines = out.split("\n")
    row = next(line for line in lines if line.startswith("resnet20") and " 8 " in line)
    cells = row.split()
    assert cells[:2] == ["resnet20", "8"]
    assert cells[2] == "8.16"  # ms: the median of five processes that differ by 1 % each
    assert float(cells[3]) < 8.16 < float(cells[4])
    assert "10 fresh processes in random turns, 1,000 times" in out
    assert f"fingerprint  {HERE.fingerprint}" in out
    assert {job.cells[0].batch_size for job in machine()} == {1, 8}


def test_every_option_reaches_the_workers(machine: Machine, capsys: Captured) -> None:
    """Spelled as in --help."""
    succeed(
        capsys,
        *("bench", "resnet20", "-i", "64", "-b", "3", "-d", "cpu", "--precision", "bf16"),
        *("--mode", "train", "--optimizer", "adam", "--channels-last", "--compile=max-autotune"),
        *("--cold-cache", "--threads", "1", "--sessions", "2", "--model-kwargs", "num_classes=7"),
    )
    (cell,) = {job.cells[0] for job in machine()}
    assert cell.to_dict() == {
        "model": "resnet20",
        "arguments": {"num_classes": 7},
        "inputs": ["float32:3x64x64"],
        "content": "",
        "batch_size": 3,
        "device": "cpu",
        "precision": "bf16",
        "channels_last": True,
        "compiled": "max-autotune",
        "cuda_graph": False,
        "cold_cache": True,
        "mode": "train",
        "optimizer": "adam",
        "threads": 1,
    }
    assert len(machine()) == 2


def test_compile_takes_its_mode_behind_an_equals_sign_only(
    machine: Machine, capsys: Captured
) -> None:
    """So that a model may stand behind it; compile time is a figure of its own."""
    out = succeed(capsys, "bench", "--compile", "resnet20", "--sessions", "3")
    assert {job.cells[0].compiled for job in machine()} == {"default"}
    assert "resnet20: compiling takes 8.00 s; no latency holds any of it." in out


def test_bench_writes_json_csv_and_markdown(machine: Machine, capsys: Captured) -> None:
    """The keys of the contract; the same figures in all three."""
    argv = ("bench", "resnet20", "plain20", "-b", "2", "--sessions", "3")
    document = json.loads(succeed(capsys, *argv, "-f", "json"))
    assert document["schema"] == "archbench.bench/1"
    assert document["environment"]["threads"] == 2
    first = document["cells"][0]
    assert first["latency_median_s"] == pytest.approx(2.02e-3)
    assert first["sessions"] == 3
    assert first["samples"] == 300
    assert first["peak_memory_bytes"] == 3 * 2**20
    assert first["memory_estimate"]["peak_bytes"] > 0
    assert first["latency_p99_s"] is None  # too few
    assert first["flags"] == []
    frame = pd.read_csv(io.StringIO(succeed(capsys, *argv, "-f", "csv")))
    assert list(frame["model"]) == ["resnet20", "plain20"]
    assert frame["latency_median_s"][0] == pytest.approx(first["latency_median_s"])
    assert set(frame["fingerprint"]) == {HERE.fingerprint}
    assert "| model | batch |" in succeed(capsys, *argv, "-f", "md")


@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
@pytest.mark.parametrize("columns", ["80", "200"])
def test_no_line_is_longer_than_the_terminal(
    machine: Machine,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
    terminal: str,
) -> None:
    """Columns that do not fit are named; the latency always stays; one without colours is alike."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    argv = ("bench", "inception-resnet-v2", "-b", "100", "--mode", "infer,train")
    out = re.sub(r"\x1b\[[0-9;]*m", "", succeed(capsys, *argv))
    assert max(map(len, out.split("\n"))) <= int(columns)
    assert "latency" in out
    assert ("Left out at 80 columns" in out) == (columns == "80")


def test_out_of_memory_is_a_row_and_no_failure(machine: Machine, capsys: Captured) -> None:
    """The batch that was tried, its flag, dashes, and the others beside it."""
    out = succeed(capsys, "bench", "resnet20", "-b", "1000,1")
    row = next(line for line in out.split("\n") if "1,000" in line)
    assert row.split()[2] == "-"
    assert row.rstrip().endswith("oom")
    assert "oom: out of memory at this batch." in out
    assert len(machine()) == 6


def test_a_model_that_fails_ends_with_3_and_the_others_are_told(
    machine: Machine, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was measured is lost."""
    (tmp_path / "mine.py").write_text("from torch import nn\n\nclass Fails(nn.ReLU):\n    pass\n")
    monkeypatch.chdir(tmp_path)
    assert run(["bench", "mine.py:Fails", "-i", "8", "--sessions", "2"]) == 3
    captured = capsys.readouterr()
    assert "mine.py:Fails, batch 1: forward raised" in captured.out
    assert captured.err == "said\n"  # once a model, though two processes said it


def test_layers_have_rows_and_a_picture(
    machine: Machine, capsys: Captured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with its work, its time and its bound; CSV holds the layers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    picture = tmp_path / "roof.svg"
    argv = ("bench", "resnet20", "--layers", "--sessions", "2")
    out = succeed(capsys, *argv, "--plot", str(picture))
    assert "conv1.conv" in out
    assert "unwatched; the layers sum to" in out
    assert "100 GFLOP/s in fp32" in out
    assert picture.read_text().startswith("<?xml")
    frame = pd.read_csv(io.StringIO(succeed(capsys, *argv, "-f", "csv")))
    row = frame.set_index("path").loc["conv1.conv"]
    assert row["macs"] == 442_368
    assert row["time_s"] == pytest.approx(1e-6)
    assert row["bound_s"] == pytest.approx(2 * 442_368 / 1e11)
    document = json.loads(succeed(capsys, *argv, "-f", "json"))
    assert document["cells"][0]["roofline"]["ceilings"]["flops_per_s"] == 1e11
    assert len(list((tmp_path / "cache" / "archbench").iterdir())) == 1


def test_recorded_sessions_are_resumed(machine: Machine, capsys: Captured, tmp_path: Path) -> None:
    """A line a session; the second run measures nothing and prints the same."""
    path = tmp_path / "run.jsonl"
    argv = ("bench", "resnet20", "-b", "1,2", "--record", str(path), "-f", "csv")
    first = succeed(capsys, *argv)
    assert len(path.read_text().splitlines()) == 10
    count = len(machine())
    assert succeed(capsys, *argv, "--resume") == first
    assert len(machine()) == count


def test_fits_finds_a_batch(machine: Machine, capsys: Captured) -> None:
    """Computed, and run: here every batch takes three MiB."""
    out = succeed(capsys, "bench", "resnet20", "--fits", "8MiB", "-f", "json")
    document = json.loads(out)
    assert document["schema"] == "archbench.fits/1"
    cell = document["cells"][0]
    assert cell["limit_bytes"] == 8 * 2**20
    assert cell["attempts"][0]["batch_size"] == cell["predicted_batch"] > 1
    assert cell["found_bytes"] == 3 * 2**20
    assert (
        cell["found_batch"] > cell["predicted_batch"]
    )  # there is room for more than twice as many
    assert "resnet20" in succeed(capsys, "bench", "resnet20", "--fits", "8MiB")


@pytest.mark.parametrize(
    ("argv", "said", "hint"),
    [
        (["bench"], "missing argument", "archbench bench --help"),
        (["bench", "resnte20"], "'resnte20'", "did you mean 'resnet20'?"),
        (["bench", "resnet20", "-b", "1,x"], "batch size 'x'", "1,8,32"),
        (["bench", "resnet20", "-b", ","], "batch size ','", "1,8,32"),
        (["bench", "resnet20", "-b", "0"], "batch size '0'", "1,8,32"),
        (["bench", "resnet20", "--precision", "fp23"], "no precision 'fp23'", "mean 'fp32'?"),
        (["bench", "resnet20", "--mode", "infr"], "no mode 'infr'", "mean 'infer'?"),
        (["bench", "resnet20", "--compile=max"], "'max'", "max-autotune"),
        (["bench", "resnet20", "--precision", "tf32", "-d", "cpu"], "TF32", "-d cuda"),
        (["bench", "resnet20", "--cuda-graph", "-d", "cpu"], "CUDA device", "-d cuda"),
        (["bench", "resnet20", "--sessions", "0"], "--sessions", "--help"),
        (["bench", "resnet20", "--resume"], "nothing to resume from", "--record"),
        (["bench", "resnet20", "--layers", "--compile"], "--layers", "leave those out"),
        (["bench", "resnet20", "--plot", "a.svg"], "--plot draws", "--layers"),
        (["bench", "resnet20", "--layers", "--plot", "a.jpg"], "'a.jpg' is no .svg", ".svg"),
        (["bench", "resnet20", "--layers", "-b", "1,2", "--plot", "a.svg"], "one model at", ""),
        (["bench", "resnet20", "--layers", "--plot", "no/a.svg"], "'no/a.svg' cannot", "folder"),
        (["bench", "resnet20", "--fits", "1GiB", "--layers"], "--fits measures memory", "leave"),
        (
            ["bench", "resnet20", "--fits", "1GiB", "-b", "8"],
            "looks for the batch size itself",
            "-b",
        ),
        (["bench", "resnet20", "--fits", "lots"], "'lots' is not an amount", "24GiB"),
        (["bench", "resnet20", "--fits", "1GiB", "--precision", "amp"], "autocast", "bf16"),
        (["bench", "resnet20", "--record", "no/run.jsonl"], "cannot be written", "folder"),
        (["bench", "vgg16", "-i", "33"], "vgg16", ""),
        (["bench", "resnet20", "-d", "tpu9"], "'tpu9' is not a device", "one of auto"),
        (["doctor", "-d", "cuda"], "no 'cuda' device", "-d cpu"),
        (["compare", "resnet20", "plain20", "--precision", "x"], "no precision 'x'", "there are"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_measured_is_refused_in_two_lines(
    machine: Machine, capsys: Captured, argv: list[str], said: str, hint: str
) -> None:
    """Exit code 2, the offending value, what to do, and nothing was launched."""
    assert run(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().split("\n")
    assert len(lines) <= 2, captured.err
    assert said in lines[0]
    assert hint in captured.err
    assert machine() == []


def test_no_time_is_exit_code_5(capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was measured, which is never a success."""
    import archbench.timing.sessions.schedule as schedule

    clock = iter(range(0, 10**6, 1000))
    monkeypatch.setattr(schedule.run_jobs, "__defaults__", _with_clock(schedule, clock))
    assert run(["bench", "resnet20", "--max-time", "1"]) == 5


def _with_clock(schedule, clock):
    *others, _ = schedule.run_jobs.__defaults__
    return (*others, lambda: next(clock))


def test_compare_is_over_processes(machine: Machine, capsys: Captured) -> None:
    """All models in each of them; here the second takes 10 % longer in every one."""
    out = succeed(capsys, "compare", "resnet20", "plain20")
    assert out.index("no difference in params") < out.index("Latency of one forward pass")
    assert all(len(job.cells) == 2 for job in machine())
    assert len(machine()) == 5
    assert "plain20 takes 1.100 of the time of resnet20" in out
    assert "95 % interval over processes 1.100 to 1.100): slower" in out
    assert "500 rounds in 5 fresh processes" in out
    document = json.loads(succeed(capsys, "compare", "resnet20", "plain20", "-f", "json"))
    timing = document["models"][1]["timing"]
    assert (timing["sessions"], timing["samples"]) == (5, 500)
    assert document["changes"][-1]["verdict"] == "slower"


def test_compare_measures_a_training_step(machine: Machine, capsys: Captured) -> None:
    """And says that it did."""
    out = succeed(capsys, "compare", "resnet20", "plain20", "--mode", "train", "-b", "4")
    assert {job.cells[0].mode for job in machine()} == {"train"}
    assert "Time of one training step" in out
    assert "batch 4, train, momentum" in out


def test_doctor_describes_the_machine(machine: Machine, capsys: Captured) -> None:
    """Its noise, what one may expect to see, what must agree, and advice."""
    out = succeed(capsys, "doctor", "--max-time", "15")
    assert "resnet20 against itself, 500 rounds in 5 fresh processes" in out
    assert re.search(rf"fingerprint +{HERE.fingerprint}", out)
    document = json.loads(succeed(capsys, "doctor", "--max-time", "15", "-f", "json"))
    assert document["schema"] == "archbench.doctor/1"
    assert document["environment"]["fingerprint"] == HERE.fingerprint
    assert document["noise"]["ratio_sd"] == pytest.approx(0.0953, rel=0.01)  # 10 % in each process
    assert set(document["noise"]["detectable"]) == {"5", "12", "20"}
    assert isinstance(document["advice"], list)


def test_doctor_may_leave_the_noise_out(machine: Machine, capsys: Captured) -> None:
    """With --max-time 0 only the environment is asked for; --ceilings adds the rates."""
    document = json.loads(succeed(capsys, "doctor", "--max-time", "0", "--ceilings", "-f", "json"))
    assert machine() == []
    assert document["noise"] is None
    assert document["ceilings"]["flops_per_s"] == 1e11


@needs_posix("a signal is sent")
def test_ctrl_c_ends_every_process_and_keeps_what_was_recorded(tmp_path: Path) -> None:
    """Exit code 130, no traceback, no worker left, whole lines; --resume goes on from there."""
    path = tmp_path / "run.jsonl"
    argv = [sys.executable, "-m", "archbench", "bench", "resnet20", "-i", "8"]
    argv += ["--record", str(path), "--sessions", "50"]
    child = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (path.exists() and path.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)  # the next worker is loading by now
    workers = psutil.Process(child.pid).children(recursive=True)
    os.kill(child.pid, signal.SIGINT)
    out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (130, "", "")
    assert path.read_text().endswith("\n")
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert alive == []
