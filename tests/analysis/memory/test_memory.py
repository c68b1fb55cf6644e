"""The peak of memory: computed figures against hand-derived ones, an oracle, and measurements.

Comments count numbers of four bytes. B is the batch.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from archbench.analysis.memory.byte_range import NOTHING, exactly
from archbench.analysis.memory.estimate import estimate_memory
from archbench.analysis.memory.operations import cpu_memory
from archbench.analysis.memory.records import MemoryEstimate
from archbench.analysis.shapes_training import TRAINING_BLANKS
from archbench.commands.bench.fits.search import largest_batch
from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.networks.inputs import plan_inputs
from archbench.networks.resolve import Loaded, load, plan_for
from archbench.networks.training import OPTIMIZERS, loss_of, optimizer_for, training_step
from archbench.networks.ways import Mode
from archbench.timing.worker.peak_memory import highest_total, peak_allocation
from benchmarks.memory import measured
from tests.kernel_networks import KERNELS, NETWORKS, Runs, convnet, holds

CPU = torch.device("cpu")
B = 3
aten = torch.ops.aten


def estimate(
    module: nn.Module,
    size: Any,
    mode: Mode = "infer",
    optimizer: str = "sgd",
    device: str = "meta",
    batch: int = B,
) -> MemoryEstimate:
    """Estimate a module; "meta" counts tensors alone."""
    plan = plan_inputs(module, size, None, batch)
    return estimate_memory(Loaded("net", module), plan, mode, optimizer, device)


def line(c_in: int, c_out: int) -> nn.Linear:
    return nn.Linear(c_in, c_out, bias=False)


def chain(act: nn.Module | None = None) -> nn.Sequential:
    return nn.Sequential(line(4, 8), act or nn.Tanh(), line(8, 2))


def residual(act: nn.Module, shortcut: bool = True) -> Runs:
    def forward(net: Any, x: Tensor) -> Tensor:
        h = net.stem(x)
        if not shortcut:
            return net.b(net.act(net.a(h)))
        return h + net.b(net.act(net.a(h)))

    return Runs(forward, stem=line(4, 6), a=line(6, 6), act=act, b=line(6, 6))


def branches(act: nn.Module) -> Runs:
    def forward(net: Any, x: Tensor) -> Tensor:
        return torch.cat((net.act(net.p(x)), net.q(x)), 1)

    return Runs(forward, p=line(4, 3), q=line(4, 5), act=act)


INFERENCE = {
    # the layer before is alive while one runs: 8B + 8B for the activation, then 8B + 2B
    "chain": (chain(), 16 * B),
    "chain-in-place": (chain(nn.ReLU(inplace=True)), 10 * B),
    # h, a(h) and its activation at once: 6B each; then h, the activation and b; then h, b, sum
    "residual": (residual(nn.ReLU()), 18 * B),
    # without the shortcut, h is held by its name all the same
    "named": (residual(nn.ReLU(), shortcut=False), 18 * B),
    # in place h and a(h) are 12B, with b(...) 18B
    "residual-in-place": (residual(nn.ReLU(inplace=True)), 18 * B),
    # 3B and 3B for the first branch's activation; then 3B + 5B and their join of 8B
    "concatenation": (branches(nn.ReLU()), 16 * B),
    # two calls of one layer: 4B, and 4B + 4B
    "shared": (Runs(lambda net, x: net.a(net.a(x)), a=line(4, 4)), 8 * B),
    # a view takes nothing and keeps all 8B alive, whatever is left of it: 8B + 2B
    "view": (Runs(lambda net, x: net.b(net.a(x)[:, :1]), a=line(4, 8), b=line(1, 2)), 10 * B),
}


@pytest.mark.parametrize("name", INFERENCE)
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_inference_takes_what_is_alive_at_once(name: str, device: str) -> None:
    """Hand-derived; kernels of linear layers take nothing besides."""
    network, numbers = INFERENCE[name]
    found = estimate(network, (4,), device=device)
    assert found.activations_peak_bytes == 4 * numbers
    assert found.inputs_bytes == 4 * 4 * B
    assert (found.optimizer_bytes, found.gradients_bytes, found.optimizer) == (0, 0, None)
    assert found.peak_bytes == 4 * (numbers + 4 * B) + found.weights_bytes


# chain() has 32 + 16 weights. With B = 3, of the way there 24 remain, saved by tanh and the second
# layer, and the loss: 1. On the way back 1 for the loss's own gradient, 6 for the output's,
# then 16 for the second weights, 24 for what tanh gave. Most is alive in tanh's backward:
# 24 + 1 + 1 + 16 + 24, and 24 for its result.
WAY_BACK = 24 + 1 + 1 + 16 + 24 + 24


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_a_training_step_of_a_chain(optimizer: str) -> None:
    """Saved activations, gradients and temporaries of the way back, to the byte."""
    found = estimate(chain(), (4,), "train", optimizer)
    assert found.activations_peak_bytes == 4 * WAY_BACK
    assert found.gradients_bytes == found.weights_bytes == 4 * 48
    assert found.optimizer_bytes == {"sgd": 0, "momentum": 4 * 48}[optimizer]
    assert found.peak_bytes == 4 * (48 + 4 * B + WAY_BACK) + found.optimizer_bytes


def test_temporaries_of_the_optimizer_count_where_they_are_the_peak() -> None:
    """Adam keeps two tensors for each parameter, and makes two more in its step.

    There the loss and all 48 gradients are alive; a square root and the quotient of it take 32 each
    for the larger layer. Its counters, one number for each parameter, are made as constants.
    """
    found = estimate(chain(), (4,), "train", "adam")
    assert found.optimizer_bytes == 4 * 2 * 48
    assert found.activations_peak_bytes == 4 * (1 + 48 + 32 + 32) > 4 * WAY_BACK


def test_a_frozen_layer_has_neither_gradient_nor_state_nor_saved_input() -> None:
    """The way back stops before it.

    There: 24 + 24 while tanh runs. Back: 24 saved, 2 for the loss and its gradient, 6 for the
    output's, 16 for the weights'.
    """
    network = chain()
    network[0].weight.requires_grad_(False)
    found = estimate(network, (4,), "train", "momentum")
    assert found.weights_bytes == 4 * 48
    assert found.gradients_bytes == found.optimizer_bytes == 4 * 16
    assert found.activations_peak_bytes == 4 * 48
    wide = estimate(network, (4,), "train", "momentum", batch=1)
    assert wide.activations_peak_bytes == 4 * (8 + 2 + 2 + 16)


def test_tied_weights_count_once() -> None:
    """As weights, as gradients and as the optimizer's state."""
    network = nn.Sequential(line(5, 5), nn.Tanh(), line(5, 5))
    network[2].weight = network[0].weight
    found = estimate(network, (5,), "train", "momentum")
    assert found.weights_bytes == found.gradients_bytes == found.optimizer_bytes == 4 * 25


