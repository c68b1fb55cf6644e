"""A module that holds containers which refuse to be read or changed keeps its weights."""

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import archbench
from archbench.errors import UserCodeError
from tests.analysis.isolation.test_untouched import assert_same

MADE_BY = {  # each type with content that holds a tensor, which the analysis replaces for a while
    dict: lambda kind: kind({"scale": torch.ones(1), "depth": 3}),
    OrderedDict: lambda kind: kind({"scale": torch.ones(1), "depth": 3}),
    defaultdict: lambda kind: kind(list, {"scale": torch.ones(1), "depth": 3}),
    Counter: lambda kind: kind({"scale": 2, "depth": 3}),
    list: lambda kind: kind([torch.ones(1), 3]),
    set: lambda kind: kind({2, 3}),
    deque: lambda kind: kind([torch.ones(1), 3], maxlen=4),
}
NEEDED_TO_EXIST = {"__class__", "__new__", "__init__", "__getattribute__"}
WAYS = {  # whether forward() reads values, so that it runs on its own device, and whether it fails
    "on meta": (False, False),
    "on its own device": (True, False),
    "raises": (True, True),
}


def refusing(base: type, method: str) -> type:
    """Make a subclass whose one method raises as soon as an instance is sealed."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        if self.__dict__.get("sealed"):
            raise RuntimeError(f"{method} is refused")
        return getattr(base, method)(self, *args, **kwargs)

    return type(f"Refusing{base.__name__.title()}", (base,), {method: refuse})


def methods(base: type) -> list[str]:
    """List the methods that a container type does not have from `object`."""
    names = [name for name in dir(base) if callable(getattr(base, name))]
    own = [name for name in names if getattr(base, name) is not getattr(object, name, None)]
    return [name for name in own if name not in NEEDED_TO_EXIST]


class Holder(nn.Module):
    """A network that holds a container, in front of its own tables or behind them."""

    def __init__(self, box: Any, first: bool, reads: bool, fails: bool) -> None:
        if first:
            self.__dict__["box"] = box
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.register_buffer("steps", torch.zeros(1))
        self.norm = nn.BatchNorm1d(4)
        if not first:
            self.__dict__["box"] = box
        self.reads, self.fails = reads, fails

    def forward(self, x: Tensor) -> Tensor:
        builtin_clear(self.box)
        self.steps += 1
        x = self.norm(self.linear(x))
        if self.reads:
            float(x.sum())
        return self.linear(x.flatten()) if self.fails else x


def base_of(box: Any) -> Any:
    return next(kind for kind in (OrderedDict, dict, list, set, deque) if isinstance(box, kind))


def builtin_clear(box: Any) -> None:
    base_of(box).clear(box)


def content(box: Any) -> list[Any]:
    """Read a container without its own methods; an OrderedDict in the order that it keeps."""
    base = base_of(box)
    return list(base.items(box)) if issubclass(base, dict) else list(base.__iter__(box))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("first", [False, True], ids=["behind the tables", "in front of them"])
@pytest.mark.parametrize("base", MADE_BY, ids=lambda base: base.__name__)
def test_a_container_that_refuses_a_method_loses_nothing(base: type, first: bool, way: str) -> None:
    """Each method in turn: weights and the container's content are as before."""
    reads, fails = WAYS[way]
    for method in methods(base):
        box = MADE_BY[base](refusing(base, method))
        model = Holder(box, first, reads, fails)
        held, before = content(box), weights(model)
        box.__dict__["sealed"] = True
        if fails:
            with pytest.raises(UserCodeError, match="linear"):
                archbench.profile(model, (4,), batch_size=2)
        else:
            assert archbench.profile(model, (4,), batch_size=2).totals.macs == 2 * 4 * 4, method
        assert model.box is box
        assert_same(before, weights(model), method)
        assert_same(held, content(box), method)


