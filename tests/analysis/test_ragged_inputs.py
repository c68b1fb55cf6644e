"""Sequences of unequal lengths as inputs: nested tensors and packed sequences."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

import archbench
from archbench.analysis.memory.estimate import estimate_memory
from archbench.analysis.nested_products import cost_of_parts
from archbench.analysis.tools.module_uses import uses_of
from archbench.analysis.traffic import work_of
from archbench.errors import InputRefused
from archbench.networks.argument_tensors import NeedsValues
from archbench.networks.inputs import plan_given
from archbench.networks.resolve import Loaded

pytestmark = pytest.mark.filterwarnings("ignore:.*nested tensors", "ignore:.*NestedTensor")

LENGTHS = 3, 5
MACS = sum(LENGTHS) * 2 * 16 * 32  # two layers between 16 and 32 numbers, on every token


class Encoder(nn.Module):
    """Two linear layers on tokens; the padding comes back at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(16, 32, bias=False), nn.Linear(32, 16, bias=False)

    def forward(self, ragged: Tensor) -> Tensor:
        return torch.nested.to_padded_tensor(self.down(torch.relu(self.up(ragged))), 0.0)


class Drops(Encoder):
    """Takes padded sequences, and drops the padding itself."""

    def __init__(self, layout: torch.layout) -> None:
        super().__init__()
        self.layout = layout

    def forward(self, x: Tensor) -> Tensor:
        rows = [row[:n] for row, n in zip(x, LENGTHS, strict=True)]
        return super().forward(torch.nested.as_nested_tensor(rows, layout=self.layout))


def ragged(layout: torch.layout) -> Tensor:
    return torch.nested.nested_tensor([torch.randn(n, 16) for n in LENGTHS], layout=layout)


LAYOUTS = pytest.mark.parametrize("layout", [torch.jagged, torch.strided], ids=str)


@LAYOUTS
def test_a_nested_tensor_counts_its_tokens(layout: torch.layout) -> None:
    """8 tokens, two layers deep; shapes are those of the padded tensor."""
    given = ragged(layout)
    before = [part.clone() for part in given.unbind()]
    profile = archbench.profile(Encoder(), inputs=(given,))
    assert (profile.totals.macs, profile.totals.depth, profile.gaps) == (MACS, 2, ())
    assert {layer.path: layer.output_shape for layer in profile.layers} == {
        "": (5, 16),
        "up": (5, 32),
        "down": (5, 16),
    }
    assert profile.batch_size == 2
    assert [(spec.name, spec.shape) for spec in profile.inputs] == [
        ("ragged[0]", (3, 16)),
        ("ragged[1]", (5, 16)),
    ]
    assert "the lengths of a nested tensor are values" in profile.note
    assert [op.op for op in profile.operations] == [
        *("aten.linear", "aten.relu", "aten.to_padded_tensor")
    ]
    assert all(map(torch.equal, before, given.unbind()))
    json.dumps(profile.to_dict())


@LAYOUTS
def test_a_nested_tensor_inside_is_behind_its_input(layout: torch.layout) -> None:
    """The same count and the same depth as where it is the input."""
    profile = archbench.profile(Drops(layout), inputs=(torch.randn(2, 5, 16),))
    assert (profile.totals.macs, profile.totals.depth, profile.gaps) == (MACS, 2, ())


@LAYOUTS
def test_the_memory_of_a_nested_tensor_is_a_lower_bound_where_torch_hides_it(
    layout: torch.layout,
) -> None:
    """Weights of 2 · 512 numbers; a jagged tensor keeps its numbers in another one."""
    loaded = Loaded("encoder", Encoder())
    estimate = estimate_memory(loaded, plan_given(loaded.module, (ragged(layout),)))
    assert estimate.weights_bytes == 4 * 2 * 512
    assert estimate.complete == (layout is torch.strided)
    assert ("nested tensors" in estimate.unknown) == (layout is torch.jagged)


