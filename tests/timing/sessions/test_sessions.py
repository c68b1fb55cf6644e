"""Sessions as records: to JSON and back, into a file that only grows, and summed up."""

import json
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from archbench.commands.bench.aggregate import timing_of
from archbench.commands.bench.records import Bench
from archbench.commands.doctor.noise import noise_of
from archbench.errors import OutputRefused
from archbench.gates.rules import NEGLIGIBLE
from archbench.statistics.intervals import detectable_with
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.machine.disturbances import CpuLoad, DeviceWatch
from archbench.timing.machine.records import Environment
from archbench.timing.records import DeviceTimes, Failure, Measured, Session, Watched
from archbench.timing.run_file import RunFile, read_run
from archbench.timing.sessions.launch import session_of

MS = 1_000_000
HERE = Environment("3.11.7", "2.13.0", "Linux x86_64", "a processor", 2, 2, "cpu", "a processor")
CELL = Cell("resnet18", {"num_classes": 10}, ("float32:3x32x32",), batch_size=8)
FULL = Session(
    cells=(CELL,),
    number=3,
    seed=7,
    times_ns=((5 * MS, 6 * MS),),
    calls_per_time=2,
    warm_up_rounds=8,
    settled=True,
    device=DeviceTimes((1, 2), (3,), (4, 5), 6),
    layers_ns={"fc": 100},
    compile_s=1.5,
    compiled_before=True,
    peak_memory_bytes=1000,
    activations_peak_bytes=100,
    flags=("unsettled",),
    load=CpuLoad(0.5, 0.0),
    watch={"samples": 3},
    started_s=1e9,
    wall_s=3.5,
    environment=HERE,
    failure=Failure("failed", "it raised", "try again"),
)


def times(*medians_ms: float, cell: Cell = CELL, count: int = 3) -> list[Session]:
    """Processes whose times are all the same."""
    return [
        Session((cell,), i, 0, ((round(m * MS),) * count,), environment=HERE)
        for i, m in enumerate(medians_ms)
    ]


def test_a_session_comes_back_from_json() -> None:
    """Every field, through text."""
    assert Session.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL
    bare = Session((CELL,), 0, 0)
    assert Session.from_dict(json.loads(json.dumps(bare.to_dict()))) == bare


def test_a_session_of_another_schema_is_refused() -> None:
    """Its fields may mean something else."""
    with pytest.raises(ValueError, match=r"archbench\.session/9"):
        Session.from_dict(FULL.to_dict() | {"schema": "archbench.session/9"})


