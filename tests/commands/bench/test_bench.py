"""Measuring cells: what is done to a network before it is timed, and what may go wrong."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archbench
from archbench.commands.bench.run import bench
from archbench.errors import ArchbenchError, NothingMeasured, OutputRefused
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.records import Environment
from archbench.timing.records import Session, Watched
from archbench.timing.run_file import RunFile, read_run
from archbench.timing.sessions import launch as launching
from archbench.timing.sessions.launch import Answer, session_of
from archbench.timing.sessions.schedule import comparison_jobs
from archbench.timing.worker.loading import load_cell
from archbench.timing.worker.prepare import prepare
from archbench.timing.worker.process_setup import Place
from archbench.timing.worker.session import measure, run
from archbench.timing.worker.switch import process_switch, with_threads
from tests import nets
from tests.clocks import FakeClock
from tests.command_line import outcome
from tests.machines import HERE, made_up
from tests.systems import needs_posix

CPU = torch.device("cpu")
NETS = "tests.nets"


def cell(name: str, **fields: object) -> Cell:
    return Cell(f"{NETS}:{name}", inputs=("float32:3x8x8",), **fields)  # type: ignore[arg-type]


def here(cell: Cell, **fields: object) -> Session:
    """Do a short job in this process."""
    return ran_here(Job((cell,), 0, 1, budget_s=0.0, **fields))  # type: ignore[arg-type]


def ran_here(job: Job) -> Session:
    """Do a job in this process, which nobody watches."""
    return session_of(job, run(replace(job, started_s=time.time())), Watched(0.0, 0.0))


# -- one session -----------------------------------------------------------------------------------


def test_a_session_has_times_memory_and_an_environment() -> None:
    """Of one process; the peak holds weights, inputs and what a pass allocates."""
    found = here(cell("small", batch_size=4), memory=True)
    assert found.failure is None
    assert found.rounds >= 1
    assert found.environment is not None
    assert found.environment.threads == torch.get_num_threads()
    weights = 4 * (4 * 3 * 9 + 4 + 4 * 4 + 256 * 5 + 5)  # batch norm: two vectors, two statistics
    inputs = 4 * 4 * 3 * 64
    assert found.peak_memory_bytes is not None
    assert found.activations_peak_bytes is not None
    held = found.peak_memory_bytes - found.activations_peak_bytes
    assert held == weights + inputs + 8  # batch norm's counter of batches
    assert found.activations_peak_bytes >= 2 * 4 * 4 * 4 * 64


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_a_training_step_is_measured(optimizer: str) -> None:
    """Forward, backward and the optimizer, which changes the weights."""
    wanted = cell("small", batch_size=4, mode="train", optimizer=optimizer)
    loaded = load(wanted.model)
    ready = prepare(loaded, plan_for(loaded, list(wanted.inputs), 4), wanted, CPU, 0)
    before = loaded.module[4].weight.detach().clone()  # type: ignore[index]
    ready.call()
    assert not torch.equal(before, loaded.module[4].weight)  # type: ignore[index]
    assert loaded.module.training
    assert here(wanted).failure is None


def prepared(name: str = "small", **fields: object) -> tuple[nn.Module, list[torch.Tensor], object]:
    """Return a module as its cell asks for, and what goes into and comes out of one call."""
    wanted = cell(name, batch_size=2, **fields)
    loaded = load(wanted.model)
    ready = prepare(loaded, plan_for(loaded, list(wanted.inputs), 2), wanted, CPU, 10**6)
    given: list[torch.Tensor] = []
    ready.module.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    with torch.inference_mode():
        out = ready.call()
    return ready.module, given, out


def test_networks_are_measured_in_evaluation_mode() -> None:
    """With statistics of one batch, not those of the initialisation."""
    module, _, _ = prepared()
    norm = module[1]  # type: ignore[index]
    assert not module.training
    assert int(norm.num_batches_tracked) == 1
    assert not torch.equal(norm.running_mean, torch.zeros(4))


def test_inputs_are_random_and_never_zeros() -> None:
    """A quarter of the power is drawn by numbers that differ."""
    _, given, _ = prepared()
    assert given[0].std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize(
    ("precision", "dtype", "out"),
    [
        ("fp32", torch.float32, torch.float32),
        ("bf16", torch.bfloat16, torch.bfloat16),
        ("fp16", torch.float16, torch.float16),
        ("amp", torch.float32, torch.bfloat16),
    ],
)
def test_precision_is_that_of_weights_and_inputs(
    precision: str, dtype: torch.dtype, out: torch.dtype
) -> None:
    """Autocast leaves both and computes in bfloat16."""
    module, given, result = prepared(precision=precision)
    assert {p.dtype for p in module.parameters()} == {dtype}
    assert given[0].dtype is dtype
    assert isinstance(result, torch.Tensor)
    assert result.dtype is out


def test_float32_products_are_float32_unless_tf32_was_asked_for() -> None:
    """Torch's default would let convolutions use TF32."""
    for precision, allowed in (("tf32", True), ("fp32", False)):
        here(cell("small", precision=precision))
        assert torch.backends.cudnn.allow_tf32 is allowed
        assert torch.backends.cuda.matmul.allow_tf32 is allowed


