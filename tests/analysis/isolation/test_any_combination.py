"""A network that was analysed cannot be told from a twin that never was, whatever it is made of.

Each network is a chain of layers, and each layer has some habits: what it keeps, and what its
forward() does with it. Two networks are built alike; one is analysed. Then both must hold the same,
and run and differentiate to the same numbers, random ones included.
"""

import random
import re
from collections import Counter, OrderedDict, UserDict, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

import archbench
from archbench.errors import ArchbenchError

WIDTH = 4
REFUSALS = re.compile("RuntimeError: of its own|has lazy parameters and cannot be copied")

Act = Callable[[Any, Tensor], Tensor]


class Habit:
    """What a layer keeps, what forward() does with it, and what can be seen of it."""

    def __init__(self, keep: Callable[[Any], None], act: Act, see: Callable[[Any], Any]) -> None:
        self.keep, self.act, self.see = keep, act, see


HABITS: dict[str, Habit] = {}


def habit(see: Callable[[Any], Any] = lambda layer: None) -> Callable[[type], type]:
    """Add a class with keep() and act() to the habits."""

    def add(kind: Any) -> type:
        HABITS[kind.__name__] = Habit(kind.keep, kind.act, see)
        return kind  # type: ignore[no-any-return]

    return add


# -- containers


@habit(lambda layer: len(layer.seen))
class AppendsToAList:
    def keep(layer: Any) -> None:
        layer.seen = []

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.seen.append(x)
        return x + len(layer.seen)


@habit(lambda layer: [list(layer.queue), sorted(layer.counts.items()), list(layer.order)])
class FillsContainers:
    def keep(layer: Any) -> None:
        layer.queue = deque([1, 2, 3], maxlen=3)
        layer.counts, layer.order = Counter(), OrderedDict(a=1, b=2)
        layer.groups = defaultdict(list)

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.queue.append(4)
        layer.counts["calls"] += 1
        layer.order.move_to_end("a")
        layer.groups["new"].append(x)
        return x * sum(layer.queue) + layer.counts["calls"]


@habit(lambda layer: sorted(layer.table))
class CachesInAUserDict:
    def keep(layer: Any) -> None:
        layer.table = UserDict()

    def act(layer: Any, x: Tensor) -> Tensor:
        if "ramp" not in layer.table:
            layer.table["ramp"] = torch.arange(WIDTH, device=x.device).float()
        return x + layer.table["ramp"]


class Slotted:
    __slots__ = ("calls", "table")

    def __init__(self) -> None:
        self.calls, self.table = 0, None


@habit(lambda layer: layer.slotted.calls)
class KeepsInSlots:
    def keep(layer: Any) -> None:
        layer.slotted = Slotted()

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.slotted.calls += 1
        if layer.slotted.table is None:
            layer.slotted.table = torch.ones(WIDTH, device=x.device)
        return x * layer.slotted.table * layer.slotted.calls


@dataclass(frozen=True)
class Frozen:
    scale: Tensor
    names: Any = field(default_factory=lambda: MappingProxyType({"a": 1}))


@habit(lambda layer: layer.frozen.scale)
class HoldsAFrozenRecord:
    def keep(layer: Any) -> None:
        layer.frozen = Frozen(torch.full((WIDTH,), 2.0))

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.frozen.scale.add_(1)
        return x * layer.frozen.scale.to(x.device)


@habit(lambda layer: [layer.numbers.tolist(), layer.fixed.tolist(), bytes(layer.octets)])
class ChangesArrays:
    def keep(layer: Any) -> None:
        layer.numbers, layer.fixed = np.arange(3.0), np.ones(2)
        layer.fixed.flags.writeable = False
        layer.octets = bytearray(b"abc")

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.numbers += 1
        layer.octets[0] += 1
        return x * float(layer.numbers.sum()) + layer.octets[0]


# -- caches that nobody looks into


class Like:
    """A tensor as a key that is equal to every other: the first one decides where a table lies."""

    def __init__(self, tensor: Tensor) -> None:
        self.device = tensor.device

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Like)

    def __hash__(self) -> int:
        return 0


@lru_cache
def ramp(like: Like, width: int) -> Tensor:
    return torch.linspace(0, 1, width, device=like.device)


@habit()
class CachesByLruCache:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        return x + ramp(Like(x), WIDTH)


OF_THE_MODULE: dict[str, Tensor] = {}


@habit()
class CachesInAModule:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        if "sines" not in OF_THE_MODULE:
            OF_THE_MODULE["sines"] = torch.arange(WIDTH, device=x.device).float().sin()
        return x + OF_THE_MODULE["sines"]