@pytest.mark.parametrize(
    "change",
    [
        {"model": "resnet34"},
        {"arguments": {"num_classes": 11}},
        {"inputs": ("float32:3x64x64",)},
        {"batch_size": 1},
        {"device": "cuda"},
        {"precision": "bf16"},
        {"channels_last": True},
        {"compiled": "default"},
        {"cuda_graph": True},
        {"cold_cache": True},
        {"mode": "train"},
        {"optimizer": "adam"},
        {"threads": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_cells_id_tells_apart_whatever_differs(change: dict[str, object]) -> None:
    """And is the same for equal cells, also after JSON."""
    assert replace(CELL, **change).id != CELL.id  # type: ignore[arg-type]
    assert Cell.from_dict(json.loads(json.dumps(CELL.to_dict()))).id == CELL.id


def test_a_run_file_grows_by_a_line_a_session(tmp_path: Path) -> None:
    """And gives back what was put in."""
    path = tmp_path / "run.jsonl"
    run = RunFile(path, Session)
    sessions = times(1, 2, 3)
    for session in sessions:
        run.append(session)
        assert path.read_bytes().endswith(b"\n")
    assert read_run(path, pytest.fail) == sessions
    RunFile(path, Session).append(FULL)
    assert read_run(path, pytest.fail) == [*sessions, FULL]


def test_a_file_cut_off_in_a_line_is_read_up_to_there(tmp_path: Path) -> None:
    """With a warning that names the line; what is appended then stands on its own line."""
    path = tmp_path / "run.jsonl"
    run = RunFile(path, Session)
    first, second = times(1, 2)
    run.append(first)
    run.append(second)
    whole = path.read_text()
    for cut in (len(whole) - 2, len(whole) - 200):
        path.write_text(whole[:cut])
        told: list[str] = []
        assert read_run(path, told.append) == [first]
        assert "line 2" in told[0]
        RunFile(path, Session).append(FULL)
        told.clear()
        assert read_run(path, told.append) == [first, FULL]
        assert len(told) == 1


def test_lines_that_are_no_sessions_are_named_and_left(tmp_path: Path) -> None:
    """A number, an object without a schema, text."""
    path = tmp_path / "run.jsonl"
    path.write_text('7\n{"a": 1}\n\nhello\n')
    told: list[str] = []
    assert read_run(path, told.append) == []
    assert [text.split()[1] for text in told] == ["1", "2", "4"]


def test_a_run_file_that_cannot_be_written_is_refused_before_anything_runs(tmp_path: Path) -> None:
    """A folder that is missing, a folder in the place of the file."""
    for path in (tmp_path / "no" / "run.jsonl", tmp_path):
        with pytest.raises(OutputRefused, match="cannot be written"):
            RunFile(path, Session)


def test_a_latency_is_the_median_over_processes() -> None:
    """Not over calls: a process with many does not count more."""
    sessions = [*times(10, 12), *times(20, count=1000)]
    timing = timing_of(CELL, sessions)
    assert timing.latency_median_s == pytest.approx(12e-3)
    assert (timing.sessions, timing.samples) == (3, 1006)


def test_the_interval_is_over_processes() -> None:
    """Equal processes leave none to speak of; one process has none at all."""
    timing = timing_of(CELL, times(10, 10, 10, 10, 10))
    assert timing.latency_low_s == pytest.approx(10e-3)
    assert timing.latency_high_s == pytest.approx(10e-3)
    assert timing_of(CELL, times(10, count=10_000)).latency_low_s is None


def test_a_process_that_was_cut_short_does_not_count_beside_warm_ones() -> None:
    """Fewer than three calls say nothing beside thousands; alone they are all there is."""
    warm, cut = times(10, 12, count=1000), times(50, count=2)
    timing = timing_of(CELL, [*warm, *cut])
    assert timing.latency_median_s == pytest.approx(11e-3)
    assert (timing.sessions, timing.samples) == (2, 2000)
    assert timing_of(CELL, cut).latency_median_s == pytest.approx(50e-3)


@pytest.mark.parametrize(
    ("count", "p90", "p99"),
    [(63, False, False), (64, True, False), (661, True, False), (662, True, True)],
)
def test_percentiles_need_samples(count: int, p90: bool, p99: bool) -> None:
    """64 for nine in ten, 662 for 99 in 100."""
    timing = timing_of(CELL, times(10, count=count))
    assert (timing.latency_p90_s is not None, timing.latency_p99_s is not None) == (p90, p99)


def test_percentiles_are_of_all_samples() -> None:
    """100 calls of 1 to 100 ms: nine in ten take no more than 90."""
    session = Session((CELL,), 0, 0, (tuple(i * MS for i in range(1, 101)),))
    assert timing_of(CELL, [session]).latency_p90_s == pytest.approx(90e-3)


def test_throughput_counts_every_call_and_the_whole_batch() -> None:
    """8 images in a call; three calls of 10 ms and one of 70: 32 images in 0.1 s."""
    session = Session((CELL,), 0, 0, ((10 * MS, 10 * MS, 70 * MS, 10 * MS),))
    assert timing_of(CELL, [session]).throughput_per_s == pytest.approx(320)


def test_flops_per_second_are_two_per_mac() -> None:
    """Of inference only: a training step does more than its forward pass."""
    timing = timing_of(CELL, times(10), macs=5_000_000)
    assert timing.flops_per_s == pytest.approx(1e9)
    train = replace(CELL, mode="train")
    assert timing_of(train, times(10, cell=train), macs=5_000_000).flops_per_s is None


def test_compile_time_is_told_apart_from_the_caches() -> None:
    """The first process compiles, the others read; neither is in the latency."""
    first, *others = times(1, 1, 1)
    sessions = [replace(first, compile_s=30.0)]
    sessions += [
        replace(s, compile_s=t, compiled_before=True)
        for s, t in zip(others, (4.0, 6.0), strict=True)
    ]
    timing = timing_of(CELL, sessions)
    assert (timing.compile_cold_s, timing.compile_warm_s) == (30.0, 5.0)


def test_a_failure_is_a_result() -> None:
    """Out of memory at this batch; no time before the first session."""
    failed = Session((CELL,), 0, 0, failure=Failure("oom", "batch 8 does not fit"))
    timing = timing_of(CELL, [failed])
    assert (timing.flags, timing.latency_median_s, timing.sessions) == (("oom",), None, 0)
    assert timing.to_dict()["failure"] == "batch 8 does not fit"
    assert timing.to_dict()["batch_size"] == 8
    assert timing_of(CELL, []).flags == ("out_of_time",)


def test_what_comes_with_the_moment_counts_where_half_the_sessions_have_it() -> None:
    """What comes with the network counts once it is seen."""
    a, b, c = times(1, 1, 1)
    flagged = [replace(a, flags=("unsettled", "denormal")), b, c]
    assert timing_of(CELL, flagged).flags == ("denormal",)
    flagged[1] = replace(b, flags=("unsettled",))
    assert timing_of(CELL, flagged).flags == ("unsettled", "denormal")


def test_the_largest_peak_of_memory_counts() -> None:
    """Sessions that did not measure it say nothing."""
    a, b, c = times(1, 1, 1)
    found = timing_of(CELL, [replace(a, peak_memory_bytes=5), replace(b, peak_memory_bytes=7), c])
    assert found.peak_memory_bytes == 7
    assert timing_of(CELL, [c]).peak_memory_bytes is None


def test_a_bench_is_a_data_frame_too() -> None:
    """One row a cell, the columns of the JSON contract."""
    sessions = times(10, 12)
    bench = Bench((timing_of(CELL, sessions, macs=100),), tuple(sessions))
    frame = bench.to_frame()
    assert frame.loc[0, "latency_median_s"] == pytest.approx(11e-3)
    assert frame.loc[0, "arguments_num_classes"] == 10
    document = bench.to_dict()
    assert document["schema"] == "archbench.bench/1"
    assert document["environment"]["fingerprint"] == HERE.fingerprint
    wanted = (
        "model batch_size device precision latency_median_s latency_low_s latency_high_s "
        "latency_p90_s throughput_per_s peak_memory_bytes sessions samples flags"
    )
    assert set(wanted.split()) <= set(document["cells"][0])


def twice(ratios: list[float], levels: list[float]) -> list[Session]:
    return [
        Session((CELL, CELL), i, 0, ((round(level * MS),) * 5, (round(level * r * MS),) * 5))
        for i, (r, level) in enumerate(zip(ratios, levels, strict=True))
    ]


def test_noise_is_told_apart_into_levels_and_ratios() -> None:
    """Processes that differ by 10 % each, whose two copies differ by 1 %."""
    noise = noise_of(twice([1.01, 1 / 1.01, 1.01, 1 / 1.01], [100, 110, 121, 133.1]))
    assert noise is not None
    assert noise.ratio_sd == pytest.approx(0.00995, rel=0.01)
    assert noise.level_sd == pytest.approx(0.0953 * (5 / 3) ** 0.5, rel=0.01)  # sd of 0, 1, 2, 3
    assert noise.latency_median_s == pytest.approx(median([0.110, 0.121]))
    assert noise_of(twice([1.0, 1.0], [1, 1])) is None


def test_the_detectable_effect_is_the_papers_arithmetic() -> None:
    """(t97.5 + t90) s / sqrt(P): for 4 degrees of freedom 2.776 and 1.533."""
    error = 0.01 / 5**0.5
    assert detectable_with(error, 5, NEGLIGIBLE) == pytest.approx((2.776 + 1.533) * error, rel=0.02)


def test_nothing_below_one_percent_is_called_a_difference() -> None:
    """However exact the measurement: one percent, and the power's part of the error."""
    assert detectable_with(1e-6, 5, NEGLIGIBLE) == pytest.approx(0.01, rel=0.001)
    assert detectable_with(0.001, 5, NEGLIGIBLE) == pytest.approx(0.01 + 1.533 * 0.001, rel=0.01)


# -- what a worker and its parent saw --------------------------------------------------------------


def test_readings_of_several_calls_become_times_of_one() -> None:
    """By hand: 10 calls took 105 ns, which is 10.5 a call, and Python rounds that to 10."""
    job = Job((CELL, CELL), 3, 9, compiled_before=True)
    measured = Measured(readings_ns=((105, 110), (200, 209)), calls_per_reading=10, settled=True)
    found = session_of(job, measured, Watched(5.0, 2.5))
    assert found.times_ns == ((10, 11), (20, 21))
    assert (found.calls_per_time, found.number, found.seed) == (10, 3, 9)
    assert (found.started_s, found.wall_s, found.compiled_before) == (5.0, 2.5, True)


@pytest.mark.parametrize(
    ("device", "load", "watch", "flags"),
    [
        ("cpu", CpuLoad(0.5, 0.0), None, ("unsettled", "foreign_process")),
        ("cpu", CpuLoad(0.01, 0.0), None, ("unsettled",)),
        ("cpu", CpuLoad(None, None), None, ("unsettled",)),
        ("cuda", CpuLoad(0.5, 0.0), None, ("unsettled",)),
        ("cuda", None, ((), (7, 8), ("sw_power_cap",)), ("unsettled", "foreign_process")),
        ("cuda", None, ((), (7,), ("hw_slowdown",)), ("unsettled", "throttled")),
    ],
)
def test_what_disturbed_a_session_is_flagged(device, load, watch, flags) -> None:
    """Others on the cores of a CPU's cell, others on the device, heat; a power cap is ordinary."""
    seen = None
    if watch is not None:
        before, since, reasons = watch
        seen = DeviceWatch(3, *(None,) * 6, reasons, before, since)
    job = Job((replace(CELL, device=device),), 0, 0)
    found = session_of(job, Measured(flags=("unsettled",)), Watched(0.0, 1.0, load, seen))
    assert found.flags == flags
    assert (found.watch is None) == (watch is None)