def test_channels_last_is_the_order_of_inputs_and_weights() -> None:
    """Of those with four dimensions."""
    module, given, _ = prepared(channels_last=True)
    assert given[0].is_contiguous(memory_format=torch.channels_last)
    assert not given[0].is_contiguous()
    assert module[0].weight.is_contiguous(memory_format=torch.channels_last)  # type: ignore[index]


def test_cold_inputs_take_turns_and_overflow_the_cache() -> None:
    """Five caches full of them, and none twice in a row."""
    wanted = cell("small", batch_size=2, cold_cache=True)
    loaded = load(wanted.model)
    ready = prepare(loaded, plan_for(loaded, list(wanted.inputs), 2), wanted, CPU, 10_000)
    given: list[int] = []
    ready.module.register_forward_pre_hook(lambda module, args: given.append(args[0].data_ptr()))
    for _ in range(100):
        ready.call()
    assert len(set(given)) * 2 * 3 * 64 * 4 >= 5 * 10_000
    assert all(a != b for a, b in pairwise(given))


def test_inputs_of_a_function_take_turns_too() -> None:
    """Copies of what it returned for the batch, in the cell's precision."""
    wanted = cell("small", batch_size=2, cold_cache=True, precision="bf16")
    loaded = load(wanted.model)
    plan = plan_for(loaded, f"{NETS}:images", 2)
    ready = prepare(loaded, plan, wanted, CPU, 10_000)
    given: list[torch.Tensor] = []
    ready.module.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    for _ in range(100):
        ready.call()
    assert len({image.data_ptr() for image in given}) * 2 * 3 * 64 * 2 >= 5 * 10_000
    assert {(image.dtype, image.shape) for image in given} == {(torch.bfloat16, (2, 3, 8, 8))}
    assert all(a is not b for a, b in pairwise(given))


def test_a_process_calls_the_function_that_a_cell_names() -> None:
    """With the cell's batch size; one without an argument is called all the same."""
    for name in ("images", "one_image"):
        wanted = replace(cell("small"), inputs=(f"{NETS}:{name}",))
        session = here(wanted)
        assert session.failure is None
        assert session.times_ns[0]
    refused = here(replace(wanted, batch_size=2))
    assert refused.failure is not None
    assert "takes no batch size" in refused.failure.message


