"""A user's module is given back as it was, whatever its forward() did."""

import copy
import random
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import archbench
from archbench.errors import ArchbenchError, UserCodeError


class Busy(nn.Module):
    """A network whose forward() changes whatever it can reach."""

    def __init__(self, reads: bool = False, fails: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.lstm = nn.LSTM(4, 5)
        self.register_buffer("steps", torch.zeros(1))
        self.calls = 0
        self.seen: list[Any] = ["before"]
        self.empty: list[Any] = []
        self.table: dict[str, Any] = {"a": 1}
        self.loose = torch.ones(4, 1, 1)
        self.reads, self.fails = reads, fails

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.seen.append(x)
        self.empty.append(x)
        self.table["b"] = x
        self.last = x
        self.steps += 1
        self.train()
        self.conv.register_forward_hook(lambda *_: None)
        with torch.no_grad():
            self.conv.weight.mul_(2)
        noise = torch.rand(1) + random.random() + np.random.rand()
        y = self.norm(self.conv(x)) * self.loose.to(x.device) + noise.to(x.device)
        if self.reads and y.sum().item() == 0:
            raise AssertionError
        if self.fails:
            y = self.lstm(torch.empty(1, 1, 99, device=x.device))
        return self.lstm(y.mean((2, 3)))[0]


def state(model: nn.Module) -> dict[str, Any]:
    """Everything about a module that must be bit-identical afterwards."""
    found: dict[str, Any] = OrderedDict()
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            found[f"{name}:{key}"] = frozen_copy(value)
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        found[name] = (id(tensor), tensor.device, tensor.detach().clone(), tensor.requires_grad)
        found[f"{name}.grad"] = None if tensor.grad is None else tensor.grad.clone()
    found["torch rng"] = torch.get_rng_state()
    found["python rng"] = random.getstate()
    found["numpy rng"] = np.random.get_state()[1].tolist()
    found["fast path"] = torch.backends.mha.get_fastpath_enabled()
    found["grad"] = torch.is_grad_enabled()
    return found


def frozen_copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: frozen_copy(item) for key, item in value.items()}
    return list(value) if isinstance(value, list | set) else value


def assert_same(before: Any, after: Any, where: str = "") -> None:
    if isinstance(before, Tensor):
        assert torch.equal(before, after), where
    elif isinstance(before, dict):
        assert list(before) == list(after), where
        for key in before:
            assert_same(before[key], after[key], f"{where}/{key}")
    elif isinstance(before, list | tuple):
        assert len(before) == len(after), where
        for i, (a, b) in enumerate(zip(before, after, strict=True)):
            assert_same(a, b, f"{where}[{i}]")
    else:
        assert before is after or before == after, where


@pytest.mark.parametrize("reads", [False, True], ids=["on meta", "on its own device"])
@pytest.mark.parametrize("fails", [False, True], ids=["runs", "raises"])
@pytest.mark.parametrize("training", [True, False])
def test_a_module_is_left_as_it_was(reads: bool, fails: bool, training: bool) -> None:
    """Parameters, buffers, mode, hooks, attributes, .grad and random states are bit-identical."""
    model = Busy(reads, fails).train(training)
    model.norm.eval()
    model.conv.register_forward_pre_hook(lambda *_: None)
    (model.conv.weight.sum() * 3).backward()
    before = state(model)
    if fails:
        with pytest.raises(UserCodeError, match=r"lstm \(LSTM\) on an input of 1x1x99"):
            archbench.profile(model, (3, 8, 8))
    else:
        assert archbench.profile(model, (3, 8, 8)).device == ("cpu" if reads else "meta")
    assert_same(before, state(model))
    assert "forward" not in vars(model.conv)


def test_lazy_parameters_stay_lazy() -> None:
    """A lazy module is analysed on a copy: it has no shape afterwards either."""
    model = nn.Sequential(nn.LazyConv2d(8, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))
    profile = archbench.profile(model, (3, 8, 8))
    assert profile.totals.macs == 36 * 8 * 27 + 36 * 8 * 5
    assert isinstance(model[0], nn.LazyConv2d)
    assert isinstance(model[3].weight, nn.UninitializedParameter)
    assert model(torch.randn(2, 3, 8, 8)).shape == (2, 5)


SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "dtype": (torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float64)),
    "device": (torch.get_default_device, lambda: torch.set_default_device("meta")),
    "threads": (torch.get_num_threads, lambda: torch.set_num_threads(7)),
    "precision": (
        torch.get_float32_matmul_precision,
        lambda: torch.set_float32_matmul_precision("medium"),
    ),
    "deterministic": (
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(True),
    ),
    "anomalies": (torch.is_anomaly_enabled, lambda: torch.autograd.set_detect_anomaly(True)),
    "gradients": (torch.is_grad_enabled, lambda: torch.set_grad_enabled(True)),
    "recursion": (sys.getrecursionlimit, lambda: sys.setrecursionlimit(5000)),
}


@pytest.mark.parametrize("reads", [False, True], ids=["on meta", "on its own device"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_forward_sets_for_the_whole_process_is_set_back(setting: str, reads: bool) -> None:
    """Whatever it sets would change how the program goes on."""
    read, put = SETTINGS[setting]

    class Sets(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            put()
            return x * float(x.sum()) if reads else x

    with torch.no_grad():
        before = read()
        archbench.profile(Sets(), "float32:4")
        assert read() == before


def test_a_lazy_network_needs_no_values() -> None:
    """Its copy stays on the meta device between its two passes, layers that run twice too."""
    lazy = nn.LazyLinear(8)
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 8), lazy, lazy)
    profile = archbench.profile(model, (3, 8, 8))
    assert (profile.device, profile.note) == ("meta", "")
    assert profile.totals.macs == 192 * 8 + 2 * 8 * 8
    assert profile.totals.params == 192 * 8 + 8 + 8 * 8 + 8
    assert isinstance(lazy.weight, nn.UninitializedParameter)


def test_parameters_without_values_are_kept() -> None:
    """A network that lies partly on the meta device has all its parameters afterwards."""

    class Partly(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 5), nn.Linear(5, 6, device="meta")

        def forward(self, x: Tensor) -> Tensor:
            return self.second(self.first(x).to("meta"))

    model = Partly()
    for _ in range(2):
        assert archbench.profile(model, "float32:4").totals.params == 4 * 5 + 5 + 5 * 6 + 6
    assert list(model.second._parameters) == ["weight", "bias"]
    assert model.second.weight.is_meta


def test_given_inputs_are_not_written_to() -> None:
    """A forward() that works in place gets copies."""

    class InPlace(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            x.add_(1)
            return x * float(x.sum())

    x = torch.zeros(2, 3)
    archbench.profile(InPlace(), inputs=(x,))
    assert torch.equal(x, torch.zeros(2, 3))
    assert not vars(x)


def test_dict_inputs_are_passed_by_name() -> None:
    """A dict of tensors names the arguments."""

    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 8)
            self.out = nn.Linear(8, 4, bias=False)

        def forward(self, image: Tensor, ids: Tensor) -> Tensor:
            return self.out(self.embed(ids)) + image.mean()

    inputs = {
        "ids": torch.zeros(2, 5, dtype=torch.int64),
        "image": torch.empty(2, 3, device="meta"),
    }
    profile = archbench.profile(Two(), inputs=inputs)
    assert profile.totals.macs == 10 * 8 * 4
    assert [(spec.name, spec.dtype, spec.shape) for spec in profile.inputs] == [
        ("ids", "int64", (5,)),
        ("image", "float32", (3,)),
    ]


FAILURES: list[tuple[str, Callable[[], nn.Module], str]] = [
    (
        "wrong width",
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(9, 2)),
        r"1 \(Linear\) on an input of 1x4x6x6",
    ),
    (
        "wrong channels",
        lambda: nn.Conv2d(5, 4, 3),
        r"the network itself \(Conv2d\) on an input of 1x3x8x8",
    ),
]


@pytest.mark.parametrize(("name", "build", "message"), FAILURES, ids=[f[0] for f in FAILURES])
def test_a_failing_forward_is_named_with_its_input(
    name: str, build: Callable[[], nn.Module], message: str
) -> None:
    """The error says which layer raised, on which shape, and is the user's."""
    with pytest.raises(UserCodeError, match=message) as caught:
        archbench.profile(build(), (3, 8, 8))
    assert caught.value.exit_code == 3
    assert caught.value.__cause__ is not None


