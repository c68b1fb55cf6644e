"""Inputs that a function of the user's returns: -i net.py:inputs, and archbench_inputs()."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archbench
from archbench.errors import InputRefused, UserCodeError
from archbench.networks.argument_tensors import named_tensors
from archbench.networks.input_function import function_for
from archbench.networks.resolve import load, plan_for

CPU = torch.device("cpu")

# The head is 5 by 7: 35 MACs for each row of every image.
NETS = """
from collections import namedtuple
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 7, bias=False)

    def forward(self, batch, scale=1.0):
        return [self.head(sample["image"]) * scale for sample in batch]

class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, 7, bias=False)

    def forward(self, x, scale=None, *, lengths=None):
        if isinstance(x, (tuple, Batch)):
            x = x[0] if isinstance(x, tuple) else x.image
        return self.head(x if lengths is None else x[lengths])

@dataclass
class Batch:
    image: torch.Tensor

Pair = namedtuple("Pair", "image label")

def archbench_inputs(batch_size):
    sample = {"image": torch.randn(2, 5), "file": "one.png"}
    return [sample, *({"image": torch.randn(1, 5), "file": "other.png"} for _ in range(batch_size))]

def one(batch_size):
    return torch.randn(batch_size, 5)

def places(n):
    return torch.randn(n, 5), torch.ones(5)

def names(*, batch_size=4):
    return {"x": torch.randn(batch_size, 5), "lengths": torch.tensor([0] * 3)}

def named_tuple(batch_size):
    return Pair(torch.randn(batch_size, 5), torch.arange(batch_size))

def dataclass_object(batch_size):
    return Batch(torch.randn(batch_size, 5))

def fixed():
    return torch.randn(6, 5)

def fails(batch_size):
    raise RuntimeError(f"no data for {batch_size}")

def nothing(batch_size):
    pass

def network(batch_size):
    return Linear()

def iterator(batch_size):
    yield torch.ones(5)

async def coroutine(batch_size):
    return torch.ones(5)

def numbered(batch_size):
    return {0: torch.ones(5)}

def needs_two(batch_size, width):
    return torch.ones(batch_size, width)

tensor = torch.ones(5)
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The file of networks and of functions, in a folder of its own."""
    (tmp_path / "function_nets.py").write_text(NETS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return "function_nets.py"


def test_the_function_beside_the_factory_makes_the_inputs(nets: str) -> None:
    """Two rows and three of one: 5 · 35 MACs; a size that is given replaces them."""
    profile = archbench.profile(f"{nets}:Detector", batch_size=3)
    assert profile.totals.macs == 5 * 35
    assert profile.input_function == f"{nets}:archbench_inputs"
    assert profile.to_dict()["input_function"] == f"{nets}:archbench_inputs"
    names = [(spec.name, spec.dtype, spec.shape, spec.batched) for spec in profile.inputs]
    assert names[:2] == [
        ("batch[0].image", "float32", (2, 5), False),
        ("batch[1].image", "float32", (1, 5), False),
    ]
    given = archbench.profile(f"{nets}:Linear", "float32:5", batch_size=3)
    assert (given.totals.macs, given.input_function) == (3 * 35, "")
    assert "input_function" not in given.to_dict()


@pytest.mark.parametrize(
    ("name", "rows", "tensors"),
    [
        ("one", 4, {"x": (4, 5)}),
        ("places", 4, {"x": (4, 5), "scale": (5,)}),
        ("names", 3, {"x": (4, 5), "lengths": (3,)}),
        ("named_tuple", 4, {"x.image": (4, 5), "x.label": (4,)}),
        ("dataclass_object", 4, {"x.image": (4, 5)}),
    ],
)
@pytest.mark.parametrize("place", ["function_nets.py", "function_nets"])
def test_what_a_function_returns_are_the_arguments_of_forward(
    nets: str, place: str, name: str, rows: int, tensors: dict[str, Any]
) -> None:
    """A tuple by place, a dict by name; anything else, a named tuple too, is the one argument."""
    profile = archbench.profile(f"{nets}:Linear", f"{place}:{name}", batch_size=4)
    assert profile.totals.macs == rows * 35
    assert {spec.name: spec.shape for spec in profile.inputs} == tensors
    assert profile.input_function == f"{place}:{name}"


def test_a_function_without_an_argument_is_of_one_batch(nets: str) -> None:
    """Its tensors are as they are; another batch cannot be had."""
    assert archbench.profile(f"{nets}:Linear", f"{nets}:fixed").totals.macs == 6 * 35
    with pytest.raises(InputRefused, match="takes no batch size, and the batch is 2"):
        archbench.profile(f"{nets}:Linear", f"{nets}:fixed", batch_size=2)
    assert not plan_for(load(f"{nets}:Linear"), f"{nets}:fixed", 1).takes_batch


@pytest.mark.parametrize(
    ("size", "message", "hint"),
    [
        ("{0}:on", "has nothing named 'on'", "did you mean '{0}:one'?"),
        ("{0}:zzz", "has nothing named 'zzz'", "it defines"),
        ("nowhere.py:one", "there is no file 'nowhere.py'", "path/to/file.py:NAME"),
        ("nowhere:one", "there is no module named 'nowhere'", "path/to/file.py:NAME"),
        ("{0}:nothing", "returned None", "def archbench_inputs"),
        ("{0}:network", "returned a network, a Linear", "def archbench_inputs"),
        ("{0}:iterator", "returned a generator", "lists, tuples and dicts"),
        ("{0}:coroutine", "returned a coroutine", "lists, tuples and dicts"),
        ("{0}:numbered", "the key 0", "(the_dict,)"),
        ("{0}:needs_two", "takes batch_size, width", "def archbench_inputs"),
        ("{0}:tensor", "is a Tensor, not a function", "def archbench_inputs"),
        (["{0}:one", "float32:5"], "no size beside others", "{0}:one alone"),
    ],
)
def test_what_is_no_function_of_inputs_is_refused(
    nets: str, size: Any, message: str, hint: str
) -> None:
    """In one line, with a hint."""
    wrap = isinstance(size, list)
    size = [one.format(nets) for one in size] if wrap else size.format(nets)
    with pytest.raises(InputRefused) as refused:
        archbench.profile(f"{nets}:Linear", size)
    assert message in refused.value.message
    assert hint.format(nets) in refused.value.hint
    assert "\n" not in refused.value.message


def test_a_function_that_raises_is_the_user_s_code(nets: str) -> None:
    """Exit code 3, with the exception's own words."""
    with pytest.raises(UserCodeError, match="no data for 7") as failed:
        archbench.profile(f"{nets}:Linear", f"{nets}:fails", batch_size=7)
    assert failed.value.exit_code == 3


