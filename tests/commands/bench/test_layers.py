"""Layers: what they move, how long they take, and the bound that a machine's ceilings set."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import torch
from torch import nn

from archbench.analysis.layer_work import LayerWork
from archbench.analysis.precision import in_precision
from archbench.analysis.traffic import work_of
from archbench.commands.bench.layers.plot import roofline_svg
from archbench.commands.bench.layers.records import LayerTime, Roofline
from archbench.commands.bench.layers.roofline import bound_of, roofline_of
from archbench.networks.inputs import plan_inputs
from archbench.networks.resolve import Loaded
from archbench.timing.ceilings import Ceilings
from archbench.timing.cells import Cell
from archbench.timing.records import Session
from archbench.timing.sessions.ceilings import ceilings_of
from archbench.timing.worker.accelerator import CudaStream
from archbench.timing.worker.ceilings import ceilings
from archbench.timing.worker.clock import DeviceClock
from archbench.timing.worker.layers import HostMarker, LayerTimer, layer_times
from tests.clocks import FakeClock, FakeDevice

F32 = 4


class Residual(nn.Module):
    """One convolution beside a shortcut, with its own addition and activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv(x) + x.reshape(x.shape))


def work(module: nn.Module, shape: tuple[int, ...], batch: int = 2) -> dict[str, LayerWork]:
    loaded = Loaded("m", module)
    return {row.path: row for row in work_of(loaded, plan_inputs(module, shape, None, batch))}


def test_operands_are_read_and_results_written_once() -> None:
    """By hand: 2 x 3 x 5 x 7 numbers in and out of each operation; a view moves nothing."""
    image = 2 * 3 * 5 * 7 * F32
    found = work(Residual(), (3, 5, 7))
    assert found["conv"].bytes_moved == 2 * image + 3 * 3 * 3 * 3 * F32
    assert found["conv"].macs == 2 * 3 * 5 * 7 * 3 * 3 * 3
    assert found[""].bytes_moved == 3 * image  # two summands and the sum; no reshape
    assert found[""].operations == 1
    assert found["relu"].bytes_moved == 2 * image  # in place: read and written


