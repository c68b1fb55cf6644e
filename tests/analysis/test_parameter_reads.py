"""Parameters that no operation read: told by the weights, not by which modules were called."""

from collections.abc import Callable
from threading import Thread
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F  # torch's own name for it
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import archbench
from archbench.networks.inputs import InputSize
from tests.command_line import succeed
from tests.nets import Call

TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])


def unused(model: nn.Module, size: InputSize) -> dict[str, int]:
    """Profile a network; return its unused parameters by path."""
    rows = archbench.profile(model, size).unused_params
    assert rows is not None
    return {row.path: row.params for row in rows}


class WindowAttention(nn.Module):
    """Attention as Swin has it: projections by their weights, and a table of positions."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.proj = nn.Linear(8, 8)
        self.relative_position_bias_table = nn.Parameter(torch.zeros(49, 2))
        self.register_buffer("index", torch.zeros(16, 16, dtype=torch.long))
        self.softmax = nn.Softmax(-1)  # never called: F.softmax is

    def forward(self, x: Tensor) -> Tensor:
        """Attend within one window: (N, 16, 8) -> (N, 16, 8)."""
        qkv = F.linear(x, self.qkv.weight, self.qkv.bias).reshape(-1, 16, 3, 2, 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        bias = self.relative_position_bias_table[self.index.view(-1)].view(16, 16, 2)
        scores = q @ k.transpose(-2, -1) + bias.permute(2, 0, 1)
        out = F.softmax(scores, -1) @ v
        return F.linear(out.transpose(1, 2).reshape(-1, 16, 8), self.proj.weight, self.proj.bias)


class Selective(nn.Module):
    """Mamba's step size: the projection's weight in a product, its bias in a later one."""

    def __init__(self) -> None:
        super().__init__()
        self.dt_proj = nn.Linear(2, 8)

    def forward(self, x: Tensor) -> Tensor:
        """Scale by the step size: (N, L, 8) -> (N, L, 8)."""
        step = self.dt_proj.weight @ x[..., :2].transpose(1, 2)
        return x * F.softplus(step.transpose(1, 2) + self.dt_proj.bias.float())


class ViewedEarlier(nn.Module):
    """A weight of which forward() knows a view only, made with the network."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 4))
        self.transposed = self.weight.data.t()

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the view."""
        return x @ self.transposed


def in_a_thread(model: Call, x: Tensor) -> Tensor:
    """Run a layer in another thread."""
    out: list[Tensor] = []
    thread = Thread(target=lambda: out.append(model.layer(x)))
    thread.start()
    thread.join()
    return out[0]


USED: dict[str, tuple[Callable[[], nn.Module], InputSize]] = {
    "swin": (WindowAttention, (16, 8)),
    "mamba": (Selective, (3, 8)),
    "encoder": (lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), (16, 32)),
    "attention": (
        lambda: Call(lambda m, x: m.mha(x, x, x), mha=nn.MultiheadAttention(8, 2)),
        (16, 8),
    ),
    "lstm": (lambda: nn.LSTM(8, 6, 2, bidirectional=True, proj_size=3), (5, 8)),
    "gru cell": (lambda: nn.GRUCell(8, 6), "float32:8"),
    "normalised": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(5, 3)), "float32:5"),
    "in a list": (
        lambda: Call(
            lambda m, x: x + torch.cat(list(m.parts)),
            parts=nn.ParameterList([torch.ones(2), torch.ones(3)]),
        ),
        "float32:5",
    ),
    "by name": (
        lambda: Call(
            lambda m, x: F.conv2d(x, weight=m.conv.weight), conv=nn.Conv2d(3, 2, 3, bias=False)
        ),
        (3, 8, 8),
    ),
    "detached": (
        lambda: Call(lambda m, x: x * m.scale.data, scale=nn.Parameter(torch.ones(5))),
        "float32:5",
    ),
    "a view": (ViewedEarlier, "float32:4"),
    "in a thread": (lambda: Call(in_a_thread, layer=nn.Linear(5, 3)), "float32:5"),
    "scripted": (lambda: torch.jit.script(nn.Sequential(nn.Linear(5, 3), nn.ReLU())), "float32:5"),
    "on its own device": (
        lambda: Call(
            lambda m, x: F.linear(x, m.layer.weight, m.layer.bias) * x.sum().item(),
            layer=nn.Linear(5, 3),
        ),
        "float32:5",
    ),
    "without parameters": (
        lambda: Call(lambda m, x: m.conv(x), conv=nn.Conv2d(3, 2, 3), idle=nn.Dropout()),
        (3, 8, 8),
    ),
}


# the warning's category differs with torch's release
@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
@pytest.mark.parametrize("name", USED)
def test_parameters_that_an_operation_reads_are_used(name: str) -> None:
    """Whether or not forward() of the module that holds them is called."""
    build, size = USED[name]
    assert unused(build(), size) == {}


def test_a_parameter_that_its_own_module_leaves_alone_is_named_alone() -> None:
    """The module runs, and its other parameters are read; a bias of 3 numbers is not."""
    model = Call(
        lambda m, x: F.linear(x, m.part.weight) + m.whole(x),
        part=nn.Linear(5, 3),
        whole=nn.Linear(5, 3),
    )
    assert unused(model, "float32:5") == {"part.bias": 3}


def test_a_module_of_which_nothing_is_read_is_one_row() -> None:
    """By the highest path: a head of 5 x 4 + 4 and 4 x 2 + 2, and an expert of 5 x 3 + 3."""
    model = Call(
        lambda m, x: m.experts[0](x) + m.scale,
        experts=nn.ModuleList([nn.Linear(5, 3), nn.Linear(5, 3)]),
        head=nn.Sequential(nn.Linear(5, 4), nn.Sequential(nn.Linear(4, 2))),
        scale=nn.Parameter(torch.ones(3)),
        spare=nn.Parameter(torch.ones(7)),
    )
    expected = {"spare": 7, "experts.1": 18, "head": 34}
    assert unused(model, "float32:5") == expected
    assert unused(nn.Sequential(model), "float32:5") == {f"0.{k}": v for k, v in expected.items()}


def test_a_network_that_reads_no_parameter_names_its_children() -> None:
    """The network itself has no name to stand for all of them."""
    assert unused(Call(lambda m, x: x * 2, a=nn.Linear(5, 3)), "float32:5") == {"a": 18}


def test_a_shared_parameter_is_used_once_one_of_its_modules_uses_it() -> None:
    """A decoder that lends the weight of an embedding, and whose own bias is idle."""
    model = Call(lambda m, ids: m.words(ids), words=nn.Embedding(7, 4), out=nn.Linear(4, 7))
    model.out.weight = model.words.weight
    assert unused(model, "int64:3") == {"out.bias": 7}
    skipped = Call(lambda m, x: x, a=nn.Linear(4, 4, bias=False), b=nn.Linear(4, 4, bias=False))
    skipped.b.weight = skipped.a.weight
    assert unused(skipped, "float32:4") == {"a": 16}


@pytest.mark.skipif(TORCH < (2, 9), reason="torch before 2.9 counts nothing around cond")
def test_unused_parameters_are_not_known_where_operations_are_hidden() -> None:
    """A branch of torch.cond runs operations that the analysis does not see."""
    model = Call(
        lambda m, x: torch.cond(x.sum() > 0, lambda y: m.a(y), lambda y: m.b(y), (x,)),
        a=nn.Linear(5, 5),
        b=nn.Linear(5, 5),
    )
    found = archbench.profile(model, "float32:5")
    assert found.unused_params is None
    assert found.to_dict()["unused_params"] is None


Use = Literal["called", "by its weights", "without its bias", "skipped"]


@given(st.lists(st.sampled_from(Use.__args__), min_size=1, max_size=6))  # type: ignore[attr-defined]
def test_each_layer_is_told_by_how_it_is_used(uses: list[Use]) -> None:
    """Layers of 4 x 4 + 4, each called, used past its forward(), in part, or not at all."""

    def run(model: Call, x: Tensor) -> Tensor:
        for layer, use in zip(model.layers, uses, strict=True):
            match use:
                case "called":
                    x = layer(x)
                case "by its weights":
                    x = F.linear(x, layer.weight, layer.bias)
                case "without its bias":
                    x = F.linear(x, layer.weight)
        return x

    model = Call(run, layers=nn.ModuleList(nn.Linear(4, 4) for _ in uses), scale=nn.Linear(4, 4))
    found = unused(nn.Sequential(model, nn.Linear(4, 4)), "float32:4")
    assert sum(found.values()) == 20 + sum(
        {"skipped": 20, "without its bias": 4}.get(use, 0) for use in uses
    )
    for i, use in enumerate(uses):
        assert (f"0.layers.{i}.bias" in found) == (use == "without its bias")


def test_summary_names_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the number of their elements; nothing is said of a module without parameters."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.used, self.idle = nn.Linear(5, 3), nn.Dropout()\n"
        "        self.spare = nn.ModuleList(nn.Linear(5, 3) for _ in range(7))\n"
        "    def forward(self, x):\n"
        "        return self.used(x) + self.spare[0].bias\n"
    )
    out = succeed(capsys, "summary", "net.py:Net", "-i", "float32:5")
    words = " ".join(out.split())
    assert (
        "No operation of the pass, which is in evaluation mode, read 123 of the params; they count "
        "all the same: spare.0.weight (15), spare.1 (18), spare.2 (18), spare.3 (18), spare.4 (18) "
        "and 2 more." in words
    )
    assert "idle" not in out