def test_the_model_s_own_file_is_not_imported_twice(nets: str) -> None:
    """A class of it that a function uses is the class that the network knows."""
    loaded = load(f"{nets}:Linear")
    plan = plan_for(loaded, f"{nets}:dataclass_object", 2)
    (batch,), _ = plan.make(CPU)
    assert type(batch).__module__ == type(loaded.module).__module__
    assert loaded.source is not None
    assert type(batch) is loaded.source.module.Batch


def test_tensors_in_objects_are_copied_and_moved_too(nets: str) -> None:
    """The meta device gets empty ones; another precision, floating-point ones of that type."""
    plan = plan_for(load(f"{nets}:Linear"), f"{nets}:dataclass_object", 2)
    (first,), _ = plan.make(CPU)
    (second,), _ = plan.make(CPU)
    assert torch.equal(first.image, second.image)
    assert first.image.data_ptr() != second.image.data_ptr()
    (empty,), _ = plan.make(torch.device("meta"))
    assert empty.image.is_meta
    (half,), _ = plan.in_dtype("bfloat16").of_batch(3).make(CPU)
    assert (half.image.dtype, half.image.shape) == (torch.bfloat16, (3, 5))
    pair = plan_for(load(f"{nets}:Linear"), f"{nets}:named_tuple", 2).in_dtype("float16")
    ((image, label),), _ = pair.make(CPU)
    assert (image.dtype, label.dtype) == (torch.float16, torch.int64)


def test_a_network_may_write_into_its_inputs(nets: str) -> None:
    """Every pass has its own copies."""
    plan = plan_for(load(f"{nets}:Linear"), f"{nets}:names", 2)
    _, kwargs = plan.make(CPU)
    kwargs["x"].fill_(7)
    _, again = plan.make(CPU)
    assert not bool((again["x"] == 7).any())


def test_only_the_user_s_own_files_have_a_function_beside_the_factory() -> None:
    """A network of the registry has its own size."""
    assert function_for(None, load("resnet20").source) is None


def test_tensors_have_the_names_of_their_places() -> None:
    """Keys that are names behind a dot, all others in brackets; no tensor of a module."""

    class Graph:
        def __init__(self) -> None:
            self.x = torch.ones(3)
            self.net = nn.Linear(2, 2)

    value = {"a": [torch.ones(1), (torch.ones(2),)], "b c": Graph(), 4: torch.ones(4), "n": 3}
    assert [(name, len(tensor)) for name, tensor in named_tensors("v", value)] == [
        ("v.a[0]", 1),
        ("v.a[1][0]", 2),
        ("v['b c'].x", 3),
        ("v[4]", 4),
    ]


def test_a_text_in_place_of_tensors_is_refused() -> None:
    """Its letters would be the arguments."""
    with pytest.raises(archbench.errors.ArchbenchError, match=r"not the text 'net\.py:inputs'"):
        archbench.profile("resnet20", inputs="net.py:inputs")
