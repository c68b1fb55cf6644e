"""Input sizes as users write them."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import archbench
from archbench.errors import ArchbenchError, InputRefused, UserCodeError
from archbench.networks.inputs import InputPlan, plan_inputs
from archbench.networks.resolve import parse_kwargs


class Two(nn.Module):
    def forward(self, image: Tensor, ids: Tensor, *, scale: float = 1.0) -> Tensor:
        return image


def read(
    size: Any, default: tuple[int, ...] | None = None
) -> list[tuple[str, str, tuple[int, ...]]]:
    plan = plan_inputs(Two(), size, default, 1)
    return [(spec.name, spec.dtype, spec.shape) for spec in plan.specs]


@pytest.mark.parametrize(
    ("size", "default", "shape"),
    [
        ("3x32x64", None, (3, 32, 64)),
        ("3X32×64", None, (3, 32, 64)),
        ("224", None, (3, 224, 224)),
        (224, None, (3, 224, 224)),
        ("28", (1, 32, 32), (1, 28, 28)),
        ((784,), None, (784,)),
        ([3, 8, 9], None, (3, 8, 9)),
        (None, (3, 32, 32), (3, 32, 32)),
    ],
)
def test_one_image(size: Any, default: tuple[int, ...] | None, shape: tuple[int, ...]) -> None:
    """Named after forward()'s first argument; a number is a square image."""
    assert read(size, default) == [("image", "float32", shape)]


def test_named_inputs_of_several_dtypes() -> None:
    """name:dtype:shape, dtype:shape, and one number per sample."""
    assert read(["image:float16:3x8x8", "ids:int64:"]) == [
        ("image", "float16", (3, 8, 8)),
        ("ids", "int64", ()),
    ]
    assert read(["3x8x8", "int64:5"]) == [("image", "float32", (3, 8, 8)), ("ids", "int64", (5,))]


@pytest.mark.parametrize(
    "size",
    [
        *("", "x", "3x", "3x-1x4", "0", "3x0", "a:b", "a:b:c:d", "image:floaty:3", "no:float32:3"),
        *(
            "1image:float32:3",
            "image:float32:3xq",
            "3x99999999999x9999999999",
            0,
            -5,
            (3, 0, 3),
            ["image:float32:3", "4"],
        ),
    ],
)
def test_what_is_not_a_size_is_refused_with_its_text(size: Any) -> None:
    """The message quotes what was wrong, the hint says how to write it."""
    with pytest.raises(InputRefused) as caught:
        read(size)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@given(st.lists(st.integers(1, 999), min_size=2, max_size=5), st.integers(1, 64))
def test_tensors_have_the_size_asked_for(shape: list[int], batch: int) -> None:
    """With the batch in front."""
    plan = plan_inputs(Two(), "x".join(map(str, shape)), None, batch)
    (made,), kwargs = plan.make(torch.device("meta"))
    assert tuple(made.shape) == (batch, *shape)
    assert kwargs == {}


def test_values_are_drawn_where_there_are_any() -> None:
    """Floats from a normal, integers 0, which every embedding has."""
    plan: InputPlan = plan_inputs(Two(), ["image:float16:1000", "ids:int64:7"], None, 2)
    args, kwargs = plan.make(torch.device("cpu"))
    assert args == ()
    assert kwargs["image"].dtype is torch.float16
    assert 0.9 < kwargs["image"].float().std() < 1.1
    assert torch.equal(kwargs["ids"], torch.zeros(2, 7, dtype=torch.int64))


@pytest.mark.parametrize("pair", ["width", "=3", "a b=3", "1a=3", ""])
def test_what_is_not_a_pair_is_refused(pair: str) -> None:
    """name=value, the name a Python name."""
    with pytest.raises(ArchbenchError, match="name=value"):
        parse_kwargs([pair])


class Graph(nn.Module):
    """Two layers that pass messages along edges; its tensors have no batch."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 32, bias=False), nn.Linear(32, 7, bias=False)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        source, target = edge_index
        for layer in (self.first, self.second):
            h = layer(x)
            x = torch.zeros_like(h).index_add(0, target, h[source])
        return x


@pytest.mark.parametrize("batch", [1, 5])
def test_a_shape_with_an_exclamation_mark_takes_no_batch(batch: int) -> None:
    """Nodes by features, and two rows of edges: 34·16·32 + 34·32·7."""
    sizes = ["x:float32:34x16!", "edge_index:int64:2x156!"]
    profile = archbench.profile(Graph(), sizes, batch_size=batch)
    assert profile.totals.macs == 25_024
    assert [spec.batched for spec in profile.inputs] == [False, False]
    assert profile.to_dict()["inputs"][1] == {
        "name": "edge_index",
        "dtype": "int64",
        "shape": [2, 156],
        "batched": False,
    }
    plan = plan_inputs(Graph(), sizes, None, batch)
    assert plan.texts() == ("x:float32:34x16!", "edge_index:int64:2x156!")
    assert plan_inputs(Graph(), list(plan.texts()), None, batch) == plan
    assert plan_inputs(Graph(), ["8!", "int64:2x3"], None, 1).specs[0].shape == (8,)


def test_a_network_that_takes_a_vector_is_told_how_one_is_written() -> None:
    """A number alone is a square image."""
    with pytest.raises(UserCodeError) as failed:
        archbench.profile(nn.Linear(9, 4), 8)
    assert "a vector of 8 is -i float32:8" in failed.value.hint


class Packs(nn.Module):
    """Takes sequences, and their lengths by name."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 4, bias=False)

    def forward(self, x: torch.Tensor, *, lengths: torch.Tensor, scale: float = 1.0) -> Any:
        return self.linear(x) * scale + lengths[:, None, None]


def test_arguments_by_place_and_by_name_go_together() -> None:
    """As `model(x, lengths=n)` is called."""
    x, lengths = torch.ones(2, 5, 3), torch.ones(2)
    named = {"lengths": lengths, "scale": 2.0}
    profile = archbench.profile(Packs(), inputs=(x,), kwargs=named)
    assert profile.totals.macs == 2 * 5 * 12
    assert [(spec.name, spec.shape) for spec in profile.inputs] == [("x", (5, 3)), ("lengths", ())]
    assert archbench.profile(Packs(), inputs={"x": x, **named}).totals == profile.totals
    assert archbench.profile(Packs(), inputs=x, kwargs=named).totals == profile.totals
    assert named == {"lengths": lengths, "scale": 2.0}
    with pytest.raises(ArchbenchError, match="beside `inputs`"):
        archbench.profile(Packs(), (5, 3), kwargs=named)


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: (x,), lambda x: [x], lambda x: {"input": x}]
)
def test_tensors_in_place_of_sizes_are_the_inputs(wrap: Any) -> None:
    """The first thing that one tries."""
    profile = archbench.profile(nn.Linear(3, 4, bias=False), wrap(torch.ones(2, 3)))
    assert (profile.totals.macs, profile.batch_size) == (24, 2)
