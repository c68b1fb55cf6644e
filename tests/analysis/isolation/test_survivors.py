"""Whatever forward() keeps anywhere in the program, the network runs as before afterwards."""

import ctypes
import functools
import gc
import queue
import weakref
from collections import ChainMap, UserDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

import archbench
from archbench.errors import TensorsKept, UserCodeError
from tests.systems import needs_linux

GLOBAL: dict[str, Tensor] = {}
LAST: Tensor | None = None


def kept_in(store: Any, y: Tensor) -> Tensor:
    """Return a table that is made at the first call, as rotary embeddings keep theirs."""
    if "table" not in store:
        store["table"] = torch.arange(y.shape[-1], device=y.device).float() + 1
    table: Tensor = store["table"]
    return table


class Net(nn.Module):
    """A convolution, and a table that a subclass keeps somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.begin()

    def begin(self) -> None:
        """Prepare the place."""

    def table(self, y: Tensor) -> Tensor:
        """Return the table."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return y + self.table(y)


class InClass(Net):
    cache: ClassVar[dict[str, Tensor]] = {}

    def table(self, y: Tensor) -> Tensor:
        return kept_in(self.cache, y)


class InModule(Net):
    def table(self, y: Tensor) -> Tensor:
        return kept_in(GLOBAL, y)


class InLruCache(Net):
    @functools.lru_cache  # noqa: B019  # what it keeps is the point
    def at(self, n: int) -> Tensor:
        return torch.arange(n, device=self.conv.weight.device).float()

    def table(self, y: Tensor) -> Tensor:
        return self.at(y.shape[-1])


class InClosure(Net):
    def begin(self) -> None:
        kept = None

        def table(y: Tensor) -> Tensor:
            nonlocal kept
            kept = kept_in({}, y) if kept is None else kept
            return kept

        self.function = table

    def table(self, y: Tensor) -> Tensor:
        return self.function(y)


class InPartial(Net):
    def begin(self) -> None:
        self.function = functools.partial(kept_in, {})

    def table(self, y: Tensor) -> Tensor:
        return self.function(y)


class Helper:
    """An object that is called, as a rotary embedding is."""

    def __init__(self) -> None:
        self.cache: dict[str, Tensor] = {}

    def __call__(self, y: Tensor) -> Tensor:
        return kept_in(self.cache, y)


class InCallable(Net):
    def begin(self) -> None:
        self.helper = Helper()

    def table(self, y: Tensor) -> Tensor:
        return self.helper(y)


@dataclass(slots=True)
class Slot:
    """An object without a dict."""

    table: Tensor | None = None


class InSlots(Net):
    def begin(self) -> None:
        self.slot = Slot()

    def table(self, y: Tensor) -> Tensor:
        if self.slot.table is None:
            self.slot.table = kept_in({}, y)
        return self.slot.table


class InQueue(Net):
    def begin(self) -> None:
        self.queue: queue.Queue[Tensor] = queue.Queue()

    def table(self, y: Tensor) -> Tensor:
        kept = kept_in({}, y) if self.queue.empty() else self.queue.get()
        self.queue.put(kept)
        return kept


class InUserDict(Net):
    def begin(self) -> None:
        self.store: UserDict[str, Tensor] = UserDict()

    def table(self, y: Tensor) -> Tensor:
        return kept_in(self.store, y)


class InChainMap(Net):
    def begin(self) -> None:
        self.store: ChainMap[str, Tensor] = ChainMap()

    def table(self, y: Tensor) -> Tensor:
        return kept_in(self.store, y)


class InWeakDict(Net):
    def begin(self) -> None:
        self.store: weakref.WeakKeyDictionary[nn.Module, Tensor] = weakref.WeakKeyDictionary()

    def table(self, y: Tensor) -> Tensor:
        if self not in self.store:
            self.store[self] = kept_in({}, y)
        return self.store[self]


class OnParameter(Net):
    def begin(self) -> None:
        self.conv.weight.state = {}

    def table(self, y: Tensor) -> Tensor:
        return kept_in(self.conv.weight.state, y)


class InDefault(Net):
    def table(self, y: Tensor, store: dict[str, Tensor] = {}) -> Tensor:  # noqa: B006
        return kept_in(store, y)


class OnType(Net):
    last: Tensor | None = None

    def table(self, y: Tensor) -> Tensor:
        kind = type(self)
        if kind.last is None:
            kind.last = kept_in({}, y)
        return kind.last


class OfInput(Net):
    """Keeps something that depends on the input, where no snapshot is taken."""

    def table(self, y: Tensor) -> Tensor:
        return GLOBAL.setdefault("of input", y.mean())


class Rebinds(Net):
    """Gives a global variable another value."""

    def table(self, y: Tensor) -> Tensor:
        global LAST
        LAST = y.mean()
        return LAST


class OfWeights(Net):
    cache: ClassVar[dict[str, Tensor]] = {}

    def table(self, y: Tensor) -> Tensor:
        if "scale" not in self.cache:
            self.cache["scale"] = self.conv.weight.detach().mean() * 2
        return self.cache["scale"]


class Alias(Net):
    cache: ClassVar[dict[str, Tensor]] = {}

    def table(self, y: Tensor) -> Tensor:
        if "table" not in self.cache:
            self.cache["table"] = kept_in({}, y).data
        return self.cache["table"]


class InPlace(Net):
    """Fills a mask bit by bit, through views too."""

    cache: ClassVar[dict[str, Tensor]] = {}

    def table(self, y: Tensor) -> Tensor:
        if not self.cache:
            mask = torch.zeros(y.shape[-1], device=y.device)
            mask[1:3] = 4
            tail = mask[2:]
            tail.mul_(2)
            self.cache.update(mask=mask, tail=tail)
        return self.cache["mask"] * self.cache["tail"][0]


