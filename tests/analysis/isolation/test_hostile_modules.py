"""Modules that are written against all habits are counted, or refused in one line, and survive."""

import asyncio
import itertools
import os
import random
import sys
import threading
from array import array
from collections import namedtuple
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archbench
from archbench.analysis.memory.estimate import estimate_memory
from archbench.app import run
from archbench.commands.summary.cross_check import cross_check
from archbench.errors import ArchbenchError, UserCodeError
from archbench.networks.resolve import load, plan_for
from tests.systems import needs_posix

CONV = 36 * 4 * 27  # MACs of a 3x3 convolution from 3 to 4 channels on 8x8
LINEAR = 9


class Conv(nn.Module):
    """A convolution, for subclasses to be odd around."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Any:
        return self.conv(x)


def macs(model: nn.Module, size: Any = (3, 8, 8)) -> int:
    return archbench.profile(model, size).totals.macs


# -- classes that answer for others


@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method")  # torch's compiler, of its own
def test_a_wrapper_that_delegates_to_a_compiled_network_keeps_its_own_layers() -> None:
    """Its __getattr__ answers with the inner network's `_orig_mod`."""

    class Wrapper(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.compile(nn.Conv2d(3, 4, 3))
            self.head = nn.Conv2d(4, 512, 3)

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattr__("inner"), name)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(self.inner(x))
            return out

    totals = archbench.profile(Wrapper(), (3, 32, 32)).totals
    assert totals.macs == 30 * 30 * 4 * 27 + 512 * 4 * 9 * 28 * 28
    assert totals.params == 4 * 27 + 4 + 512 * 36 + 512


def answers_with_self(module: nn.Module, name: str) -> Any:
    return module


def raises(module: nn.Module, name: str) -> Any:
    raise RuntimeError(f"there is no {name}")


@pytest.mark.parametrize("answer", [answers_with_self, raises])
def test_odd_answers_of_getattr_are_no_trap(answer: Callable[[nn.Module, str], Any]) -> None:
    """For any name that nn.Module does not know."""

    class Odd(Conv):
        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                return answer(self, name)

    assert macs(Odd()) == CONV


def test_properties_and_descriptors_that_raise_are_not_asked() -> None:
    """Nor is a class's own __setattr__."""

    class Guarded(Conv):
        @property
        def broken(self) -> Any:
            raise RuntimeError("broken")

        def __setattr__(self, name: str, value: Any) -> None:
            if "conv" in self.__dict__.get("_modules", {}):
                raise RuntimeError("sealed")
            super().__setattr__(name, value)

    assert macs(Guarded()) == CONV


class Equal(nn.Module):
    """A module that is equal to every other of its kind, and has no hash or the same."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Equal)

    def forward(self, x: Tensor) -> Any:
        return self.conv(x)


class EqualHash(Equal):
    """Equal modules are one key of a dict, though they are two modules."""

    def __hash__(self) -> int:
        return 1


@pytest.mark.parametrize("kind", [Equal, EqualHash])
def test_modules_are_told_apart_by_identity(kind: type[Equal]) -> None:
    """Two modules that are equal are counted twice; one without a hash is counted."""
    profile = archbench.profile(nn.Sequential(kind(3), kind(4)), (3, 8, 8))
    assert profile.totals.macs == CONV + 16 * 4 * 36
    assert profile.totals.params == 4 * 27 + 4 + 4 * 36 + 4


@pytest.mark.parametrize("mode", ["infer", "train"])
def test_memory_needs_no_hash_of_a_module(mode: str) -> None:
    """Torch's own parameters() and train() ask for it; 4 bytes are a float32."""
    loaded = load(nn.Sequential(Equal(3)))
    found = estimate_memory(loaded, plan_for(loaded, (3, 8, 8), 1), mode=mode)
    assert found.weights_bytes == 4 * (4 * 27 + 4)