@habit(lambda layer: layer.helper is not None)
class CachesInAClosure:
    def keep(layer: Any) -> None:
        kept: list[Tensor] = []

        def helper(x: Tensor) -> Tensor:
            if not kept:
                kept.append(torch.ones(WIDTH, device=x.device).cumsum(0))
            return x * kept[0]

        layer.helper = helper

    def act(layer: Any, x: Tensor) -> Tensor:
        return layer.helper(x)  # type: ignore[no-any-return]


# -- random numbers and iterators


@habit(lambda layer: [layer.torch_s.get_state(), layer.python_s.getstate()])
class DrawsFromItsOwnGenerators:
    def keep(layer: Any) -> None:
        layer.torch_s = torch.Generator().manual_seed(3)
        layer.python_s, layer.numpy_s = random.Random(4), np.random.default_rng(5)

    def act(layer: Any, x: Tensor) -> Tensor:
        drawn = torch.rand(WIDTH, generator=layer.torch_s).to(x.device)
        return x + drawn + layer.python_s.random() + layer.numpy_s.random()


@habit()
class DrawsFromTheGlobalGenerators:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        return x + torch.rand(WIDTH).to(x.device) + random.random() + np.random.rand()


@habit()
class Seeds:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        torch.manual_seed(1)
        random.seed(1)
        return x


@habit()
class ReadsAnIterator:
    def keep(layer: Any) -> None:
        layer.numbers_left = iter(range(100))

    def act(layer: Any, x: Tensor) -> Tensor:
        return x + next(layer.numbers_left)


# -- parameters, buffers, modes and hooks


class WithAMethod(nn.Parameter):
    def doubled(self) -> Tensor:
        return self.data * 2


@habit()
class UsesAParameterWithAMethod:
    def keep(layer: Any) -> None:
        layer.own = WithAMethod(torch.ones(WIDTH))

    def act(layer: Any, x: Tensor) -> Tensor:
        return x + layer.own.doubled() + layer.own  # type: ignore[no-any-return]


@habit()
class HasALazyLayer:
    def keep(layer: Any) -> None:
        layer.lazy = nn.LazyLinear(WIDTH)

    def act(layer: Any, x: Tensor) -> Tensor:
        return layer.lazy(x)  # type: ignore[no-any-return]


@habit()
class ChangesItsWeights:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        with torch.no_grad():
            layer.linear.weight.mul_(1.5)
        return x


@habit(lambda layer: layer.linear.bias.requires_grad)
class FreezesAndReplaces:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.linear.bias.requires_grad_(False)
        layer.linear.weight = nn.Parameter(layer.linear.weight.detach() + 1)
        return x


@habit()
class CountsInABuffer:
    def keep(layer: Any) -> None:
        layer.register_buffer("steps", torch.zeros(1))

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.steps += 1
        return x * layer.steps  # type: ignore[no-any-return]


@habit(lambda layer: layer.quantised.int_repr())
class HoldsOtherLayouts:
    def keep(layer: Any) -> None:
        quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
        layer.register_buffer("quantised", quantised)
        rows = [torch.ones(2), torch.ones(3)]
        layer.register_buffer("rows", torch.nested.nested_tensor(rows, layout=torch.jagged))

    def act(layer: Any, x: Tensor) -> Tensor:
        return x + float(layer.quantised.dequantize().sum())


@habit(lambda layer: [layer.training, len(layer.linear._forward_hooks)])
class SwitchesAndHooks:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.train(not layer.training)
        layer.linear.register_forward_hook(lambda module, args, out: out + 1)
        return x


@habit(lambda layer: sorted(vars(layer)))
class SetsAndDeletesAttributes:
    def keep(layer: Any) -> None:
        layer.goes = 1

    def act(layer: Any, x: Tensor) -> Tensor:
        layer.comes, layer.last = x, SimpleNamespace(x=x)
        if hasattr(layer, "goes"):
            del layer.goes
        return x


# -- what forward() runs


@habit()
class ReadsValues:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        return x if float(x.detach().sum()) < 1e30 else -x


@habit()
class RunsInAThread:
    def keep(layer: Any) -> None:
        layer.other = nn.Linear(WIDTH, WIDTH)

    def act(layer: Any, x: Tensor) -> Tensor:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(layer.other, x).result()  # type: ignore[no-any-return]


