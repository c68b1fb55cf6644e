"""On a real CUDA device: what only it can show. Skipped without one; `pytest -m gpu` runs these."""

import math
from statistics import median

import pytest
import torch

import archbench
from archbench.commands.bench.fits.run import fits
from archbench.commands.bench.run import bench
from archbench.timing.cells import Cell
from archbench.timing.jobs import Job
from archbench.timing.records import Session, Watched
from archbench.timing.sessions.launch import session_of
from archbench.timing.sessions.model_cells import Ways
from archbench.timing.worker.session import run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
MIB = 2**20


def session(model: str = "resnet18", **fields: object) -> Session:
    """Measure a cell on the device, in this process."""
    cell = Cell(model, device="cuda", **{"batch_size": 8, **fields})  # type: ignore[arg-type]
    found = ran_here(Job((cell,), 0, 0, memory=True))
    assert found.failure is None, found.failure
    return found


def ran_here(job: Job) -> Session:
    """Do a job in this process, which nobody watches."""
    return session_of(job, run(job), Watched(0.0, 0.0))


def test_three_figures_of_one_call() -> None:
    """The host waits for the device: its latency is the longest; launching is a part of it."""
    found = session()
    assert found.device is not None
    latency, own = median(found.times_ns[0]), median(found.device.calls_ns)
    assert 0 < own <= latency * 1.05
    assert 0 < median(found.device.enqueue_ns) <= latency
    per_call = sum(found.device.block_ns) / len(found.device.block_ns) / found.device.block_calls
    assert own * 0.9 <= per_call <= latency * 1.1


def test_a_large_batch_keeps_the_device_busy_and_a_small_one_does_not() -> None:
    """One image of a network of many small layers is launched more slowly than it is computed."""
    small, large = session(batch_size=1), session(batch_size=256)
    for found, bound in ((small, True), (large, False)):
        assert found.device is not None
        waits = median(found.device.enqueue_ns) > 0.8 * median(found.device.calls_ns)
        assert waits is bound


def test_device_time_is_that_of_the_kernels() -> None:
    """A product of known size, whose time torch's own events give, call by call."""
    found = ran_here(
        Job((Cell("torch.nn:Linear", {"in_features": 4096, "out_features": 4096},
             ("float32:4096",), batch_size=4096, device="cuda"),), 0, 0)
    )  # fmt: skip
    assert found.device is not None
    a = torch.randn(4096, 4096, device="cuda")
    linear = torch.nn.Linear(4096, 4096, device="cuda")
    times = []
    with torch.inference_mode():
        for _ in range(200):
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            first.record()
            linear(a)
            last.record()
            torch.cuda.synchronize()
            times.append(first.elapsed_time(last) * 1e6)
    assert median(found.device.calls_ns) == pytest.approx(median(times[100:]), rel=0.1)


def test_a_graph_takes_the_launches_away() -> None:
    """One image: the host's latency falls, the device's time does not grow."""
    eager, graph = session(batch_size=1), session(batch_size=1, cuda_graph=True)
    assert median(graph.times_ns[0]) < median(eager.times_ns[0])
    assert graph.device is not None
    assert eager.device is not None
    assert median(graph.device.calls_ns) < 1.3 * median(eager.device.calls_ns)


def test_a_training_step_can_be_a_graph() -> None:
    """Forward, backward and optimizer, all three of them."""
    for optimizer in ("sgd", "momentum", "adam"):
        assert session("resnet20", mode="train", cuda_graph=True, optimizer=optimizer).rounds


@pytest.mark.parametrize("precision", ["fp32", "tf32", "fp16", "bf16", "amp"])
def test_every_precision_runs(precision: str) -> None:
    """In both memory orders."""
    for channels_last in (False, True):
        assert session(precision=precision, channels_last=channels_last).rounds


def test_the_peak_of_memory_is_the_allocators() -> None:
    """Against max_memory_allocated around a bare call; the estimate is within a tenth of it."""
    timing = bench("resnet50", batch_size=32, device="cuda", sessions=1).timings[0]
    assert timing.peak_memory_bytes is not None
    assert timing.estimate is not None
    torch.cuda.empty_cache()
    before = torch.cuda.memory_allocated()
    net = archbench.build("resnet50").eval().cuda()
    x = torch.randn(32, 3, 224, 224, device="cuda")
    with torch.inference_mode():
        net(x)
        torch.cuda.reset_peak_memory_stats()
        net(x)
    torch.cuda.synchronize()
    expected = torch.cuda.max_memory_allocated() - before
    assert timing.peak_memory_bytes == pytest.approx(expected, rel=0.02)
    assert timing.estimate.peak_bytes == pytest.approx(expected, rel=0.1)


def test_out_of_memory_is_a_result_and_the_others_go_on() -> None:
    """The batch that was tried is in it."""
    found = bench(["vgg16", "resnet20"], batch_size=[8, 100_000], device="cuda", sessions=1)
    flags = {(t.cell.model, t.cell.batch_size): t.flags for t in found.timings}
    assert "oom" in flags["vgg16", 100_000]
    assert "oom" not in flags["vgg16", 8]
    assert "oom" not in flags["resnet20", 8]


def test_a_limit_of_memory_is_kept_to() -> None:
    """The largest batch is found, its peak within the limit, one eighth more is not."""
    fit = fits(["resnet18"], 2048 * MIB, None, Ways(device="cuda")).fits[0]
    assert fit.found_batch is not None
    assert fit.found_bytes is not None
    assert fit.found_bytes <= 2048 * MIB
    assert fit.found_bytes * 9 / 8 > 2048 * MIB


def test_layers_sum_to_the_pass() -> None:
    """Events between the kernels, and no layer waits: within a fifth of the unwatched pass."""
    timing = bench("resnet50", batch_size=64, device="cuda", sessions=1, layers=True).timings[0]
    assert timing.roofline is not None
    assert timing.roofline.sum_s == pytest.approx(timing.roofline.whole_s, rel=0.2)
    assert all(math.isfinite(layer.time_s) for layer in timing.roofline.layers)


@pytest.mark.slow
def test_a_compiled_network_tells_what_compiling_took() -> None:
    """Cold in the first process, from the cache in the second; no recompilation is timed."""
    timing = bench("resnet18", batch_size=8, device="cuda", sessions=2, compile=True).timings[0]
    assert timing.compile_cold_s is not None
    assert timing.compile_warm_s is not None
    assert timing.compile_warm_s < timing.compile_cold_s
    assert "recompiled" not in timing.flags