def test_explain_and_parts_need_no_hash_of_a_module(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an input size explain counts the parameters first; a part runs its network first."""
    module = Equal.__module__
    file = tmp_path / "equal.py"
    file.write_text(
        f"from torch import nn\nfrom {module} import Equal\n"
        "def build():\n    return nn.Sequential(Equal(3), Equal(4))\n"
    )
    assert run(["explain", f"{file}:build", "--no-run"]) == 2
    assert "needs an input size" in capsys.readouterr().err
    profile = archbench.profile(f"{file}:build[module=1]", (3, 8, 8))
    assert profile.totals.macs == 16 * 4 * 36


def test_a_counter_that_refuses_a_network_is_named() -> None:
    """Fvcore asks every module for its hash."""
    loaded = load(nn.Sequential(Equal(3)))
    profile = archbench.profile(loaded.module, (3, 8, 8))
    with pytest.raises(ArchbenchError, match="fvcore cannot count Sequential: TypeError"):
        cross_check(loaded, plan_for(loaded, (3, 8, 8), 1), profile)


# -- tensors of unusual classes


class Packed(nn.Parameter):
    """A parameter with a method of its own, as packages of quantised weights have it."""

    def unpacked(self) -> Tensor:
        return self.data * 2


class Pair(tuple):  # type: ignore[type-arg]
    """A tuple with a method."""

    __slots__ = ()

    def total(self) -> Any:
        return self[0] + self[1]


class Twice(namedtuple("Twice", "first second")):
    """A named tuple that is built from one value."""

    def __new__(cls, value: Tensor) -> "Twice":
        return super().__new__(cls, value, value)


class Unusual(nn.Module):
    """Holds tensors in unusual classes."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = Packed(torch.ones(3, 3))
        self.pair = Pair((torch.ones(3), torch.ones(3)))
        self.best = torch.max(torch.ones(3, 3), 0)
        self.twice = Twice(torch.ones(3))

    def forward(self, x: Tensor) -> Tensor:
        y = x @ self.weight.unpacked()
        out: Tensor = y + self.pair.total() + self.best.values + self.twice.second
        return out


def test_stand_ins_have_the_class_of_what_they_stand_for() -> None:
    """Methods of parameters and of tuples work; all of it is put back."""
    model = Unusual()
    before = dict(vars(model)), model.weight
    profile = archbench.profile(model, "float32:3")
    assert (profile.device, profile.totals.macs) == ("meta", 9)
    assert model.weight is before[1]
    assert all(vars(model)[name] is value for name, value in before[0].items())
    assert model(torch.ones(1, 3)).shape == (1, 3)


@pytest.mark.filterwarnings("ignore:.*quantize_per_tensor", "ignore:.*nested tensors")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.quantize_per_tensor(torch.ones(3, 3), 0.1, 0, torch.qint8),
        lambda: torch.nested.nested_tensor([torch.ones(3), torch.ones(2)]),
        lambda: torch.ones(3, 3).to_sparse(),
    ],
    ids=["quantised", "nested", "sparse"],
)
def test_buffers_of_other_layouts_survive(make: Callable[[], Tensor]) -> None:
    """A quantised or nested tensor has no twin on the meta device."""
    model = nn.Linear(3, 3, bias=False)
    model.register_buffer("odd", make())
    kept = model.odd
    assert macs(model, "float32:3") == LINEAR
    assert model.odd is kept


# -- what changes in place


def test_generators_iterators_and_bytes_stand_where_they_stood() -> None:
    """A module may hold any of them; forward() moves all of them on."""

    class Draws(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)
            self.python, self.numpy = random.Random(3), np.random.default_rng(3)
            self.old = np.random.RandomState(3)
            self.torch = torch.Generator().manual_seed(3)
            self.count, self.items = itertools.count(), iter([1, 2])
            self.bytes, self.array = bytearray(b"abc"), array("i", [1, 2])

        def forward(self, x: Tensor) -> Any:
            self.python.random(), self.numpy.random(), self.old.rand()
            torch.rand(1, generator=self.torch)
            next(self.count), next(self.items)
            self.bytes[0] = 0
            self.bytes.append(1)
            self.array.append(3)
            return self.linear(x)

        def drawn(self) -> list[Any]:
            numbers = [self.python.random(), self.numpy.random(), self.old.rand()]
            numbers.append(torch.rand(1, generator=self.torch).item())
            return [*numbers, next(self.count), next(self.items), self.bytes, self.array]

    model = Draws()
    assert macs(model, "float32:3") == LINEAR
    assert model.drawn() == Draws().drawn()


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_a_graph_that_is_alive_can_still_run_backward() -> None:
    """The weights of a scripted module are not written to where they did not change."""
    model = torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)))
    loss = model(torch.randn(1, 3, 8, 8)).sum()
    archbench.profile(model, (3, 8, 8))
    loss.backward()


def test_a_dict_can_be_read_on_after_an_analysis_in_the_middle() -> None:
    """A container that forward() did not change is left alone."""
    model = Conv()
    model.names = {"a": 1, "b": 2}
    for _ in model.names:
        archbench.profile(model, (3, 8, 8))


def test_objects_that_are_passed_in_are_left_as_they_were() -> None:
    """A cache of keys and values does not grow."""

    class Cache:
        def __init__(self) -> None:
            self.keys = [torch.ones(1, 3)]

    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)

        def forward(self, x: Tensor, cache: Cache) -> Tensor:
            cache.keys.append(self.linear(x))
            return torch.cat(cache.keys)

    cache = Cache()
    first = cache.keys[0]
    profile = archbench.profile(Attends(), inputs=(torch.ones(1, 3), cache))
    assert (profile.device, profile.totals.macs) == ("meta", LINEAR)
    assert len(cache.keys) == 1
    assert cache.keys[0] is first