def test_an_expanded_operand_is_read_where_it_is() -> None:
    """A number that stands for a whole image is four bytes."""

    class Scale(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.ones((), device=x.device).expand(x.shape)

    image = 2 * 3 * 5 * 7 * F32
    assert work(Scale(), (3, 5, 7))[""].bytes_moved == 2 * image + F32 + F32  # ones() writes one


def test_a_shared_module_has_one_row_with_all_its_calls() -> None:
    """Its time cannot be told apart either."""
    conv = nn.Conv2d(3, 3, 1)
    model = nn.Sequential(conv, nn.Sequential(conv))
    found = work(model, (3, 4, 4), batch=1)
    assert found["0"].operations == 2
    assert found["0"].macs == 2 * 3 * 3 * 16
    assert "1.0" not in found


def test_half_precision_moves_half_the_bytes() -> None:
    """Weights, inputs and results alike; the multiply-adds stay, and so does the model."""
    model = Residual()
    plan = plan_inputs(model, (3, 5, 7), None, 2)
    half = {row.path: row for row in work_of(*in_precision(Loaded("m", model), plan, "bf16"))}
    for path, row in work(model, (3, 5, 7)).items():
        assert half[path].bytes_moved * 2 == row.bytes_moved
        assert half[path].macs == row.macs
    assert model.conv.weight.dtype is torch.float32


class Timed(nn.Module):
    """A block that works itself, before and after its child does."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.child = Child(clock)

    def forward(self) -> None:
        self.clock.time += 100
        self.child()
        self.clock.time += 20
        self.child()


class Child(nn.Module):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock

    def forward(self) -> None:
        self.clock.time += 7


def test_a_layers_time_is_its_own_and_all_add_up() -> None:
    """The block's 120 without its child's 14; nothing is lost between them."""
    clock = FakeClock()
    model = Timed(clock)
    watch = LayerTimer(model, ["child"], HostMarker(clock.now_ns))
    found = layer_times(watch, model, clock.wait, passes=6)
    assert found == {"": 120, "child": 14}
    assert clock.time == 7 * 134  # one pass before those that count
    assert not model._forward_hooks
    assert not model.child._forward_pre_hooks


def test_what_is_not_watched_belongs_to_what_is_around_it() -> None:
    """A container without operations of its own needs no marks."""
    clock = FakeClock()
    model = nn.Sequential()
    model.block = Timed(clock)
    model.forward = model.block.forward  # type: ignore[method-assign]
    watch = LayerTimer(model, ["block.child"], HostMarker(clock.now_ns))
    assert layer_times(watch, model, clock.wait, 5) == {"": 120, "block.child": 14}


def test_on_a_device_no_layer_waits_for_another() -> None:
    """Events are queued between the kernels, and asked after the pass."""
    device = FakeDevice(launch_ns=1000, kernel_ns=50_000)

    class Layer(nn.Module):
        def forward(self) -> None:
            device.call(2)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = Layer(), Layer()

        def forward(self) -> None:
            self.a()
            self.b()

    model = Net()
    watch = LayerTimer(model, ["a", "b"], CudaStream(device.cuda()))
    found = layer_times(watch, model, device.wait, passes=5)
    assert found["a"] == pytest.approx(101_000)  # from the mark before its launch
    assert found["b"] == pytest.approx(100_000)
    one_pass = ["wait", "mark", "mark", "call", "mark", "mark", "call", "mark", "mark", "wait"]
    assert device.log == one_pass * 6


ROOFS = Ceilings(
    fingerprint="f",
    device="cpu",
    device_name="a machine",
    precision="fp32",
    flops_per_s=1e11,
    copies=((2**20, 8e10), (2**24, 4e10), (2**29, 1e10)),
    launch_s=2e-6,
)


@pytest.mark.parametrize(
    ("macs", "moved", "operations", "bound_s", "bound"),
    [
        (10**9, 10**6, 1, 2e9 / 1e11, "compute"),  # 20 ms of arithmetic, 12.5 us of traffic
        (0, 2**29, 1, 2**29 / 1e10, "memory"),  # as large as the largest copy
        (0, 2**30, 1, 2**30 / 1e10, "memory"),  # larger than any
        (0, 10**7, 1, 10**7 / 4e10, "memory"),  # a cache holds it
        (100, 400, 5, 1e-5, "launch"),  # five operations on next to nothing
    ],
)
def test_the_longest_of_three_bounds(
    macs: int, moved: int, operations: int, bound_s: float, bound: str
) -> None:
    """Arithmetic, traffic at the rate of a copy as large, or launching."""
    found = bound_of(LayerWork("l", "L", macs, moved, operations), ROOFS)
    assert found == (pytest.approx(bound_s), bound)


def test_a_smaller_copy_is_never_taken_for_slower() -> None:
    """One that came out slower than a larger one was disturbed."""
    odd = Ceilings("f", "cpu", "m", "fp32", 1e11, ((2**20, 1e9), (2**24, 4e10)), 1e-6)
    assert odd.bytes_per_s(1000) == 4e10


def watched(layers_ns: dict[str, int], whole_ns: int) -> Session:
    return Session((Cell("m"),), 0, 0, ((whole_ns,) * 3,), layers_ns=layers_ns)


def test_a_roofline_is_of_medians_over_processes() -> None:
    """Each layer beside its bound; the sum beside the whole; unwatched ones are left out."""
    rows = (
        LayerWork("a", "Conv2d", 5 * 10**7, 10**6, 1),  # bound 1 ms
        LayerWork("b", "ReLU", 0, 2**29, 1),
        LayerWork("never", "ReLU", 0, 0, 0),
    )
    sessions = [
        watched({"a": 2_000_000, "b": 60_000_000}, 61_000_000),
        watched({"a": 4_000_000, "b": 60_000_000}, 63_000_000),
        watched({"a": 9_000_000, "b": 60_000_000}, 69_000_000),
    ]
    roofline = roofline_of(rows, sessions, ROOFS)
    assert roofline is not None
    a, b = roofline.layers
    assert (a.time_s, a.bound_s, a.bound) == (4e-3, pytest.approx(1e-3), "compute")
    assert a.attained == pytest.approx(0.25)
    assert a.intensity == pytest.approx(100)
    assert b.attained == pytest.approx(2**29 / 1e10 / 60e-3)
    assert roofline.sum_s == pytest.approx(64e-3)
    assert roofline.whole_s == pytest.approx(63e-3)
    assert roofline_of(rows, [Session((Cell("m"),), 0, 0, ((1,),))], ROOFS) is None


def test_ceilings_are_measured_once_for_each_environment(tmp_path: Path) -> None:
    """Kept by fingerprint and precision; measured anew when asked, or when the file is broken."""
    asked = []

    def measure() -> Ceilings:
        asked.append(1)
        return ROOFS

    for _ in range(2):
        assert ceilings_of("f", "fp32", measure, tmp_path / "new") == ROOFS
    assert len(asked) == 1
    ceilings_of("other", "fp32", measure, tmp_path / "new")
    ceilings_of("f", "bf16", measure, tmp_path / "new")
    assert len(asked) == 3
    ceilings_of("f", "fp32", measure, tmp_path / "new", again=True)
    assert len(asked) == 4
    (tmp_path / "new" / "ceilings.json").write_text("[{")
    ceilings_of("f", "fp32", measure, tmp_path / "new")
    assert len(asked) == 5
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["ceilings.json"]


def test_ceilings_that_cannot_be_kept_are_measured_all_the_same(tmp_path: Path) -> None:
    """A home that cannot be written to is no reason to fail."""
    (tmp_path / "file").write_text("")
    assert ceilings_of("f", "fp32", lambda: ROOFS, tmp_path / "file") == ROOFS


def test_a_user_without_a_home_folder_measures_them_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container may run under a number of no user. The current folder stays empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    for _ in range(2):
        assert ceilings_of("f", "fp32", lambda: ROOFS) == ROOFS
    assert list(tmp_path.iterdir()) == []


def test_ceilings_come_back_from_json() -> None:
    """To the last digit."""
    assert Ceilings.from_dict(ROOFS.to_dict()) == ROOFS


def test_this_machine_has_ceilings() -> None:
    """More than a GFLOP/s and a GB/s, less than any machine has; larger copies too."""
    found = ceilings(torch.device("cpu"), "fp32", DeviceClock(torch.device("cpu")))
    assert 1e9 < found.flops_per_s < 1e16
    assert all(1e8 < rate < 1e14 for _, rate in found.copies)
    assert 1e-8 < found.launch_s < 1e-3


def test_the_picture_names_what_takes_longest() -> None:
    """As well-formed SVG, the same each time, with both roofs; a layer without MACs is left out."""
    layers = (
        LayerTime(LayerWork("big", "Conv2d", 10**9, 10**7, 1), 0.5, 0.02, "compute"),
        LayerTime(LayerWork("small", "Conv2d", 10**6, 10**7, 1), 0.001, 0.0005, "memory"),
        LayerTime(LayerWork("none", "ReLU", 0, 10**7, 1), 0.1, 0.01, "memory"),
    )
    roofline = Roofline(layers, 0.6, ROOFS)
    svg = roofline_svg(roofline, "a net")
    assert svg == roofline_svg(roofline, "a net")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    for text in ("big", "17% of the pass", "memory: 10.0 GB/s", "cache: 80.0 GB/s"):
        assert f"<!-- {text}" in svg or text in svg
    assert "<!-- none" not in svg


def test_the_picture_marks_lower_bounds() -> None:
    """A hollow point, a sign before the name, a line in the legend; unknown MACs in the title."""
    layers = (
        LayerTime(LayerWork("whole", "Conv2d", 10**9, 10**7, 1), 0.5, 0.02, "compute"),
        LayerTime(LayerWork("partly", "Mixer", 10**8, 10**7, 1, False), 0.3, 0.01, "compute"),
        LayerTime(LayerWork("nothing", "Odd", 0, 10**7, 1, False), 0.1, 0.01, "memory"),
        LayerTime(LayerWork("relu", "ReLU", 0, 10**7, 1), 0.1, 0.01, "memory"),
    )
    svg = roofline_svg(Roofline(layers, 1.0, ROOFS), "a net")
    for text in (
        "10% of the pass in layers without MACs, 10% in layers whose MACs are unknown",
        "≥ partly",
        "compute-bound, at least",
        "compute-bound",
    ):
        assert f"<!-- {text} -->" in svg
    assert "≥ whole" not in svg
