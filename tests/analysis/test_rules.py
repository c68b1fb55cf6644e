"""Costing rules against torch's own formulas, and fused operations against what they stand for."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import archbench
from archbench.analysis.operators import name_of, placing_of
from archbench.analysis.rules import RULES, Cost, free

aten = torch.ops.aten
small = st.integers(1, 6)


def torch_macs(model: nn.Module, *inputs: torch.Tensor) -> int:
    """Half of what torch's counter says; right for the operations it has a formula for."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(*inputs)
    return counter.get_total_flops() // 2


@settings(max_examples=60)
@given(
    axes=st.integers(1, 3), batch=small, groups=st.integers(1, 3), c_in=small, c_out=small,
    kernel=st.integers(1, 3), stride=st.integers(1, 3), padding=st.integers(0, 2),
    dilation=st.integers(1, 2), transposed=st.booleans(),
)  # fmt: skip
def test_convolutions_agree_with_torch_s_counter(
    axes: int, batch: int, groups: int, c_in: int, c_out: int, kernel: int, stride: int,
    padding: int, dilation: int, transposed: bool,
) -> None:  # fmt: skip
    """Every dimension, direction, stride, padding, dilation and grouping."""
    if transposed:
        kind: Any = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)[axes - 1]
    else:
        kind = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    model = kind(
        c_in * groups, c_out * groups, kernel, stride=stride, padding=padding, dilation=dilation,
        groups=groups, device="meta",
    )  # fmt: skip
    x = torch.empty(batch, c_in * groups, *[9] * axes, device="meta")
    assert archbench.profile(model, inputs=(x,)).totals.macs == torch_macs(model, x)


@settings(max_examples=60)
@given(small, small, small, small, st.booleans())
def test_products_agree_with_torch_s_counter(
    batch: int, n: int, k: int, m: int, bias: bool
) -> None:
    """Linear layers on matrices and on batches of them."""
    model = nn.Linear(k, m, bias=bias, device="meta")
    for shape in ((n, k), (batch, n, k)):
        x = torch.empty(shape, device="meta")
        assert archbench.profile(model, inputs=(x,)).totals.macs == torch_macs(model, x)


def test_a_fused_attention_costs_its_two_products() -> None:
    """q·kᵀ and scores·v, with a value width of its own, also on the CPU's fused kernel."""
    rule = RULES["attention"]
    q, k, v = torch.empty(2, 3, 5, 7), torch.empty(2, 3, 11, 7), torch.empty(2, 3, 11, 13)
    scores, result = 2 * 3 * 5 * 11, 2 * 3 * 5 * 13
    assert rule((q, k, v), {}, None) == Cost(scores * 7 + result * 11, scores + result)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("both_ways", [False, True])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_fused_recurrent_layers_count_as_their_parts(
    kind: type[nn.RNNBase], layers: int, both_ways: bool
) -> None:
    """On the CPU torch runs one fused operation a layer, on meta a loop: the totals agree."""

    class Reads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = kind(7, 5, num_layers=layers, bidirectional=both_ways, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.net(x)[0]
            if self.reads:
                float(y.sum())
            return y

    model = Reads()
    model.reads = False
    meta = archbench.profile(model, (11, 7), batch_size=3)
    model.reads = True
    cpu = archbench.profile(model, (11, 7), batch_size=3)
    assert (meta.device, cpu.device) == ("meta", "cpu")
    assert cpu.totals == meta.totals
    gates = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}[kind]
    ways = 2 if both_ways else 1
    inputs = [7, *[5 * ways] * (layers - 1)]
    by_hand = 3 * 11 * ways * gates * 5 * sum(width + 5 for width in inputs)
    assert meta.totals.macs == by_hand


def test_the_cudnn_rule_reads_its_flat_weights() -> None:
    """Two matrices and two biases a layer: matrices count, biases do not."""
    x = torch.empty(11, 3, 7)
    weights = [torch.empty(20, 7), torch.empty(20, 5), torch.empty(20), torch.empty(20)]
    assert RULES["recurrent network"]((x, weights), {}, None) == Cost(33 * 240, 33 * 40)