def test_a_forward_that_exits_does_not_end_the_program() -> None:
    """sys.exit() in the user's code is the user's code raising."""

    class Leaves(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            raise SystemExit(0)

    with pytest.raises(UserCodeError, match="SystemExit"):
        archbench.profile(Leaves(), (3, 8, 8))


class Cache:
    """A plain object that a network keeps state in."""

    def __init__(self) -> None:
        self.keys: Tensor | None = None
        self.nested = {"log": [[]], "count": {"n": 0}}


class Keeper(nn.Module):
    """A network whose state lies deep: in objects, tuples, arrays, and modules torch cannot see."""

    def __init__(self, reads: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)
        self.cache = Cache()
        self.space = SimpleNamespace(total=torch.zeros(8))
        self.pair = (torch.zeros(8), (nn.Parameter(torch.zeros(8)),))
        self.queue: deque[int] = deque([1], maxlen=3)
        self.array = np.zeros(3)
        self.generator = torch.Generator().manual_seed(3)
        self.hidden = (nn.BatchNorm1d(8),)
        self.listed = [nn.BatchNorm1d(8)]
        self.linear.weight.scale = 2.0
        self.reads = reads

    def forward(self, x: Tensor) -> Tensor:
        y = self.listed[0](self.hidden[0](self.linear(x))) * self.linear.weight.scale
        cache = self.cache
        cache.keys = y if cache.keys is None else torch.cat([cache.keys, y])
        cache.nested["log"][0].append(y)
        cache.nested["count"]["n"] += 1
        self.space.total.add_(1)
        self.pair[0].add_(1)
        self.pair[1][0].add_(1)
        self.queue.append(2)
        self.array += 1
        torch.randn(8, generator=self.generator)
        if self.reads:
            float(y.sum())
        return y + self.space.total + self.pair[0]


@pytest.mark.parametrize("reads", [False, True], ids=["on meta", "on its own device"])
def test_state_that_lies_deep_is_left_as_it_was(reads: bool) -> None:
    """In objects, nested containers, tuples, arrays, generators and unregistered modules."""
    model = Keeper(reads).train()
    state = {
        "generator": model.generator.get_state(),
        "hidden": copy.deepcopy(model.hidden[0].state_dict()),
        "listed": copy.deepcopy(model.listed[0].state_dict()),
    }
    profile = archbench.profile(model, (8,), batch_size=4)
    assert profile.device == ("cpu" if reads else "meta")
    assert profile.totals.macs == 4 * 64
    assert model.cache.keys is None
    assert model.cache.nested == {"log": [[]], "count": {"n": 0}}
    assert not model.space.total.any()
    assert not model.pair[0].any()
    assert not model.pair[1][0].any()
    assert list(model.queue) == [1]
    assert not model.array.any()
    assert torch.equal(model.generator.get_state(), state["generator"])
    for name, module in (("hidden", model.hidden[0]), ("listed", model.listed[0])):
        assert module.training
        assert_same(dict(state[name]), dict(module.state_dict()), name)
    with torch.no_grad():
        model(torch.randn(4, 8))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")  # its category differs with the release
def test_scripted_modules_are_left_as_they_were() -> None:
    """They run in evaluation mode, on values that are put back."""
    scripted = torch.jit.script(nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 8)))
    for model in (scripted.train(), nn.Sequential(scripted)):
        before = copy.deepcopy(scripted.state_dict())
        assert archbench.profile(model, (8,), batch_size=4).totals.macs == 4 * 64
        assert_same(dict(before), dict(scripted.state_dict()))
        assert scripted.training


def test_nested_inputs_are_copied() -> None:
    """Tensors inside lists and dicts are moved with them, and the caller's stay as they were."""

    class Nested(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(8, 8)

        def forward(self, items: dict[str, list[Tensor]]) -> Tensor:
            return self.linear(items["x"].pop().add_(1))

    given = {"x": [torch.zeros(1, 8), torch.zeros(1, 8)]}
    profile = archbench.profile(Nested(), inputs=(given,))
    assert (profile.device, profile.totals.macs) == ("meta", 64)
    assert len(given["x"]) == 2
    assert not given["x"][1].any()
    assert not vars(given["x"][1])


def test_a_lazy_model_that_cannot_be_copied_fails_in_one_line() -> None:
    """A lock cannot be copied: it is archbench that cannot, and there is a way round."""
    model = nn.Sequential(nn.LazyLinear(5))
    model.lock = threading.Lock()
    with pytest.raises(ArchbenchError, match=r"cannot be copied: .*cannot pickle") as refused:
        archbench.profile(model, (8,))
    assert refused.value.exit_code == 2
    assert "run it once" in refused.value.hint
    model(torch.ones(1, 8))
    assert archbench.profile(model, (8,)).totals.macs == 40


def test_a_lazy_model_that_reads_values_runs_on_a_copy() -> None:
    """On its own device."""

    class LazyReads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.LazyLinear(5)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(x) * float(x.sum())

    model = LazyReads()
    profile = archbench.profile(model, (8,))
    assert (profile.device, profile.totals.macs, profile.totals.params) == ("cpu", 40, 45)
    assert isinstance(model.linear, nn.LazyLinear)