def test_a_hook_s_own_store_is_emptied_again() -> None:
    """Feature extractors keep the outputs of layers in a dict of their own."""
    features: dict[str, Tensor] = {}
    model = nn.Sequential(nn.Linear(3, 3))
    model[0].register_forward_hook(lambda module, args, out: features.update(out=out))
    assert macs(model, "float32:3") == LINEAR
    assert features == {}


# -- work that is done elsewhere or later


def test_layers_that_run_in_other_threads_are_counted() -> None:
    """Torch's modes are a thread's own; rows do not depend on which thread was first."""

    class Threads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([nn.Conv2d(3, 4, 3) for _ in range(4)])

        def forward(self, x: Tensor) -> Any:
            with ThreadPoolExecutor(2) as pool:
                first, *others = pool.map(lambda layer: layer(x), self.branches)
            return sum(others, first)

    profiles = [archbench.profile(Threads(), (3, 8, 8)) for _ in range(3)]
    assert [profile.totals.macs for profile in profiles] == [4 * CONV] * 3
    assert profiles[0].totals.depth == 1
    assert profiles[0].layers == profiles[1].layers == profiles[2].layers


def in_a_thread(function: Callable[[], Tensor]) -> Tensor:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


TABLE = torch.ones(4, 1, 1)
POOL = ThreadPoolExecutor(1)
POOL.submit(int).result()  # the pool's thread runs before any network does

THREADS = {
    "used": (lambda m, x: m.norm(in_a_thread(lambda: F.conv2d(x, m.weight))), 0, False),
    "returned": (lambda m, x: in_a_thread(lambda: F.conv2d(x, m.weight)), 0, False),
    "added": (lambda m, x: m.conv(x) + in_a_thread(lambda: F.conv2d(x, m.weight)), CONV, False),
    "behind a layer": (
        lambda m, x: m.norm(in_a_thread(lambda: F.conv2d(m.conv(x), m.second))),
        CONV,
        False,
    ),
    "on values": (
        lambda m, x: x * float(in_a_thread(lambda: F.conv2d(x, m.weight)).sum()),
        0,
        False,
    ),
    "in a pool of before": (
        lambda m, x: POOL.submit(lambda: F.conv2d(x, m.weight)).result() + 1,
        0,
        False,
    ),
    "a layer alone": (lambda m, x: m.norm(in_a_thread(lambda: m.conv(x))) * TABLE, CONV, True),
    "a buffer returned": (
        lambda m, x: (in_a_thread(lambda: m.conv(x)), m.norm.running_mean),
        CONV,
        True,
    ),
    "no torch": (lambda m, x: m.conv(x) * in_a_thread(lambda: cast("Any", 2)), CONV, True),
}


@pytest.mark.parametrize("case", THREADS)
def test_what_threads_run_outside_of_layers_makes_a_lower_bound(case: str) -> None:
    """Only a thread that computed something unseen does: no lower bound for a thread that waits."""
    forward, expected, complete = THREADS[case]

    class Threads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.weight = nn.Parameter(torch.ones(4, 3, 3, 3))
            self.second = nn.Parameter(torch.ones(4, 4, 1, 1))

        def forward(self, x: Tensor) -> Any:
            return forward(self, x)

    profile = archbench.profile(Threads(), (3, 8, 8))
    assert profile.totals.macs == expected
    assert profile.totals.complete == complete
    said = "a thread of forward() ran operations outside of any layer"
    assert profile.missed == (() if complete else (said,))


def lazily(out: Callable[[Conv, Tensor], Any]) -> nn.Module:
    """Return a network whose output is computed as somebody reads it."""

    class Lazy(Conv):
        def forward(self, x: Tensor) -> Any:
            return out(self, x)

    return Lazy()


async def coroutine(model: Conv, x: Tensor) -> Any:
    return model.conv(x)


async def asynchronous(model: Conv, x: Tensor) -> AsyncIterator[Any]:
    yield model.conv(x)


async def waits(model: Conv, x: Tensor) -> Any:
    await asyncio.sleep(0)


def endless(model: Conv, x: Tensor) -> Iterator[Any]:
    while True:
        yield model.conv(x)


@pytest.mark.parametrize(
    ("out", "calls"),
    [
        (lambda model, x: {"out": (model.conv(x) for _ in range(2))}, 2),
        (lambda model, x: map(model.conv, [x, x]), 2),
        (coroutine, 1),
    ],
    ids=["a generator in a dict", "map", "a coroutine"],
)
def test_outputs_that_are_computed_later_are_read(out: Any, calls: int) -> None:
    """They are the network's output, too."""
    profile = archbench.profile(lazily(out), (3, 8, 8))
    assert profile.totals.macs == calls * CONV
    assert profile.totals.complete