def deep(run: Callable[[nn.Module, Tensor], Tensor]) -> Runs:
    """Sixteen point-wise layers, which save 10B each, between two linear ones."""
    body = nn.Sequential(*(nn.Tanh() for _ in range(16)))
    return Runs(
        lambda net, x: net.b(run(net.body, net.a(x))), a=line(4, 10), body=body, b=line(10, 2)
    )


def unsaved(body: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return body(x)


def test_what_is_recomputed_or_has_no_gradient_is_not_saved() -> None:
    """A checkpoint saves its input alone and holds the rest on the way back only.

    Without one, 16 × 10B are saved; the last layer's backward then holds them, 10B of what comes
    and 20 for its weights beside the loss and its gradient, and tanh 10B more.
    """
    batch = 50
    plain = estimate(deep(lambda body, x: body(x)), (4,), "train", batch=batch)
    assert plain.activations_peak_bytes == 4 * (16 * 500 + 2 + 20 + 500 + 500)
    none = estimate(deep(unsaved), (4,), "train", batch=batch)
    # on the way there what comes in is held by name, and two of the body's besides
    assert none.activations_peak_bytes == 4 * 3 * 500
    half = Runs(
        lambda net, x: net.b(net.two(checkpoint(net.one, net.a(x), use_reentrant=False))),
        a=line(4, 10), b=line(10, 2),
        one=nn.Sequential(*(nn.Tanh() for _ in range(8))),
        two=nn.Sequential(*(nn.Tanh() for _ in range(8))),
    )  # fmt: skip
    half_saved = estimate(half, (4,), "train", batch=batch)
    # the second half's 8 are gone when the first half's 7 or 8 are made again, from 10B saved
    assert 4 * 8 * 500 < half_saved.activations_peak_bytes < 4 * 12 * 500


def test_half_precision_takes_half() -> None:
    """Every figure, of a network whose operations all stay in it."""
    full = estimate(convnet(), (3, 32, 32), "train", "momentum")
    half = estimate(convnet().half(), (3, 32, 32), "train", "momentum")
    names = ["weights", "inputs", "optimizer", "gradients"]
    for name in (f"{name}_bytes" for name in names):
        assert 2 * getattr(half, name) == getattr(full, name) > 0, name
    assert half.dtype == "float16"
    inference = [estimate(net, (3, 32, 32)) for net in (convnet(), convnet().bfloat16())]
    # after the first pool: what it keeps of its maxima takes eight bytes each in both
    indices = B * 24 * 16 * 16 * 8
    peaks = [found.activations_peak_bytes - indices for found in inference]
    assert peaks[0] == 2 * peaks[1] > 0


def test_several_inputs_of_several_types() -> None:
    """Whole numbers take eight bytes; a second input is as alive as the first."""
    network = Runs(lambda net, ids, x: net.table(ids) + x, table=nn.Embedding(10, 6))
    found = estimate(network, ["int64:5", "float32:5x6"])
    assert found.inputs_bytes == B * 5 * 8 + B * 5 * 6 * 4
    assert found.activations_peak_bytes == 2 * B * 5 * 6 * 4  # the rows, and the sum
    assert found.weights_bytes == 10 * 6 * 4


def test_buffers_are_neither_weights_nor_activations() -> None:
    """Batch normalisation keeps a mean, a variance and a counter of eight bytes."""
    found = estimate(nn.BatchNorm2d(7), (7, 2, 2), "train", "momentum")
    assert (found.weights_bytes, found.buffers_bytes) == (4 * 14, 4 * 14 + 8)
    assert found.optimizer_bytes == 4 * 14


def test_every_output_is_part_of_the_loss() -> None:
    """The sum of the means of floating-point outputs, however nested; others are left out."""
    out = {"a": torch.tensor([1.0, 3.0]), "b": (torch.tensor([[5.0]]), torch.tensor([7]))}
    out["a"].requires_grad_()
    assert loss_of(out).item() == 2.0 + 5.0
    two = Runs(lambda net, x: {"a": net.a(x), "b": [net.b(x)]}, a=line(4, 2), b=line(4, 5))
    assert estimate(two, (4,), "train").gradients_bytes == 4 * (8 + 20)


@pytest.mark.parametrize("batch", [1, 2, 5])
@pytest.mark.parametrize("name", ["vgg16", "googlenet", "resnet50", "inception-v4"])
def test_twice_the_batch_takes_twice_the_activations(name: str, batch: int) -> None:
    """At inference every tensor has the batch in it, but batch normalisation's statistics."""
    network = load(name, blank=True)
    one, two = (
        estimate_memory(network, plan_for(network, None, b), device="meta")
        for b in (batch, 2 * batch)
    )
    statistics = 0.001 if "resnet" in name or "v4" in name else 0
    assert two.activations_peak_bytes == pytest.approx(
        2 * one.activations_peak_bytes, rel=statistics
    )
    assert two.weights_bytes == one.weights_bytes
    assert two.inputs_bytes == 2 * one.inputs_bytes


@pytest.mark.parametrize("make", [chain, residual, branches])
@pytest.mark.parametrize("mode", ["infer", "train"])
def test_in_place_never_raises_the_peak(make: Any, mode: Mode) -> None:
    """It takes a tensor less, or as much."""
    inside, outside = (
        estimate(make(nn.ReLU(inplace=in_place)), (4,), mode).activations_peak_bytes
        for in_place in (True, False)
    )
    assert inside <= outside


def test_the_cuda_allocator_rounds_up_to_512_bytes() -> None:
    """Two tensors of 96 bytes at once take two blocks."""
    found = estimate(chain(), (4,), device="cuda")
    assert (found.activations_peak_bytes, found.device) == (2 * 512, "cuda")


class Nosy(nn.Module):
    """A network that looks at a value, which no meta tensor has, and remembers what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = chain()
        self.norm = nn.BatchNorm1d(2)
        self.seen: list[float] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.sum().item())
        return self.norm(self.layers(x))


def state(network: nn.Module) -> dict[str, Any]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("make", [lambda: nn.Sequential(chain(), nn.BatchNorm1d(2)), Nosy])
def test_the_network_is_left_as_it_was(make: Callable[[], nn.Module]) -> None:
    """Values, statistics, gradients, mode and random numbers, with values and without."""
    network = make().eval()
    first = next(network.parameters())
    gradient = first.grad = torch.ones_like(first)
    before, random = state(network), torch.get_rng_state()
    found = estimate(network, (4,), "train", "adam", "cpu")
    assert all(torch.equal(before[name], value) for name, value in state(network).items())
    assert first.grad is gradient
    assert torch.equal(gradient, torch.ones_like(first))
    assert not any(module.training for module in network.modules())
    assert not [p for p in network.parameters() if p.grad is not None and p is not first]
    assert torch.equal(random, torch.get_rng_state())
    assert found.note.startswith("ran on cpu") == isinstance(network, Nosy)
    assert getattr(network, "seen", []) == []


def test_a_blank_network_gets_no_gradients() -> None:
    """Its own tensors run, since they are meta tensors already."""
    network = load("nin", blank=True)
    estimate_memory(network, plan_for(network, None, 2), "train")
    assert all(p.grad is None for p in network.module.parameters())


def test_values_change_no_byte() -> None:
    """A network that cannot run on the meta device is estimated on its own, with the same result.

    Looking at the input's sum takes one number, at a time when nothing else is alive.
    """
    same = nn.Sequential(chain(), nn.BatchNorm1d(2))
    for mode in ("infer", "train"):
        with_values, without = (
            estimate(network, (4,), mode, "momentum", "cpu") for network in (Nosy(), same)
        )
        assert with_values.activations_peak_bytes == without.activations_peak_bytes
        assert with_values.optimizer_bytes == without.optimizer_bytes


def test_what_cannot_be_estimated_is_refused() -> None:
    """A network without a gradient, one that trains on no single sample, a wrong size, a name."""
    frozen = chain().requires_grad_(False)
    with pytest.raises(ArchbenchError, match="no output has a gradient"):
        estimate(frozen, (4,), "train")
    with pytest.raises(UserCodeError, match="more than 1 value per channel"):
        estimate(nn.BatchNorm1d(4), (4,), "train", batch=1)
    with pytest.raises(UserCodeError, match="forward of net failed"):
        estimate(chain(), (5,))
    network = load("resnet20", blank=True)
    with pytest.raises(InputRefused, match="resnet20 cannot take"):
        estimate_memory(network, plan_for(network, "4x32x32", 1))
    with pytest.raises(ArchbenchError, match="no optimizer 'sdg'"):
        estimate(chain(), (4,), "train", "sdg")


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("resnet20", [*range(2 * 10**7, 10**8, 10**7), 10**10]),
        ("googlenet", [2**28, 10**10]),
        ("vgg16", [2**31, 10**10]),
    ],
)
def test_the_largest_batch_fits_and_one_more_does_not(
    name: str, limits: list[int], mode: Mode
) -> None:
    """Whatever the slope does on the way."""
    network = load(name, blank=True)
    for limit in limits:
        batch = largest_batch(network, plan_for(network, None, 1), limit, mode)
        fits, fails = (
            estimate_memory(network, plan_for(network, None, b), mode).peak_bytes
            for b in (batch, batch + 1)
        )
        assert 0 < fits <= limit < fails


def test_memory_that_bends_is_followed_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Growing with the square of the batch, or falling at first, as small batches may make it."""

    def bent(loaded: Any, plan: Any, *_: Any) -> Any:
        return SimpleNamespace(peak_bytes=plan.batch_size**2 + 40 // plan.batch_size, note="")

    monkeypatch.setattr("archbench.commands.bench.fits.search.estimate_memory", bent)
    for batch in (8, 9, 17, 1000, 12345):
        network = Loaded("net", chain())
        limit = batch**2 + 40 // batch
        assert largest_batch(network, plan_for(network, (4,), 1), limit) == batch


def test_no_batch_fits_into_less_than_the_weights() -> None:
    """0 is the honest answer; and the smallest batch is 2 where batch normalisation needs that."""
    network = Loaded("net", nn.Sequential(line(4, 8), nn.BatchNorm1d(8)))
    plan = plan_for(network, (4,), 1)
    assert largest_batch(network, plan, 4 * 32) == 0
    two = estimate_memory(network, plan_for(network, (4,), 2), "train").peak_bytes
    assert largest_batch(network, plan, two, "train") == 2
    assert largest_batch(network, plan, two - 1, "train") == 0
    with pytest.raises(ArchbenchError, match="no largest batch of net can be found: it ran on cpu"):
        largest_batch(Loaded("net", Nosy()), plan, 10**6)


# -- beside other counts ------------------------------------------------------------


@pytest.mark.parametrize("mode", ["infer", "train"])
@pytest.mark.parametrize("make", [chain, convnet, lambda: residual(nn.ReLU())])
def test_torchs_own_tracker_counts_the_same(make: Callable[[], nn.Module], mode: Mode) -> None:
    """MemTracker follows the same tensors on the CPU, where values are computed."""
    from torch.distributed._tools.mem_tracker import MemTracker

    network = make()
    first = next(network.parameters())
    size = (3, 32, 32) if first.dim() == 4 else (4,)
    expected = estimate(network, size, mode)
    x = torch.randn(B, *size)
    tracker = MemTracker()
    tracker.track_external(network, x)
    with tracker:
        if mode == "train":
            optimizer = optimizer_for("sgd", network.parameters())
            training_step(lambda: network(x), optimizer)
        else:
            with torch.no_grad():
                network.eval()(x)
    assert tracker.get_tracker_snapshot("peak")[CPU]["Total"] == expected.peak_bytes


@pytest.mark.parametrize("optimizer", ["", *OPTIMIZERS])
def test_the_estimate_is_what_the_allocator_gives_out(optimizer: str) -> None:
    """Linear layers have no kernels with memory of their own: equal but for single numbers."""
    network = nn.Sequential(line(40, 80), nn.Tanh(), nn.Dropout(), line(80, 20))
    mode: Mode = "train" if optimizer else "infer"
    expected = estimate(network, (40,), mode, optimizer, "cpu").activations_peak_bytes
    assert measured(
        network, plan_inputs(network, (40,), None, B), mode, optimizer
    ) == pytest.approx(expected, abs=64)


@pytest.mark.parametrize(("name", "mode"), KERNELS)
def test_kernels_that_take_memory_of_their_own(name: str, mode: Mode) -> None:
    """Within 10 % of what the allocator gives out on the CPU, or a lower bound that says so."""
    network, size = NETWORKS[name]()
    found = estimate(network, size, mode, "momentum", "cpu")
    assert holds(found, measured(network, plan_inputs(network, size, None, B), mode))


# -- measuring ------------------------------------------------------------


def test_the_measured_peak_is_exact() -> None:
    """Of three tensors no more than two are alive at once; a second call adds nothing."""

    def call() -> None:
        a = torch.empty(1000)
        b = torch.empty(500)
        del a
        c = torch.empty(250)
        del b, c

    assert peak_allocation(call, CPU) == 4 * 1500
    assert peak_allocation(lambda: (call(), call()), CPU) == 4 * 1500
    assert peak_allocation(lambda: None, CPU) == 0


def test_releases_of_the_backward_pass_are_seen() -> None:
    """Two steps in a row take no more than one."""
    network, x = chain(), torch.randn(1000, 4)
    optimizer = optimizer_for("sgd", network.parameters())
    once = peak_allocation(lambda: training_step(lambda: network(x), optimizer), CPU)
    twice = peak_allocation(
        lambda: [training_step(lambda: network(x), optimizer) for _ in range(2)], CPU
    )
    assert once == twice > 4 * 16_000


def test_totals_begin_where_the_call_does() -> None:
    """The allocator's total counts from the start of the process, and events come in any order."""

    def event(ts: int, size: int, total: int, device: int = 0) -> dict[str, Any]:
        return {"ts": ts, "args": {"Bytes": size, "Total Allocated": total, "Device Type": device}}

    events = [event(3, -70, 130), event(1, 100, 200), event(2, 0, 999, 1), event(4, 20, 150)]
    assert highest_total(events) == 100


def test_on_cuda_the_allocators_own_peak_is_read() -> None:
    """Above what was allocated before, from a peak that is set back first."""
    said: list[str] = []
    peaks = {"now": 700, "peak": 9000}

    def reset(device: Any) -> None:
        peaks["peak"] = peaks["now"]

    def call() -> None:
        said.append("call")
        peaks["peak"] = max(peaks["peak"], 1900)

    fake = SimpleNamespace(
        synchronize=lambda device: said.append("wait"),
        reset_peak_memory_stats=reset,
        memory_allocated=lambda device: peaks["now"],
        max_memory_allocated=lambda device: peaks["peak"],
    )
    assert peak_allocation(call, torch.device("cuda"), fake) == 1200
    assert said == ["wait", "call", "wait"]


# -- shapes of the way back ------------------------------------------------------------


def meta(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def agrees(operation: Any, *args: Any, **kwargs: Any) -> bool:
    """Hold a shape rule to torch's kernel; tell whether it answered at all."""
    answer = TRAINING_BLANKS[operation](*args, **kwargs)
    if answer is None:
        return False
    expected = operation(*args, **kwargs)
    pairs = zip(answer, expected, strict=True) if type(answer) is tuple else [(answer, expected)]
    for ours, theirs in pairs:
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert (ours.shape, ours.stride()) == (theirs.shape, theirs.stride())
            assert (ours.dtype, ours.device) == (theirs.dtype, theirs.device)
    return True


wanted = st.tuples(st.booleans(), st.booleans(), st.booleans()).map(list)
dtypes = st.sampled_from([torch.float32, torch.float16, torch.float64])


@settings(deadline=None, max_examples=60)
@given(
    batch=st.integers(1, 3), channels=st.integers(1, 4), out=st.integers(1, 4),
    groups=st.integers(1, 2), stride=st.integers(1, 2), wanted=wanted, dtype=dtypes,
)  # fmt: skip
def test_shapes_of_the_way_back(
    batch: int, channels: int, out: int, groups: int, stride: int, wanted: list[bool], dtype: Any
) -> None:
    """As torch's own kernels give them, strides included."""
    x = meta(batch, channels * groups, 7, 6, dtype=dtype)
    weight = meta(out * groups, channels, 3, 2, dtype=dtype)
    window = ([stride, stride], [1, 0], [1, 1], False, [0, 0], groups)
    y = aten.convolution.default(x, weight, None, *window)
    assert agrees(aten.convolution_backward.default, y, x, weight, [out * groups], *window, wanted)
    scale, numbers = meta(channels * groups, dtype=dtype), meta(channels * groups)
    stats = (scale, scale) if dtype is not torch.float16 else (None, None)
    norm = (x, scale, scale, *stats, True, 0.1, 1e-5)
    assert agrees(aten.native_batch_norm.default, *norm)
    back = (x, x, scale, *stats, numbers, numbers, True, 1e-5, wanted)
    assert agrees(aten.native_batch_norm_backward.default, *back) == all(wanted)
    assert agrees(aten.threshold_backward.default, x, x, 0)
    assert agrees(aten.add_.Tensor, x, x, alpha=2)
    assert not agrees(aten.threshold_backward.default, x.transpose(2, 3), x, 0)
    assert not agrees(aten.add_.Tensor, x, meta(1, dtype=dtype))


def test_operations_without_a_rule_take_what_they_return() -> None:
    """A sum of one type and a product of equal types need nothing converted."""
    x = torch.ones(3, 4)
    assert cpu_memory(aten.mul.Tensor, (x, x), x * x) == NOTHING
    assert cpu_memory(aten.sum.dim_IntList, (x, [1]), x.sum(1)) == NOTHING
    # whole numbers become floating-point first: 12, and the result's 12
    assert cpu_memory(aten.mul.Tensor, (x, x.long()), x * x) == exactly(4 * 24)
    # truth values become whole numbers of eight bytes first: 12, and the result's 3
    assert cpu_memory(aten.sum.dim_IntList, (x > 0, [1]), (x > 0).sum(1)) == exactly(8 * 15)
    # MKL draws numbers of four bytes, whatever they are for, on Intel's processors
    assert cpu_memory(aten.bernoulli_.float, (x.half(), 0.5), x).high == 4 * 12