@habit()
class DifferentiatesInside:
    def keep(layer: Any) -> None: ...

    def act(layer: Any, x: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad((layer.linear(leaf) ** 2).sum(), leaf)
        return x + slope


@habit()
class Fails:
    def keep(layer: Any) -> None:
        layer.fails = True

    def act(layer: Any, x: Tensor) -> Tensor:
        if layer.fails:
            raise RuntimeError("of its own")
        return x


class Layer(nn.Module):
    """A linear layer with some habits; a property and a descriptor of its own raise."""

    def __init__(self, habits: list[str]) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.habits = habits
        for name in habits:
            HABITS[name].keep(self)

    @property
    def refuses(self) -> Any:
        raise ValueError("a property that raises")

    def forward(self, x: Tensor) -> Tensor:
        for name in self.habits:
            x = HABITS[name].act(self, x)
        return torch.tanh(self.linear(x))  # type: ignore[no-any-return]


class Unhashable(Layer):
    """A layer that is equal to every other one, and has no hash."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable)

    __hash__ = None  # type: ignore[assignment]


class Delegates(Layer):
    """A layer that answers for whatever it lacks with what its linear layer has."""

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("linear"), name)


KINDS = {kind.__name__: kind for kind in (Layer, Unhashable, Delegates)}
LAYERS = st.lists(
    st.tuples(
        st.sampled_from(sorted(KINDS)), st.lists(st.sampled_from(sorted(HABITS)), max_size=4)
    ),
    min_size=1,
    max_size=3,
)


def built(layers: list[tuple[str, list[str]]], training: bool) -> nn.Module:
    torch.manual_seed(0)
    made = [KINDS[kind](list(dict.fromkeys(habits))) for kind, habits in layers]
    model = nn.Sequential(*made)
    model[0].linear.weight.grad = torch.ones(WIDTH, WIDTH)
    for layer in made:
        layer.training = training
    return model


def tensors_of(layer: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the parameters and buffers of a layer that may have no hash."""
    modules = [layer, *layer._modules.values()]
    return [pair for m in modules for pair in [*m._parameters.items(), *m._buffers.items()]]


def seen(model: nn.Module) -> list[Any]:
    """Return what can be seen of a network from outside."""
    found: list[Any] = []
    for layer in model:
        found += [HABITS[name].see(layer) for name in layer.habits]
        found += [layer.training, layer.linear.training, list(layer._modules), list(vars(layer))]
        for name, tensor in tensors_of(layer):
            found += [name, type(tensor), tensor.device, tensor.requires_grad, tensor.grad]
            if is_lazy(tensor):
                continue
            if tensor.layout is torch.strided and not tensor.is_quantized:
                found.append(tensor.detach().clone())
    return found


def surroundings() -> list[Any]:
    numpy_state: Any = np.random.get_state()
    return [
        torch.get_rng_state(),
        random.getstate(),
        numpy_state[1].tolist(),
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
        torch.get_num_threads(),
    ]


def run_once(model: nn.Module) -> list[Any]:
    """Return the outputs and gradients of two calls, or the failure, and what is seen then."""
    torch.manual_seed(7)
    random.seed(7)
    np.random.seed(7)
    x = torch.linspace(-1, 1, 3 * WIDTH).reshape(3, WIDTH).requires_grad_()
    found: list[Any] = []
    for _ in range(2):
        try:
            out = model(x)
            out.sum().backward()
            found += [out.detach(), x.grad]
        except RuntimeError as error:
            found.append(str(error))
    return [*found, *seen(model), *surroundings()]


def assert_equal(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        torch.testing.assert_close(other, one, rtol=0, atol=0, equal_nan=True)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


def forget() -> None:
    """Empty the caches that all networks share."""
    ramp.cache_clear()
    OF_THE_MODULE.clear()


@pytest.mark.filterwarnings("ignore")
@given(layers=LAYERS, training=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_network_that_was_analysed_cannot_be_told_from_its_twin(
    layers: list[tuple[str, list[str]]], training: bool
) -> None:
    """They hold the same, run alike and differentiate alike; the surroundings are as before too."""
    forget()
    expected = run_once(built(layers, training))
    forget()
    model = built(layers, training)
    before = [*seen(model), *surroundings()]
    x = torch.ones(2, WIDTH)
    try:
        archbench.profile(model, inputs=(x,))
    except ArchbenchError as error:
        assert REFUSALS.search(str(error))
    assert_equal(before, [*seen(model), *surroundings()])
    assert torch.equal(x, torch.ones(2, WIDTH))
    assert_equal(expected, run_once(model))