@pytest.mark.parametrize(
    ("out", "what"),
    [
        (endless, "a generator that goes on after 10,000 items"),
        (waits, "a coroutine that waits for something"),
        (asynchronous, "an asynchronous generator"),
    ],
)
def test_outputs_that_cannot_be_read_to_their_end_are_named(out: Any, what: str) -> None:
    """The counts are lower bounds then, and refused under strict."""
    profile = archbench.profile(lazily(out), (3, 8, 8))
    assert not profile.totals.complete
    assert profile.missed == (f"the network returned {what}",)
    with pytest.raises(ArchbenchError, match=what) as refused:
        archbench.profile(lazily(out), (3, 8, 8), strict=True)
    assert refused.value.exit_code == 4


def test_a_network_may_differentiate_inside_forward() -> None:
    """Its backward pass is counted, and leaves no gradient behind."""

    class Adapts(Conv):
        def forward(self, x: Tensor) -> Any:
            with torch.enable_grad():
                y = self.conv(x)
                y.sum().backward()
            return y

    model = Adapts()
    assert macs(model) == 2 * CONV  # forward, and the gradient of the weight
    assert model.conv.weight.grad is None


# -- depth, and numbers of modules


def nested(levels: int) -> nn.Module:
    model: nn.Module = nn.Conv2d(3, 4, 3)
    for _ in range(levels):
        model = nn.Sequential(model)
    return model


def test_archbench_needs_no_more_of_the_recursion_limit_than_the_network() -> None:
    """What runs by itself is counted, close to the limit too; the limit is as before."""
    limit = sys.getrecursionlimit()
    levels = (limit - 200) // 4
    nested(levels)(torch.ones(1, 3, 8, 8))
    assert macs(nested(levels)) == CONV
    assert sys.getrecursionlimit() == limit


def test_a_network_too_deep_to_run_is_refused_in_one_line() -> None:
    """The reason stands behind a path that is cut short."""
    with pytest.raises(UserCodeError, match="RecursionError") as refused:
        macs(nested(5000))
    assert len(refused.value.message) < 300


def test_modules_with_very_many_paths_are_counted_by_one_path_each() -> None:
    """Sixteen containers that hold the one before twice: 2^17 - 1 paths, and 2^16 of the layer."""
    model: nn.Module = nn.Sequential(nn.Identity())
    for _ in range(16):
        model = nn.Sequential(model, model)
    profile = archbench.profile(model, (3, 8, 8))
    assert len(profile.layers) == 18
    assert profile.layers[-1].calls == 2**16
    paths = 2**17 - 1 + 2**16
    said = f"{paths:,} paths lead to 18 modules: each module is shown at one path"
    assert profile.remarks == (said,)


# -- whose fault it is


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), GeneratorExit(), pytest.skip.Exception("skipped")]
)
def test_an_exception_outside_of_the_usual_tree_is_the_network_s(error: BaseException) -> None:
    """It ends no program, and is no regression: exit code 3."""

    class Raises(Conv):
        def forward(self, x: Tensor) -> Any:
            raise error

    with pytest.raises(UserCodeError, match=type(error).__name__):
        macs(Raises())


def test_a_process_that_would_end_itself_is_told() -> None:
    """os._exit() in forward() raises; in a child that forward() forks it ends the child."""
    child = os.fork if hasattr(os, "fork") else None

    class Leaves(Conv):
        def forward(self, x: Tensor) -> Any:
            if child is not None:
                pid = child()
                if pid == 0:
                    os._exit(7)
                assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
            os._exit(0)

    end = os._exit
    with pytest.raises(UserCodeError, match="SystemExit: 0"):
        macs(Leaves())
    assert os._exit is end


@needs_posix("a child is forked to try the network by itself")
def test_a_network_that_fails_under_the_analysis_only_is_not_blamed() -> None:
    """One line says that it is archbench which cannot."""

    class Suspicious(Conv):
        def forward(self, x: Tensor) -> Any:
            if "forward" in vars(self):
                raise RuntimeError("I am watched")
            return super().forward(x)

    with pytest.raises(
        ArchbenchError, match=r"archbench cannot analyse Suspicious: .*watched"
    ) as e:
        macs(Suspicious())
    assert e.value.exit_code == 2
    assert "runs by itself" in e.value.hint


def test_a_lock_in_another_thread_is_no_matter() -> None:
    """A module may hold locks and threads."""
    model = Conv()
    model.lock, model.thread = threading.Lock(), threading.current_thread()
    assert macs(model) == CONV


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_frozen_scripted_networks_are_counted() -> None:
    """Freezing takes away the mode, and makes constants of the weights."""
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 5)).eval()
    assert macs(torch.jit.freeze(torch.jit.script(net))) == 36 * 8 * 27 + 288 * 5