@pytest.mark.filterwarnings("ignore:.*nested tensors")
@pytest.mark.parametrize("name", ["packed", "jagged"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_sequences_of_unequal_lengths_are_measured(name: str, precision: Any) -> None:
    """In the cell's precision, as packed sequences and as nested tensors."""
    wanted = Cell(f"{NETS}:Tokens", inputs=(f"{NETS}:{name}",), batch_size=3, precision=precision)
    session = here(wanted, memory=True)
    assert session.failure is None
    assert session.times_ns[0]


def test_one_sample_may_be_too_few_for_statistics() -> None:
    """It is measured with the statistics that the network has."""
    wanted = Cell(f"{NETS}:normed", inputs=(f"{NETS}:one_vector",))
    assert here(wanted).failure is None


def test_numbers_that_change_the_time_are_flagged() -> None:
    """Infinities and subnormals; ordinary ones are not."""
    assert "not_finite" in here(cell("NotFinite")).flags
    assert "denormal" in here(cell("Denormal")).flags
    assert not {"not_finite", "denormal"} & set(here(cell("small")).flags)


def test_a_network_that_differentiates_is_timed_under_no_grad() -> None:
    """Inference mode refuses it; a flag says so, which an ordinary network does not have."""
    found = here(cell("Differentiates"))
    assert found.failure is None
    assert found.rounds > 0
    assert "no_grad" in found.flags
    assert "no_grad" not in here(cell("small")).flags


@pytest.mark.parametrize("name", ["small", "Differentiates"])
def test_models_that_are_compared_run_in_one_mode(name: str) -> None:
    """Inference mode is faster: it is for both or for neither."""
    nets.NotesItsMode.modes.clear()
    models = (cell("NotesItsMode"), cell(name))
    found = ran_here(Job(models, 0, 1, measure_s=None, budget_s=0.3))
    assert found.failure is None
    assert nets.NotesItsMode.modes[-1] is (name == "small")
    assert ("no_grad" in found.flags) is (name == "Differentiates")


@pytest.mark.parametrize(
    ("name", "grows"),
    [("Keeps", True), ("KeepsViews", True), ("Lengthens", True), ("KeepsLast", False)],
)
def test_a_network_that_keeps_some_of_every_call_is_flagged(name: str, grows: bool) -> None:
    """By more tensors, or by larger ones; what it replaces, and garbage, is no growth."""
    found = ran_here(Job((cell(name),), 0, 1, measure_s=0.05, budget_s=0.3))
    assert found.failure is None
    assert ("grows" in found.flags) is grows


def test_equal_models_of_a_session_get_equal_weights_and_words() -> None:
    """Words differ from one another, and from those of a session with another seed."""
    place, wanted = Place(CPU, FakeClock()), Cell(f"{NETS}:Words", inputs=("ids:int64:500",))
    first, second, other = (
        load_cell(wanted, None, place, seed).prepared.module for seed in (1, 1, 2)
    )
    assert isinstance(first, nets.Words)
    assert isinstance(second, nets.Words)
    assert isinstance(other, nets.Words)
    assert torch.equal(first.embed.weight, second.embed.weight)
    assert torch.equal(first.given[0], second.given[0])
    assert not torch.equal(first.embed.weight, other.embed.weight)
    assert not torch.equal(first.given[0], other.given[0])
    # of 500 draws from 1000 words, 394 differ on average: 1000 (1 - (1 - 1/1000)^500)
    assert 340 < len(first.given[0].unique()) < 450


def test_settled_statistics_keep_a_wild_network_ordinary() -> None:
    """Its numbers would overflow with fresh ones."""
    model = nets.Overflows().eval()
    assert not torch.isfinite(model(torch.randn(1, 3, 8, 8))).all()
    assert "not_finite" not in here(cell("Overflows", batch_size=2)).flags


def test_very_short_calls_share_a_reading_of_the_clock() -> None:
    """Their times are of one call all the same."""

    class Ticking(FakeClock):
        """Each timed call takes 2 µs."""

        def now_ns(self) -> int:
            self.time += 2_000
            return self.time

    job = Job((Cell("torch.nn:Identity", inputs=("float32:3x8x8",)),), 0, 1, budget_s=0.0)
    measured = measure(job, Place(CPU, Ticking()))
    assert set(measured.readings_ns[0]) == {2_000}
    found = session_of(job, measured, Watched(0.0, 0.0))
    assert found.calls_per_time == 10 / 2
    assert set(found.times_ns[0]) == {2_000 // 5}


def test_out_of_memory_is_a_data_point() -> None:
    """With the batch that was tried; nothing is made smaller."""
    found = here(cell("Huge", batch_size=32))
    assert found.failure is not None
    assert found.failure.kind == "oom"
    assert "batch 32" in found.failure.message
    assert found.cells[0].batch_size == 32


@pytest.mark.parametrize(
    ("name", "said"), [("Raises", "RuntimeError: no such luck"), ("Exits", "SystemExit: bye")]
)
def test_what_a_model_raises_is_told_in_a_line(name: str, said: str) -> None:
    """With exit code 3: it is the model's own code."""
    found = here(cell(name))
    assert found.failure is not None
    assert (found.failure.kind, found.failure.exit_code) == ("failed", 3)
    assert said in found.failure.message


def test_several_models_take_turns_in_one_session() -> None:
    """One time of each in every round."""
    models = (cell("small"), cell("Overflows"))
    found = ran_here(Job(models, 0, 1, measure_s=None, budget_s=0.5))
    first, second = found.times_ns
    assert len(first) == len(second) == found.rounds
    assert len(found.cells) == 2


def test_models_are_loaded_in_the_order_of_the_job_and_keep_their_places(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is loaded first has another lot in memory; its times are still its own."""
    loaded: list[str] = []

    def look(model: str, *args: object, **kwargs: object) -> Loaded:
        loaded.append(model)
        return load(model, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("archbench.timing.worker.loading.load", look)
    slow, quick = cell("Slow"), cell("small")
    for order in ((0, 1), (1, 0)):
        found = ran_here(Job((slow, quick), 0, 1, order, measure_s=None, budget_s=0.5))
        assert min(found.times_ns[0]) >= 20_000_000
    names = [slow.model, quick.model]
    assert loaded == [*names, *reversed(names)]


def test_every_process_draws_the_order_of_loading() -> None:
    """Each by itself: the six orders of three models come up about equally often."""
    jobs = comparison_jobs((cell("small"), cell("Overflows"), cell("Says")), (None,) * 3, 600)
    counts = Counter(job.order for job in jobs)
    assert len(counts) == 6
    assert all(50 < count < 160 for count in counts.values())
    seeds = {job.seed for job in jobs}
    assert len(seeds) > 590


def test_two_objects_of_one_class_are_two_cells(machine: Callable[[], list[Job]]) -> None:
    """Neither takes the other's sessions; the same model named twice is measured once."""
    wide, narrow = nn.Sequential(nn.Conv2d(3, 8, 3)), nn.Sequential(nn.Conv2d(3, 4, 3))
    found = bench([wide, narrow], input_size=(3, 8, 8), sessions=2)
    assert len(found.timings) == 2
    assert {timing.sessions for timing in found.timings} == {2}
    assert found.timings[0].macs == 2 * (found.timings[1].macs or 0)
    machine().clear()
    assert len(bench(["resnet20", "resnet20"], sessions=2).timings) == 1
    assert len(machine()) == 2


def test_an_edited_file_is_another_cell(machine: Callable[[], list[Job]], tmp_path: Path) -> None:
    """What was recorded of it before is not taken for it."""
    path, record = tmp_path / "mine.py", tmp_path / "run.jsonl"
    for text, launched in (("ReLU", 1), ("ReLU", 1), ("SiLU", 2)):
        path.write_text(f"from torch import nn\n\ndef build():\n    return nn.{text}()\n")
        bench(f"{path}:build", input_size=(3, 8, 8), sessions=1, record=record, resume=True)
        assert len(machine()) == launched


def test_an_edited_function_of_inputs_makes_another_cell(
    machine: Callable[[], list[Job]], tmp_path: Path
) -> None:
    """It may lie in a file of its own."""
    path, record = tmp_path / "images.py", tmp_path / "run.jsonl"
    (tmp_path / "mine.py").write_text("from torch import nn\n\nbuild = nn.ReLU\n")
    for size, launched in ((8, 1), (8, 1), (9, 2)):
        path.write_text(f"import torch\n\ndef inputs(n):\n    return torch.ones(n, {size})\n")
        model = f"{tmp_path / 'mine.py'}:build"
        bench(model, f"{path}:inputs", sessions=1, record=record, resume=True)
        assert len(machine()) == launched


def test_sessions_without_layers_do_not_do_for_layers(
    machine: Callable[[], list[Job]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are measured again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    record = tmp_path / "run.jsonl"
    bench("resnet20", sessions=1, record=record)
    found = bench("resnet20", sessions=1, record=record, resume=True, layers=True)
    assert len(machine()) == 2
    assert found.timings[0].roofline is not None
    frame = found.to_frame("layers")
    assert frame["time_s"].sum() == pytest.approx(found.timings[0].roofline.sum_s)


def test_memory_that_runs_out_later_is_out_of_memory_too() -> None:
    """In a call after the first, while it is timed."""
    found = here(cell("HugeLater"))
    assert found.failure is not None
    assert found.failure.kind == "oom"
    assert found.environment is not None


# -- fresh processes -------------------------------------------------------------------------------


def test_a_worker_measures_and_its_models_prints_stay_out_of_the_answer() -> None:
    """They come back beside it, from both streams."""
    job = Job((cell("Says"),), 2, 9, budget_s=1.0)
    found, printed = launching.launch(job, {})
    assert found.failure is None
    assert (found.number, found.seed, found.rounds > 0) == (2, 9, True)
    assert found.cells == job.cells
    assert found.started_s > 1e9
    assert found.wall_s > 0.1
    assert "to standard output" in printed
    assert "to standard error" in printed


def test_a_worker_has_the_threads_that_it_was_asked_for() -> None:
    """From the moment its libraries are loaded."""
    found, _ = launching.launch(Job((cell("small", threads=1),), 0, 0, budget_s=0.5), {})
    assert found.environment is not None
    assert found.environment.threads == 1
    assert dict(found.environment.variables)["OMP_NUM_THREADS"] == "1"


def test_a_worker_gets_arguments_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tuple stays one, and what this process can import the worker can."""
    (tmp_path / "needs_a_tuple.py").write_text(
        "from torch import nn\n\n"
        "def build(sizes):\n"
        "    assert isinstance(sizes, tuple), sizes\n"
        "    return nn.ReLU()\n"
    )
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    wanted = Cell("needs_a_tuple:build", {"sizes": (1, 2)}, ("float32:3x8x8",))
    found, _ = launching.launch(Job((wanted,), 0, 0, budget_s=0.5), {})
    assert found.failure is None
    assert found.cells == (wanted,)


def test_a_worker_that_vanishes_is_a_failure_with_its_last_words() -> None:
    """Exit code 7, and what it had said."""
    found, _ = launching.launch(Job((cell("Vanishes"),), 0, 0), {})
    assert found.failure is not None
    assert found.failure.kind == "failed"
    assert "exit code 7" in found.failure.message
    assert "about to go" in found.failure.hint


def test_a_worker_that_breaks_down_ends_with_its_own_code() -> None:
    """A traceback, and exit code 1: it was not killed."""
    found, _ = launching.launch(Job((cell("Breaks"),), 0, 0, budget_s=0.5), {})
    assert found.failure is not None
    assert found.failure.kind == "failed"
    assert "exit code 1" in found.failure.message
    assert "TypeError" in found.failure.hint


def test_a_worker_that_takes_too_long_is_ended() -> None:
    """It and what it started; the time that it had is named."""
    found, _ = launching.launch(Job((cell("Sleeps"),), 0, 0, limit_s=5.0), {})
    assert found.failure is not None
    assert found.failure.kind == "out_of_time"
    assert found.failure.message == "a process had not ended 5 s after its start"
    assert found.failure.exit_code == 5
    assert found.wall_s < 60


def test_a_limit_does_not_end_who_keeps_to_it() -> None:
    """The answer is whole."""
    found, _ = launching.launch(Job((cell("Slow"),), 0, 0, budget_s=0.5, limit_s=60.0), {})
    assert found.failure is None


def test_a_process_without_time_to_warm_up_says_so() -> None:
    """It does not call its one time settled, nor drifting."""
    found, _ = launching.launch(Job((cell("Slow"),), 0, 0, budget_s=0.1), {})
    assert "cut_short" in found.flags
    assert "unsettled" not in found.flags
    assert not found.settled


@needs_posix("a worker kills itself by a signal")
def test_a_worker_that_is_killed_is_told_apart() -> None:
    """As by a system that ran out of memory."""
    found, _ = launching.launch(Job((cell("Killed"),), 0, 0), {})
    assert found.failure is not None
    assert found.failure.kind == "killed"
    assert "SIGKILL" in found.failure.message


# -- a whole bench ---------------------------------------------------------------------------------


def test_everything_is_swept_with_everything(machine: Callable[[], list[Job]]) -> None:
    """Two models, two batch sizes, two precisions: eight cells of five processes."""
    found = bench(["resnet20", "plain20"], batch_size=[1, 4], precision=["fp32", "bf16"])
    assert len(found.timings) == 8
    assert len(machine()) == 40
    assert {timing.sessions for timing in found.timings} == {5}
    ms = {timing.cell.batch_size: timing.latency_median_s for timing in found.timings}
    assert ms == {1: pytest.approx(1.02e-3), 4: pytest.approx(4.08e-3)}
    macs = archbench.profile("resnet20", batch_size=4).totals.macs
    assert next(t.macs for t in found.timings if t.cell.batch_size == 4) == macs


def test_memory_is_measured_once_a_cell(machine: Callable[[], list[Job]]) -> None:
    """It is the same in every process."""
    bench("resnet20", batch_size=[1, 2], sessions=3)
    assert [job.memory for job in sorted(machine(), key=lambda j: j.number)] == [
        *(True, True, False, False, False, False)
    ]


def test_every_session_is_recorded_as_it_ends(
    machine: Callable[[], list[Job]], tmp_path: Path
) -> None:
    """An interrupted run keeps what it has."""
    path = tmp_path / "run.jsonl"
    found = bench("resnet20", batch_size=[1, 2], sessions=3, record=path)
    assert read_run(path, pytest.fail) == list(found.sessions)


def test_resuming_measures_what_is_missing(
    machine: Callable[[], list[Job]], tmp_path: Path
) -> None:
    """Cells and sessions that are there are not measured again, and count."""
    path = tmp_path / "run.jsonl"
    bench("resnet20", batch_size=[1, 2], sessions=3, record=path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:4]) + "\n" + lines[4][:100])  # four of six, and a torn one
    machine().clear()
    with pytest.warns(UserWarning, match="line 5"):
        found = bench("resnet20", batch_size=[1, 2], sessions=3, record=path, resume=True)
    assert len(machine()) == 2
    assert {timing.sessions for timing in found.timings} == {3}
    machine().clear()
    with pytest.warns(UserWarning, match="line 5"):
        bench("resnet20", batch_size=[1, 2], sessions=3, record=path, resume=True)
    assert machine() == []


def test_sessions_of_another_machine_are_not_taken_for_this_ones(
    machine: Callable[[], list[Job]], tmp_path: Path
) -> None:
    """They are measured again, and the field that differs is named."""
    path = tmp_path / "run.jsonl"
    bench("resnet20", sessions=1, record=path)
    line = json.loads(path.read_text())
    line["environment"]["threads"] = 64
    path.write_text(json.dumps(line) + "\n")
    machine().clear()
    with pytest.warns(UserWarning, match="threads was 64 and is 2"):
        bench("resnet20", sessions=1, record=path, resume=True)
    assert len(machine()) == 1


def test_a_module_is_sent_to_the_workers_whole(machine: Callable[[], list[Job]]) -> None:
    """Also one whose class is written in a notebook; its file is gone afterwards."""
    files: list[str | None] = []
    launch = launching.launch

    def look(job: Job, variables: dict[str, str]) -> tuple[Session, str]:
        files.extend(job.module_files)
        assert Path(str(job.module_files[0])).stat().st_size > 1000
        return launch(job, variables)

    launching.launch = look  # type: ignore[assignment]  # put back by the fixture
    try:
        found = bench(nets.small(), input_size=(3, 8, 8), sessions=2)
    finally:
        launching.launch = launch
    assert found.timings[0].cell.model == "Sequential"
    assert len(files) == 2
    assert not Path(str(files[0])).exists()


def test_a_class_without_a_module_reaches_a_worker() -> None:
    """As in a notebook, whose classes cannot be imported."""

    class Local(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(x)

    found = bench(Local(), input_size=(3, 8, 8), sessions=1, max_time=4)
    assert found.timings[0].failure is None
    assert found.timings[0].sessions == 1


def test_time_that_is_up_is_said(
    machine: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell without a session is flagged; without any cell nothing was measured."""
    with pytest.raises(NothingMeasured):
        bench("resnet20", max_time=1e-9)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"precision": "fp23"}, "there is no precision 'fp23'"),
        ({"models": 3}, "3 is neither a MODEL string nor"),
        ({"batch_size": 1.5}, "batch size 1.5 is not a positive number"),
        ({"max_time": -1}, "-1 is not a number of seconds"),
        ({"mode": "trian"}, "there is no mode 'trian'"),
        ({"optimizer": "sdg"}, "there is no optimizer 'sdg'"),
        ({"compile": "fastest"}, "there is no mode of torch.compile 'fastest'"),
        ({"batch_size": 0}, "batch size 0"),
        ({"precision": "tf32"}, "TF32 is a precision of CUDA devices"),
        ({"cuda_graph": True}, "needs a CUDA device"),
        ({"sessions": 0}, "0 is not a number of processes"),
        ({"resume": True}, "nothing to resume from"),
        ({"layers": True, "compile": True}, "--layers needs layers"),
        ({"layers": True, "mode": "train"}, "of a forward pass"),
        ({"device": "cuda:7"}, "no 'cuda' device"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_does_not_go_together_is_refused(fields: dict[str, object], said: str) -> None:
    """Before anything is started."""
    with pytest.raises(ArchbenchError, match=said):
        bench(fields.pop("models", "resnet20"), device=fields.pop("device", "cpu"), **fields)  # type: ignore[arg-type]


def test_a_file_that_is_no_record_is_left_as_it_is(tmp_path: Path) -> None:
    """A network's own file, say; a record that was cut off in its first line is one."""
    path = tmp_path / "net.py"
    path.write_text("from torch import nn\n")
    with pytest.raises(OutputRefused, match="no recorded run"):
        bench("resnet20", record=path)
    assert path.read_text() == "from torch import nn\n"
    path.write_text('{"schema": "archb')
    RunFile(path, Session)


def test_a_record_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    """Before anything is measured for it."""
    with pytest.raises(OutputRefused):
        bench("resnet20", record=tmp_path / "no" / "run.jsonl")


def test_ways_of_a_model_win_over_those_of_the_call(machine: Callable[[], list[Job]]) -> None:
    """Its own batch and precision make one cell; the other model is swept."""
    own = "resnet20[batch=4,precision=bf16,shortcut=B]"
    found = bench(["resnet20", own], batch_size=[1, 2], sessions=1)
    cells = [timing.cell for timing in found.timings]
    assert [(cell.model, cell.batch_size, cell.precision) for cell in cells] == [
        ("resnet20", 1, "fp32"), ("resnet20", 2, "fp32"), (own, 4, "bf16")
    ]  # fmt: skip
    assert [dict(cell.arguments) for cell in cells] == [{}, {}, {"shortcut": "B"}]
    one = archbench.profile("resnet20", model_kwargs={"shortcut": "B"}).totals.macs
    assert found.timings[2].macs == 4 * one
    with pytest.raises(ArchbenchError, match="TF32 is a precision of CUDA devices"):
        bench(["resnet20", "resnet20[precision=tf32]"])


def test_a_recorded_run_of_models_with_settings_is_resumed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Names, ways and arguments are read back; each cell's machine is one with its own threads."""
    launched: list[Job] = []

    def environment(job: Job) -> Environment:
        return replace(HERE, threads=job.cells[0].threads or 2)

    def launch(job: Job, variables: object) -> tuple[Session, str]:
        launched.append(job)
        return replace(made_up(job), environment=environment(job)), ""

    def ask(task: str, job: Job, variables: object) -> Answer:
        return Answer(environment(job).to_dict(), "", 0)

    monkeypatch.setattr(launching, "launch", launch)
    monkeypatch.setattr(launching, "ask", ask)
    path = tmp_path / "run.jsonl"
    models = ["resnet20", "resnet20[channels_last]", "resnet20[shortcut=B,threads=1]"]
    bench(models, sessions=2, record=path)
    launched.clear()
    found = bench([*models, "resnet20[threads=1]"], sessions=2, record=path, resume=True)
    assert {job.cells[0].model for job in launched} == {"resnet20[threads=1]"}
    assert [timing.sessions for timing in found.timings] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--layers", "resnet20[compile]"), "--layers needs layers that run one by one"),
        (("--fits", "1GiB", "resnet20[batch=2]"), "--fits looks for the batch size itself"),
        (("--fits", "1GiB", "resnet20[precision=amp]"), "computes no memory of autocast"),
    ],
)
def test_what_an_option_cannot_take_is_refused_in_brackets_too(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command's options refuse the same values with the same words."""
    code, _, err = outcome("bench", capsys, *argv)
    assert code == 2
    assert said in err


def test_models_with_other_threads_have_them_while_they_are_timed() -> None:
    """In one process; a call that is not timed follows each change."""
    one, two, own = (cell("small", threads=n) for n in (1, 2, None))
    assert with_threads((one, one)) == (one, one)
    assert [c.threads for c in with_threads((own, one))] == [torch.get_num_threads(), 1]
    before = torch.get_num_threads()
    seen: list[tuple[str, int]] = []
    calls = [lambda n=n: seen.append((n, torch.get_num_threads())) for n in "ab"]
    try:
        switch = process_switch([one, two], calls)
        for i in (1, 0, 1):
            switch(i)
        assert seen == [("b", 2), ("a", 1), ("b", 2)]
        process_switch([one, one], calls)(0)
        assert len(seen) == 3
        found = ran_here(Job((one, two), 0, 1, measure_s=None, budget_s=0.5))
        assert found.environment is not None
        assert found.environment.threads == 1
    finally:
        torch.set_num_threads(before)