@LAYOUTS
def test_the_work_of_layers_is_that_of_their_tokens(layout: torch.layout) -> None:
    """Each layer reads and writes 48 numbers for each of 8 tokens, and reads 512 weights."""
    loaded = Loaded("encoder", Encoder())
    work = {one.path: one for one in work_of(loaded, plan_given(loaded.module, (ragged(layout),)))}
    for path in ("up", "down"):
        assert work[path].bytes_moved == 4 * (sum(LENGTHS) * 48 + 512)
        assert work[path].macs == MACS // 2
    profile = archbench.profile(loaded.module, inputs=(ragged(layout),))
    uses = uses_of(loaded.module, plan_given(loaded.module, (ragged(layout),)), profile)
    assert [one.samples for one in uses.modules] == [2, 2, 2]


PAIRS = sum(n * n for n in LENGTHS)  # of tokens of the same sequence


class Scores(nn.Module):
    """The product of each token with each of its own sequence."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x, x.transpose(1, 2))


class Squares(nn.Module):
    """The product of each number with each, summed over the tokens of a sequence."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.matmul(x.transpose(1, 2), x)


class Attention(nn.Module):
    """Two heads of 8 numbers; keys are values too."""

    def __init__(self) -> None:
        super().__init__()
        self.queries, self.keys = nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        q, k = (part(x).unflatten(-1, (2, 8)).transpose(1, 2) for part in (self.queries, self.keys))
        return nn.functional.scaled_dot_product_attention(q, k, k)


def test_products_of_nested_tensors_count_part_by_part() -> None:
    """Their factors have no one size."""
    assert archbench.profile(Scores(), inputs=(ragged(torch.strided),)).totals.macs == 16 * PAIRS
    squares = archbench.profile(Squares(), inputs=(ragged(torch.strided),))
    assert squares.totals.macs == sum(LENGTHS) * 16 * 16
    profile = archbench.profile(Attention(), inputs=(ragged(torch.jagged),))
    assert profile.totals.macs == sum(LENGTHS) * 2 * 16 * 16 + 2 * 2 * 8 * PAIRS
    assert (profile.totals.depth, profile.gaps) == (1, ())


def test_a_product_that_no_rule_does_for_is_a_gap_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The count is a lower bound, and says what it leaves out."""

    def refuses(*args: Any) -> Any:
        raise ValueError

    x = ragged(torch.strided)
    assert cost_of_parts(refuses, (x, x), {}, x) is None
    monkeypatch.setattr("archbench.analysis.recorder.cost_of_parts", lambda *args: None)
    profile = archbench.profile(Squares(), inputs=(x,))
    assert (profile.totals.macs, profile.totals.complete) == (0, False)
    assert profile.gaps == ("the products of nested tensors in aten.matmul",)


def packed() -> PackedSequence:
    return pack_sequence([torch.randn(n, 16) for n in LENGTHS], enforce_sorted=False)


class Recurrent(nn.Module):
    """An LSTM whose arguments are anything that holds a packed sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(16, 8)

    def forward(self, batch: Any) -> Any:
        x = batch["x"] if isinstance(batch, dict) else batch
        return self.lstm(x)


@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, lambda x: (x,), lambda x: {"batch": x}, lambda x: ({"x": x},)],
    ids=["alone", "by place", "by name", "in a dict"],
)
def test_a_packed_sequence_counts_its_tokens(wrap: Callable[[Any], Any]) -> None:
    """Four gates of 8 by 16 and by 8, for each of 8 tokens; shapes alone do."""
    given = packed()
    profile = archbench.profile(Recurrent(), inputs=wrap(given))
    assert profile.totals.macs == 8 * 4 * 8 * (16 + 8)
    assert (profile.device, profile.gaps) == ("meta", ())
    names = [spec.name.removeprefix("batch").removeprefix(".x") for spec in profile.inputs]
    assert names == [".data", ".batch_sizes", ".sorted_indices", ".unsorted_indices"]
    assert not given.data.is_meta
    nn.LSTM(16, 8)(given)


def test_a_network_without_values_refuses_a_nested_tensor() -> None:
    """The registry's are built on the meta device for analysis."""
    with pytest.raises(InputRefused, match="lengths of a nested tensor") as refused:
        archbench.profile("resnet20", inputs=(ragged(torch.jagged),))
    assert isinstance(refused.value, NeedsValues)
    assert refused.value.hint
