"""A device's own times, on one whose launches and kernels take what the test says."""

from statistics import median
from types import SimpleNamespace

import pytest

from archbench.commands.bench.aggregate import timing_of
from archbench.timing.cells import Cell
from archbench.timing.records import DeviceTimes, Session
from archbench.timing.worker.accelerator import LAUNCHES, CudaStream, device_times
from archbench.timing.worker.graphs import captured
from tests.clocks import FakeDevice

US = 1000


def times(launch_ns: int, kernel_ns: int, kernels: int):
    """Time a call of some kernels; its latency is that of a host that waits."""
    device = FakeDevice(launch_ns, kernel_ns)
    latency_s = (launch_ns + max(launch_ns, kernel_ns) * (kernels - 1) + kernel_ns) / 1e9
    found = device_times(lambda: device.call(kernels), device, device, latency_s, seconds=0.05)
    return device, found


def test_device_time_is_that_of_the_kernels_alone() -> None:
    """Launching takes as long again; the stream is held, so that it is done ahead."""
    _, found = times(launch_ns=10 * US, kernel_ns=10 * US, kernels=50)
    assert median(found.calls_ns) == pytest.approx(500 * US, rel=0.01)
    assert median(found.enqueue_ns) == 500 * US


def test_without_a_held_stream_launches_leak_into_device_time() -> None:
    """What holding is for: kernels shorter than their launches wait for them."""
    device = FakeDevice(10 * US, 2 * US)
    device.hold = lambda seconds: None  # type: ignore[method-assign]
    found = device_times(lambda: device.call(50), device, device, 500e-6, seconds=0.05)
    assert median(found.calls_ns) > 400 * US
    _, held = times(10 * US, 2 * US, 50)
    assert median(held.calls_ns) == pytest.approx(100 * US, rel=0.05)


def singles(device: FakeDevice, found: DeviceTimes) -> list[str]:
    """What happened while single calls were timed: after the launches, and three rough ones."""
    waits = [i for i, event in enumerate(device.log) if event == "wait"]
    return device.log[waits[LAUNCHES + 1] + 1 : waits[LAUNCHES + 2]]


def test_there_is_no_waiting_between_calls() -> None:
    """One wait after all of them; pairs of events around each."""
    device, found = times(5 * US, 50 * US, 10)
    assert singles(device, found) == ["hold", "mark", "call", "mark"] * len(found.calls_ns)


def test_launches_are_timed_with_an_empty_queue() -> None:
    """The device is idle before each: a full queue would let the host wait for it."""
    device, found = times(5 * US, 500 * US, 100)
    assert device.log[: 2 * LAUNCHES] == ["wait", "call"] * LAUNCHES
    assert set(found.enqueue_ns) == {500 * US}


def test_a_queue_that_is_full_lets_the_host_wait() -> None:
    """As CUDA's does; device time is that of the kernels all the same."""
    device = FakeDevice(launch_ns=5 * US, kernel_ns=50 * US, depth=1000)
    found = device_times(lambda: device.call(400), device, device, 20e-3, seconds=0.2)
    assert median(found.enqueue_ns) == 2000 * US
    assert median(found.calls_ns) == pytest.approx(20_000 * US, rel=0.01)


def test_short_calls_share_a_pair_of_events() -> None:
    """At 8 us a call six of them; the figure is of one call all the same."""
    device, found = times(1 * US, 8 * US, 1)
    once = ["hold", "mark", *["call"] * 6, "mark"]
    assert singles(device, found) == once * len(found.calls_ns)
    assert median(found.calls_ns) == pytest.approx(8 * US, rel=0.05)


@pytest.mark.parametrize(
    ("launch_ns", "kernel_ns", "per_s"), [(1 * US, 100 * US, 1000.0), (100 * US, 1 * US, 1000.0)]
)
def test_throughput_is_of_blocks_back_to_back(launch_ns: int, kernel_ns: int, per_s: float) -> None:
    """Ten kernels of 100 us, or ten launches of as much, are a thousand calls a second."""
    _, found = times(launch_ns, kernel_ns, 10)
    rate = found.block_calls * len(found.block_ns) / (sum(found.block_ns) / 1e9)
    assert rate == pytest.approx(per_s, rel=0.02)


def session(launch_ns: int, kernel_ns: int) -> Session:
    _, found = times(launch_ns, kernel_ns, 100)
    return Session((Cell("a", batch_size=4),), 0, 0, ((12_000 * US,),), device=found)


def test_a_cell_whose_device_waits_for_the_host_is_called_launch_bound() -> None:
    """Launching takes more than 0.8 of the device's time; beside the three figures."""
    bound = timing_of(Cell("a", batch_size=4), [session(100 * US, 90 * US)])
    assert bound.flags == ("launch_bound",)
    free = timing_of(Cell("a", batch_size=4), [session(70 * US, 90 * US)])
    assert free.flags == ()
    assert free.latency_median_s == pytest.approx(12e-3)
    assert free.device_median_s == pytest.approx(9e-3, rel=0.01)
    assert free.throughput_per_s == pytest.approx(4 / 9e-3, rel=0.01)


def test_the_streams_hold_is_in_seconds() -> None:
    """Cycles are calibrated against events; without the private kernel nothing is held."""
    device = FakeDevice(1 * US, 1 * US)
    stream = CudaStream(device.cuda())
    before = stream.mark()
    stream.hold(0.003)
    calibration = 1_000_000 / 2e9
    assert stream.between_ns(before, stream.mark()) == pytest.approx(1e9 * (0.003 + calibration))
    cuda = device.cuda()
    del cuda._sleep
    stream = CudaStream(cuda)
    before = stream.mark()
    stream.hold(0.003)
    assert stream.between_ns(before, stream.mark()) == 0


def test_a_graph_is_recorded_after_warming_up_on_another_stream() -> None:
    """Three calls beside, one recorded; what is timed then replays it."""
    log: list[str] = []

    class Graph:
        def replay(self) -> None:
            log.append("replay")

    class Scope:
        def __init__(self, name: str) -> None:
            self.name = name

        def __enter__(self) -> None:
            log.append(f"enter {self.name}")

        def __exit__(self, *error: object) -> None:
            log.append(f"leave {self.name}")

    class Stream:
        def wait_stream(self, other: object) -> None:
            log.append("wait")

    cuda = SimpleNamespace(
        CUDAGraph=Graph,
        Stream=Stream,
        current_stream=Stream,
        stream=lambda stream: Scope("side"),
        graph=lambda graph: Scope("graph"),
    )
    replay = captured(lambda: log.append("call"), cuda)
    replay()
    assert log == [
        *("wait", "enter side", "call", "call", "call", "leave side", "wait"),
        *("enter graph", "call", "leave graph", "replay"),
    ]