def test_each_bucket_is_reached() -> None:
    """Counted, zero by name, by tag, as a view, as a factory, in place; other work; and unknown."""
    assert placing_of(aten.convolution.default).rule is RULES["convolution"]
    for operation in (
        *(aten.native_batch_norm.default, aten.relu.default, aten.relu_.default),
        *(aten.view.default, aten.zeros.default, aten.sum.dim_IntList, aten.copy_.default),
    ):
        assert placing_of(operation).rule is free, operation
    assert placing_of(aten._fft_r2c.default).bucket == "other"
    assert placing_of(aten.linear_backward.default).bucket == "unknown"
    assert name_of(aten.sum.dim_IntList) == "aten.sum"


def test_common_vision_operations_are_all_known() -> None:
    """What other vision networks are made of leaves nothing uncounted."""

    class Everything(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norms = nn.ModuleList(
                [nn.BatchNorm2d(8), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8)]
            )
            self.acts = nn.ModuleList(
                [nn.ReLU6(), nn.GELU(), nn.SiLU(), nn.Mish(), nn.Hardswish(), nn.ELU(), nn.PReLU(),
                 nn.Softplus(), nn.Sigmoid(), nn.Tanh(), nn.Softmax(1), nn.LogSoftmax(1),
                 nn.Dropout(0.5), nn.LeakyReLU(), nn.Softsign(), nn.Hardsigmoid()]
            )  # fmt: skip
            self.pools = nn.ModuleList(
                [nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(3, 1, 1), nn.LPPool2d(2, 1, 1),
                 nn.AdaptiveMaxPool2d(16), nn.AdaptiveAvgPool2d(16), nn.ReflectionPad2d(0),
                 nn.ReplicationPad2d(0), nn.ZeroPad2d(0), nn.LocalResponseNorm(3)]
            )  # fmt: skip

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in (*self.norms, *self.acts, *self.pools):
                x = layer(x)
            for mode in ("nearest", "bilinear", "bicubic"):
                x = F.interpolate(x, scale_factor=2.0, mode=mode)
                x = F.interpolate(x, size=16, mode=mode)
            x = F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2)
            x = torch.roll(x, 1, 2).flip(1).repeat(1, 1, 1, 1)
            grid = F.affine_grid(torch.eye(2, 3, device=x.device)[None], list(x.shape), False)
            x = F.grid_sample(x, grid, align_corners=False)
            x = F.fold(F.unfold(x, 3, padding=1), 16, 3, padding=1)
            x = x.cumsum(1).sort(1)[0].topk(4, 1)[0].gather(1, torch.zeros_like(x[:, :4]).long())
            x = torch.where(x > 0, x, -x).clamp(0, 1).masked_fill(x > 9, 0.0)
            x = F.layer_norm(torch.stack([x, x]).mean(0), [16]).amax((2, 3))
            return F.normalize(torch.cat([x, x.std(1, keepdim=True)], 1)).tril()

    profile = archbench.profile(Everything(), (8, 16, 16))
    assert profile.device == "meta"
    assert [op.op for op in profile.uncounted] == []
    assert profile.totals.macs == 0


def test_reductions_are_free_in_a_torch_that_has_no_tag_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch 2.6 does not mark them; the operations are those that torch 2.13 marks."""
    names = (
        "all amax amin any argmax argmin count_nonzero linalg_vector_norm logsumexp max mean min "
        "nansum norm prod std std_mean sum var var_mean"
    ).split()
    monkeypatch.setattr("archbench.analysis.operators._FREE_TAGS", frozenset())
    for name in names:
        packet = getattr(aten, name)
        for overload in packet.overloads():
            assert placing_of(getattr(packet, overload)).rule is free, (name, overload)