class Drawn(Net):
    """Keeps numbers that a generator of its own drew."""

    cache: ClassVar[dict[str, Tensor]] = {}

    def begin(self) -> None:
        self.generator = torch.Generator().manual_seed(1)

    def table(self, y: Tensor) -> Tensor:
        if not self.cache:
            self.cache["noise"] = torch.rand(y.shape[-1], generator=self.generator)
        return self.cache["noise"].to(y.device)


class FailsOnMeta(Net):
    """Reads a value, so that the pass on the meta device fails after it has filled the cache."""

    def table(self, y: Tensor) -> Tensor:
        kept = kept_in(GLOBAL, y)
        return kept if float(y.detach().sum()) < 1e9 else y


NETS: list[type[Net]] = [
    *(InClass, InModule, InLruCache, InClosure, InPartial, InCallable, InSlots, InQueue),
    *(InUserDict, InChainMap, InWeakDict, OnParameter, InDefault, OnType, OfInput, Rebinds),
    *(OfWeights, Alias, InPlace, Drawn, FailsOnMeta),
]


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    """Empty the caches that the networks share."""
    forget()
    yield
    forget()


def forget() -> None:
    global LAST
    LAST = None
    GLOBAL.clear()
    OnType.last = None
    InLruCache.at.cache_clear()
    for kind in NETS:
        vars(kind).get("cache", {}).clear()
    defaults: Any = InDefault.table.__defaults__
    defaults[0].clear()


def made(kind: type[Net]) -> Net:
    torch.manual_seed(0)
    return kind()


@pytest.mark.parametrize("kind", NETS, ids=lambda kind: kind.__name__)
def test_a_cache_that_is_filled_meanwhile_does_no_harm(kind: type[Net]) -> None:
    """The network computes afterwards what a twin computes that was never analysed."""
    x = torch.ones(1, 3, 8, 8)
    expected = made(kind)(x)
    forget()
    model = made(kind)
    profile = archbench.profile(model, (3, 8, 8))
    assert profile.totals.macs == 36 * 4 * 27
    assert profile.device == ("cpu" if kind is FailsOnMeta else "meta")
    assert torch.equal(model(x), expected)
    model(x).sum().backward()
    assert model.conv.weight.grad is not None


def meta_tensors() -> list[Tensor]:
    gc.collect()
    tensors = [one for one in gc.get_objects() if issubclass(type(one), Tensor)]
    return [one for one in tensors if one.is_meta]


@pytest.mark.parametrize("kind", NETS, ids=lambda kind: kind.__name__)
def test_no_tensor_without_values_is_left(kind: type[Net]) -> None:
    """Nowhere in the program, once the garbage is gone."""
    before = meta_tensors()  # of other tests
    archbench.profile(made(kind), (3, 8, 8))
    known = {id(one) for one in before}
    assert not [one.shape for one in meta_tensors() if id(one) not in known]


def test_a_tensor_that_cannot_be_taken_out_is_named() -> None:
    """A generator's local variable cannot be reached from outside."""

    class InGenerator(Net):
        def begin(self) -> None:
            def tables() -> Iterator[Any]:
                y = yield
                while True:
                    y = yield y.mean()

            self.tables: Any = tables()
            next(self.tables)

        def table(self, y: Tensor) -> Tensor:
            found: Tensor = self.tables.send(y)
            return found

    with pytest.warns(TensorsKept, match=r"generator.*build the network anew"):
        archbench.profile(made(InGenerator), (3, 8, 8))


@needs_linux("a child is forked")
def test_a_child_process_leaves_nothing_behind() -> None:
    """Whatever keeps the tensors, and with the same counts; errors come back as they are."""
    model = made(OfInput)
    assert archbench.profile(model, (3, 8, 8), isolated=True) == archbench.profile(model, (3, 8, 8))
    GLOBAL["of input"] = kept = torch.ones(1)
    archbench.profile(model, (3, 8, 8), isolated=True)
    assert {"of input": kept} == GLOBAL
    with pytest.raises(UserCodeError, match="conv") as failed:
        archbench.profile(model, (5, 8, 8), isolated=True)
    assert failed.value.hint
    end = made(OfInput)
    end.conv.register_forward_hook(lambda *_: ctypes.CDLL(None)._exit(3))
    with pytest.raises(UserCodeError, match="exit code 3"):
        archbench.profile(end, (3, 8, 8), isolated=True)


def test_weights_that_recorded_operations_write_to_stay_as_they_are() -> None:
    """A tensor that is kept gets what the operations make of a copy."""

    class Writes(Net):
        kept: ClassVar[list[Tensor]] = []

        def begin(self) -> None:
            self.register_buffer("steps", torch.zeros(1))

        def table(self, y: Tensor) -> Tensor:
            GLOBAL["steps"] = self.steps.add_(1) * 10
            return self.steps

    model = made(Writes)
    archbench.profile(model, (3, 8, 8))
    assert model.steps.tolist() == [0.0]
    assert GLOBAL["steps"].tolist() == [10.0]


@pytest.mark.parametrize(
    "analyse", [archbench.profile, lambda *a: memory(*a)], ids=["counts", "memory"]
)
def test_every_analysis_leaves_caches_usable(analyse: Callable[..., Any]) -> None:
    """The estimate of memory runs on the meta device, too."""
    model = made(InModule)
    analyse(model, (3, 8, 8))
    model(torch.ones(1, 3, 8, 8))


def memory(model: nn.Module, size: tuple[int, ...]) -> Any:
    from archbench.analysis.memory.estimate import estimate_memory
    from archbench.networks.resolve import load, plan_for

    loaded = load(model)
    return estimate_memory(loaded, plan_for(loaded, size, 1))