def weights(model: nn.Module) -> dict[str, Any]:
    """Collect every parameter and buffer with its identity, device and value, and the mode."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    found: dict[str, Any] = {name: (id(t), t.device, t.detach().clone()) for name, t in tensors}
    return found | {"training": model.training, "order": list(vars(model))}


def test_a_frozen_dict_as_configuration() -> None:
    """The dict of diffusers' models: attributes as well as items, and no way to change either."""

    class Frozen(OrderedDict):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            for key, value in self.items():
                setattr(self, key, value)
            self.sealed = True

        def __setattr__(self, name: str, value: Any) -> None:
            if hasattr(self, "sealed"):
                raise TypeError("frozen")
            super().__setattr__(name, value)

        def __setitem__(self, key: str, value: Any) -> None:
            if hasattr(self, "sealed"):
                raise TypeError("frozen")
            super().__setitem__(key, value)

        def update(self, *args: Any, **kwargs: Any) -> None:
            raise TypeError("frozen")

    model = Holder(Frozen({"width": 4, "scale": torch.ones(1)}), True, False, False)
    box, before = model.box, weights(model)
    assert archbench.profile(model, (4,), batch_size=2).totals.macs == 32
    assert_same(before, weights(model))
    assert dict(box) == {"width": 4, "scale": box.scale}
    assert box.scale.device.type == "cpu"


@pytest.mark.parametrize("table", ["_parameters", "_buffers"])
def test_a_table_of_tensors_that_refuses_to_be_read_is_put_back(table: str) -> None:
    """Libraries that spread weights over machines put dicts of their own in these places."""

    class Spread(dict):
        def refuse(self, *args: Any) -> Any:
            raise RuntimeError("not now")

        update = clear = __len__ = __setitem__ = __bool__ = refuse

    model = nn.BatchNorm1d(4)
    model.__dict__[table] = Spread(vars(model)[table])
    before = weights(model)
    assert archbench.profile(model, (4,), batch_size=2).totals.params == 8
    assert_same(before, weights(model))
    assert type(vars(model)[table]) is Spread


class Key:
    """A key that cannot be hashed any more once it is broken; an OrderedDict hashes it again."""

    broken = False

    def __hash__(self) -> int:
        if self.broken:
            raise RuntimeError("no hash any more")
        return 1


@pytest.mark.parametrize("first", [False, True], ids=["behind the tables", "in front of them"])
@pytest.mark.parametrize("fails", [False, True], ids=["runs", "raises"])
def test_what_cannot_be_put_back_is_named_and_all_else_is_put_back(
    first: bool, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes after everything else is in place, and names class and attribute."""
    monkeypatch.setattr(Key, "broken", False)
    key = Key()

    class Breaks(Holder):
        def forward(self, x: Tensor) -> Tensor:
            self.after.append(x)
            Key.broken = True
            return super().forward(x)

    model = Breaks(OrderedDict({key: 1}), first, False, fails)
    model.after = [1]
    before = weights(model)
    with pytest.raises(UserCodeError, match=r"^Breaks\.box could not be put back .*no hash") as e:
        archbench.profile(model, (4,), batch_size=2)
    assert "parameters" in e.value.hint
    assert_same(before, weights(model))
    assert model.after == [1]
    if fails:  # the forward's own error is not lost
        assert "linear" in str(e.value.__context__)


def test_an_interrupt_while_things_are_put_back_loses_nothing() -> None:
    """Ctrl-C in the middle: everything is put back before it goes on its way."""
    interrupts = iter([KeyboardInterrupt()])

    class Interrupted:
        armed = False

        def __hash__(self) -> int:
            if self.armed and (interrupt := next(interrupts, None)):
                raise interrupt
            return 1

    key = Interrupted()

    class Arms(Holder):
        def forward(self, x: Tensor) -> Tensor:
            Interrupted.armed = True
            return super().forward(x)

    model = Arms(OrderedDict({key: 1}), True, False, False)
    before = weights(model)
    with pytest.raises(KeyboardInterrupt):
        archbench.profile(model, (4,), batch_size=2)
    assert_same(before, weights(model))
    assert list(model.box.values()) == [1]


def test_an_array_that_cannot_be_written_to_needs_no_giving_back() -> None:
    """A read-only array cannot have changed; one that can be written to is put back."""
    model = nn.Sequential(nn.Linear(4, 4))
    model.table = np.arange(3.0)
    model.table.flags.writeable = False
    assert archbench.profile(model, (4,)).totals.macs == 16
    assert model.table.tolist() == [0.0, 1.0, 2.0]
