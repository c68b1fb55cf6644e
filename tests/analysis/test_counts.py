"""Counts of small networks against figures derived by hand: params, MACs, and nothing missed.

The first block holds the cases in which other counters are known to be silently wrong; every
dimension has a size of its own, so that a swapped factor shows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import archbench
from archbench.errors import ArchbenchError
from tests.nets import Call

TORCH = tuple(int(part) for part in torch.__version__.split(".")[:2])


class Case(NamedTuple):
    """One network, its inputs (batch included), and what it must come to."""

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Tensor, ...]
    macs: int
    params: int | None = None


class SubclassedLinear(nn.Linear):
    """A linear layer under another name."""


@dataclass
class Output:
    """What a network may return instead of a tensor."""

    logits: Tensor
    extra: None = None


class Plain:
    """An object that is neither tensor nor container."""

    def __init__(self, value: Tensor) -> None:
        self.value = value


def weight(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(shape))


def image(channels: int, size: int = 8, batch: int = 1) -> Tensor:
    return torch.randn(batch, channels, size, size)


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(16, 16, bias=False), nn.Linear(16, 16, bias=False))
    model[1].weight = model[0].weight
    return model


def shared() -> nn.Module:
    """One linear layer under three parents."""
    layer = nn.Linear(100, 100, bias=False)
    return nn.Sequential(*(nn.Sequential(layer, nn.ReLU()) for _ in range(3)))


def frozen() -> nn.Module:
    model = nn.Conv2d(3, 8, 3, bias=False)
    return model.requires_grad_(False)


def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    return torch.softmax(q @ k.transpose(-2, -1), -1) @ v


def shapes_decide(model: nn.Module, x: Tensor) -> Tensor:
    """Run the layer once for each eight rows: control flow on a shape."""
    for _ in range(x.shape[1] // 8):
        x = model.layer(x)
    return x


QKV = (torch.randn(1, 4, 64, 32),) * 3

KNOWN_WRONG_ELSEWHERE = [
    Case("padding same", lambda: nn.Conv2d(3, 8, 3, padding="same"), (image(3),), 13_824),
    Case("padding same, k4", lambda: nn.Conv2d(3, 8, 4, padding="same"), (image(3),), 24_576),
    Case("transposed", lambda: nn.ConvTranspose2d(4, 6, 4, 2, 1), (image(4),), 24_576),
    Case(
        "transposed depthwise",
        lambda: nn.ConvTranspose2d(4, 4, 3, 2, output_padding=1, groups=4),
        (image(4),),
        2_304,
    ),
    Case(
        "functional conv",
        lambda: Call(lambda m, x: F.relu(F.conv2d(x, m.w, padding=1)), w=weight(8, 3, 3, 3)),
        (image(3),),
        13_824,
        216,
    ),
    Case(
        "at",
        lambda: Call(lambda m, x: x @ m.w, w=weight(32, 64)),
        (torch.randn(1, 10, 32),),
        20_480,
        2_048,
    ),
    Case(
        "einsum",
        lambda: Call(lambda m, x: torch.einsum("bnc,cd->bnd", x, m.w), w=weight(32, 64)),
        (torch.randn(1, 10, 32),),
        20_480,
        2_048,
    ),
    Case("linear on tokens", lambda: nn.Linear(32, 64), (torch.randn(1, 197, 32),), 403_456),
    Case(
        "subclass",
        lambda: SubclassedLinear(32, 64, bias=False),
        (torch.randn(1, 32),),
        2_048,
        2_048,
    ),
    Case("tied weights", tied, (torch.randn(1, 16),), 512, 256),
    Case("shared module", shared, (torch.randn(1, 100),), 30_000, 10_000),
    Case(
        "child called as .forward",
        lambda: Call(lambda m, x: m.c.forward(x), c=nn.Conv2d(3, 8, 3, padding=1, bias=False)),
        (image(3),),
        13_824,
        216,
    ),
    Case("frozen", frozen, (image(3),), 7_776, 216),
    Case(
        "sdpa",
        lambda: Call(lambda m, q, k, v: F.scaled_dot_product_attention(q, k, v)),
        QKV,
        1_048_576,
        0,
    ),
    Case(
        "explicit attention", lambda: Call(lambda m, q, k, v: attention(q, k, v)), QKV, 1_048_576, 0
    ),
    Case(
        "MultiheadAttention",
        lambda: Call(
            lambda m, x: m.a(x, x, x)[0], a=nn.MultiheadAttention(32, 4, batch_first=True)
        ),
        (torch.randn(1, 64, 32),),
        524_288,
        4_224,
    ),
    Case(
        "TransformerEncoderLayer",
        lambda: nn.TransformerEncoderLayer(32, 4, 64, batch_first=True),
        (torch.randn(1, 64, 32),),
        786_432,
        8_544,
    ),
    Case("LSTM", lambda: nn.LSTM(10, 20), (torch.randn(5, 1, 10),), 12_000),
    Case(
        "batch 4",
        lambda: Call(lambda m, x: F.relu(m.c(x)), c=nn.Conv2d(3, 8, 3, padding=1)),
        (image(3, batch=4),),
        55_296,
    ),
    Case(
        "child returns a plain object",
        lambda: Call(
            lambda m, x: m.child(x).value,
            child=Call(lambda m, x: Plain(m.l(x)), l=nn.Linear(8, 8, bias=False)),
        ),
        (torch.randn(1, 8),),
        64,
    ),
    Case(
        "LazyConv2d", lambda: nn.LazyConv2d(8, 3, padding=1, bias=False), (image(3),), 13_824, 216
    ),
    Case("no parameters", lambda: nn.MaxPool2d(2), (image(3),), 0, 0),
    Case("batch norm", lambda: nn.BatchNorm2d(8), (image(8),), 0, 16),
    Case(
        "broadcast matmul",
        lambda: Call(lambda m, a, b: a @ b),
        (torch.randn(2, 3), torch.randn(10, 3, 4)),
        240,
    ),
]

MORE = [
    Case(
        "conv1d", lambda: nn.Conv1d(3, 5, 7, bias=False), (torch.randn(1, 3, 20),), 14 * 5 * 21, 105
    ),
    Case(
        "conv3d",
        lambda: nn.Conv3d(2, 3, (1, 3, 5)),
        (torch.randn(1, 2, 4, 6, 9),),
        4 * 4 * 5 * 3 * 2 * 15,
    ),
    Case(
        "conv_tbc",
        lambda: Call(lambda m, x: torch.conv_tbc(x, m.w, m.b), w=weight(3, 4, 5), b=weight(5)),
        (torch.randn(9, 2, 4),),
        7 * 2 * 5 * 12,
    ),
    Case(
        "foreach",
        lambda: Call(lambda m, x: torch._foreach_add([m.l(x)], 1.0), l=nn.Linear(5, 7)),
        (torch.randn(2, 5),),
        70,
    ),
    Case("dilation", lambda: nn.Conv2d(3, 8, 3, dilation=2), (image(3),), 16 * 8 * 27),
    Case("groups", lambda: nn.Conv2d(6, 8, 3, groups=2), (image(6),), 36 * 8 * 27, 8 * 27 + 8),
    Case("stride", lambda: nn.Conv2d(3, 8, 3, stride=3), (image(3),), 4 * 8 * 27),
    Case(
        "transposed 1d",
        lambda: nn.ConvTranspose1d(3, 5, 4, 3),
        (torch.randn(1, 3, 6),),
        6 * 3 * 5 * 4,
    ),
    Case(
        "F.linear",
        lambda: Call(lambda m, x: F.linear(x, m.w), w=weight(7, 5)),
        (torch.randn(3, 5),),
        105,
    ),
    Case(
        "bmm",
        lambda: Call(lambda m, a, b: torch.bmm(a, b)),
        (torch.randn(2, 3, 5), torch.randn(2, 5, 7)),
        210,
    ),
    Case(
        "baddbmm",
        lambda: Call(lambda m, a, b: torch.baddbmm(m.w, a, b), w=weight(2, 3, 7)),
        (torch.randn(2, 3, 5), torch.randn(2, 5, 7)),
        210,
    ),
    Case(
        "addbmm",
        lambda: Call(lambda m, a, b: torch.addbmm(m.w, a, b), w=weight(3, 7)),
        (torch.randn(2, 3, 5), torch.randn(2, 5, 7)),
        210,
    ),
    Case(
        "addmm",
        lambda: Call(lambda m, x: torch.addmm(m.b, x, m.w), b=weight(7), w=weight(5, 7)),
        (torch.randn(3, 5),),
        105,
    ),
    Case(
        "matrix @ vector", lambda: Call(lambda m, x: x @ m.v, v=weight(5)), (torch.randn(3, 5),), 15
    ),
    Case(
        "dot",
        lambda: Call(lambda m, x: x.flatten().dot(m.v), v=weight(15)),
        (torch.randn(3, 5),),
        15,
    ),
    Case(
        "sdpa, causal",
        lambda: Call(lambda m, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)),
        QKV,
        1_048_576,
    ),
    Case(
        "sdpa, grouped queries",
        lambda: Call(lambda m, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True)),
        (torch.randn(1, 8, 16, 32), torch.randn(1, 2, 24, 32), torch.randn(1, 2, 24, 32)),
        2 * 8 * 16 * 24 * 32,
    ),
    Case(
        "TransformerEncoder",
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), 3),
        (torch.randn(1, 64, 32),),
        3 * 786_432,
    ),
    Case(
        "LSTM, two layers both ways",
        lambda: nn.LSTM(10, 20, num_layers=2, bidirectional=True),
        (torch.randn(5, 3, 10),),
        5 * 3 * 2 * (80 * 10 + 80 * 20) + 5 * 3 * 2 * (80 * 40 + 80 * 20),
    ),
    Case(
        "GRU",
        lambda: nn.GRU(10, 20, batch_first=True),
        (torch.randn(3, 5, 10),),
        15 * (60 * 10 + 60 * 20),
    ),
    Case("RNN", lambda: nn.RNN(10, 20), (torch.randn(5, 1, 10),), 5 * (20 * 10 + 20 * 20)),
    Case(
        "LSTMCell",
        lambda: Call(lambda m, x: m.c(x)[0], c=nn.LSTMCell(10, 20)),
        (torch.randn(3, 10),),
        3 * 2400,
    ),
    Case("LazyLinear", lambda: nn.LazyLinear(7), (torch.randn(2, 5),), 70, 42),
    Case(
        "ModuleList loop",
        lambda: Call(
            lambda m, x: [x := layer(x) for layer in m.layers][-1],
            layers=nn.ModuleList(nn.Linear(6, 6, bias=False) for _ in range(3)),
        ),
        (torch.randn(2, 6),),
        3 * 72,
        108,
    ),
    Case(
        "returns a dict",
        lambda: Call(lambda m, x: {"y": m.l(x)}, l=nn.Linear(5, 7)),
        (torch.randn(2, 5),),
        70,
    ),
    Case(
        "returns None",
        lambda: Call(lambda m, x: m.l(x) and None, l=Call(lambda m, x: None)),
        (image(3),),
        0,
    ),
    Case(
        "returns a dataclass",
        lambda: Call(lambda m, x: Output(m.l(x)), l=nn.Linear(5, 7)),
        (torch.randn(2, 5),),
        70,
    ),
    Case(
        "shapes decide",
        lambda: Call(shapes_decide, layer=nn.Linear(9, 9)),
        (torch.randn(2, 16, 9),),
        2 * 32 * 81,
    ),
    Case(
        "old weight norm",
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(5, 7)),
        (torch.randn(2, 5),),
        70,
        35 + 7 + 7,
    ),
]


@pytest.mark.parametrize("case", KNOWN_WRONG_ELSEWHERE + MORE, ids=lambda case: case.name)
def test_the_count_is_the_one_derived_by_hand(case: Case) -> None:
    """MACs and params agree to the digit, and no operation stays without a rule."""
    profile = archbench.profile(case.build(), inputs=case.inputs)
    assert profile.totals.macs == case.macs
    assert not profile.uncounted
    if case.params is not None:
        assert profile.totals.params == case.params


@pytest.mark.parametrize("case", KNOWN_WRONG_ELSEWHERE + MORE, ids=lambda case: case.name)
@pytest.mark.parametrize("mode", ["train", "grad", "no_grad", "inference", "meta"])
def test_the_count_does_not_depend_on_mode_or_device(case: Case, mode: str) -> None:
    """Training mode, gradients and a model built on meta change no total."""
    expected = archbench.profile(case.build(), inputs=case.inputs).totals
    model = case.build().train(mode == "train")
    if mode == "meta" and "Lazy" not in case.name:
        with torch.device("meta"):
            model = case.build()
    context = {"no_grad": torch.no_grad, "inference": torch.inference_mode}.get(
        mode, torch.enable_grad
    )
    with context():
        assert archbench.profile(model, inputs=case.inputs).totals == expected


@pytest.mark.parametrize("case", KNOWN_WRONG_ELSEWHERE + MORE, ids=lambda case: case.name)
def test_layers_and_stages_sum_to_the_totals(case: Case) -> None:
    """Every parameter and MAC stands on exactly one row of both lists."""
    profile = archbench.profile(case.build(), inputs=case.inputs)
    for rows in (profile.layers, profile.stages):
        assert sum(row.params for row in rows) == profile.totals.params
        assert sum(row.macs for row in rows) == profile.totals.macs
        assert sum(row.activations for row in rows) == profile.totals.activations


def test_a_forward_that_enters_inference_mode_is_counted_alike() -> None:
    """There torch hands over composite operations, which are taken apart before counting."""

    def run(model: nn.Module, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return model.inner(x)

    inner = nn.Sequential(nn.Conv2d(3, 8, 3, padding="same"), nn.Flatten(2), nn.LayerNorm(64))
    profile = archbench.profile(Call(run, inner=inner), (3, 8, 8))
    assert (profile.totals.macs, profile.uncounted) == (13_824, ())


def test_a_shared_module_has_a_row_under_each_parent() -> None:
    """Its MACs are counted per call and its parameters once, on the first row."""
    rows = {layer.path: layer for layer in archbench.profile(shared(), (100,)).layers}
    assert [rows[f"{i}.0"].macs for i in range(3)] == [10_000] * 3
    assert [rows[f"{i}.0"].params for i in range(3)] == [10_000, 0, 0]


def test_trainable_params_and_buffers_are_counted_apart() -> None:
    """Frozen parameters are params still; running statistics are buffers."""
    model = nn.Sequential(frozen(), nn.BatchNorm2d(8))
    totals = archbench.profile(model, (3, 8, 8)).totals
    assert (totals.params, totals.trainable_params, totals.buffers) == (216 + 16, 16, 8 + 8 + 1)


def test_what_never_ran_is_named_and_its_params_stay_in_the_total() -> None:
    """A child that forward() skips is uncalled; its parameters go to its parent's row."""
    model = Call(lambda m, x: m.used(x), used=nn.Linear(5, 7), spare=nn.Linear(7, 9))
    profile = archbench.profile(model, (5,))
    assert profile.uncalled == ("spare",)
    assert profile.totals.params == 42 + 72
    assert {layer.path: layer.params for layer in profile.layers} == {"": 72, "used": 42}


def test_multihead_attention_reports_nothing_uncalled() -> None:
    """Its output projection lends its weights without being called."""
    assert archbench.profile(nn.TransformerEncoderLayer(32, 4, 64), (64, 32)).uncalled == ()


def test_an_operation_without_a_rule_is_named() -> None:
    """A custom operation has no rule: it is listed, with its number of calls."""

    @torch.library.custom_op("counts::secret", mutates_args=())
    def secret(x: Tensor) -> Tensor:
        return x.clone()

    secret.register_fake(torch.empty_like)
    model = Call(lambda m, x: secret(m.l(x)), l=nn.Linear(5, 8))
    profile = archbench.profile(model, (5,))
    assert [(op.op, op.calls) for op in profile.uncounted] == [("counts.secret", 1)]
    assert profile.totals.macs == 40
    with pytest.raises(archbench.errors.AnalysisIncomplete, match="secret"):
        archbench.profile(model, (5,), strict=True)


def test_a_custom_operation_with_a_formula_of_its_own_is_counted() -> None:
    """Torch's registry of flop formulas is asked for what has no rule here."""
    from torch.utils.flop_counter import register_flop_formula

    library = torch.library.Library("archbench_test", "FRAGMENT")
    library.define("scale(Tensor x, *, float by) -> Tensor")
    library.impl("scale", lambda x, by: x * by, "CompositeExplicitAutograd")
    operation = torch.ops.archbench_test.scale
    model = Call(lambda m, x: operation(x, by=2.0))
    assert [op.op for op in archbench.profile(model, (5,)).uncounted] == ["archbench_test.scale"]

    @register_flop_formula(operation)
    def scale_flops(x: Any, *, by: float, out_shape: Any = None) -> int:
        return 2 * torch.Size(x).numel()

    assert archbench.profile(model, (5,)).totals.macs == 5


DEPTHS = [
    (nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5)), (5,), 2),
    (
        Call(
            lambda m, x: m.a(x) + m.b(m.b2(x)),
            a=nn.Linear(5, 5),
            b=nn.Linear(5, 5),
            b2=nn.Linear(5, 5),
        ),
        (5,),
        2,
    ),
    (Call(lambda m, x: x @ (m.a @ m.b), a=weight(5, 3), b=weight(3, 7)), (5,), 1),
    (nn.TransformerEncoderLayer(32, 4, 64), (64, 32), 4),
    (Call(lambda m, x: F.conv2d(x, m.w).flatten(1), w=weight(8, 3, 3, 3)), (3, 8, 8), 1),
    (
        nn.Sequential(nn.LSTM(10, 20), Call(lambda m, pair: m.l(pair[0]), l=nn.Linear(20, 2))),
        (5, 10),
        1,
    ),
]


@pytest.mark.parametrize(("model", "size", "depth"), DEPTHS)
def test_depth_is_the_longest_chain_of_layers(
    model: nn.Module, size: tuple[int, ...], depth: int
) -> None:
    """Convolutions and linear layers count, functional ones too; attention's products do not."""
    assert archbench.profile(model, size).totals.depth == depth


def test_depth_follows_what_is_written_into_a_slice() -> None:
    """A layer's output that is copied into part of a buffer is still one layer deep."""

    def run(model: nn.Module, x: Tensor) -> Tensor:
        out = x.new_zeros(x.shape)
        out[:, :3] = model.a(x[:, :3])
        return model.b(out)

    model = Call(run, a=nn.Linear(3, 3), b=nn.Linear(5, 5))
    assert archbench.profile(model, (5,)).totals.depth == 2


def test_a_higher_order_operation_is_named() -> None:
    """torch.cond runs networks that cannot be looked into: it is unknown, not a failure.

    Torch before 2.9 hands it to no counter: the error says so, and blames nobody's network.
    """
    model = Call(
        lambda m, x: torch.cond(x.sum() > 0, lambda x: x + 1, lambda x: x - 1, (m.l(x),)),
        l=nn.Linear(5, 5),
    )
    if TORCH < (2, 9):
        with pytest.raises(ArchbenchError, match="torch's higher-order operation 'cond'") as caught:
            archbench.profile(model, (5,))
        assert caught.value.exit_code == 2
        return
    profile = archbench.profile(model, (5,))
    assert profile.totals.macs == 25
    assert "higher_order.cond" in [op.op for op in profile.uncounted]


def test_a_network_in_training_is_counted_as_in_evaluation() -> None:
    """What runs in training only, such as an auxiliary head, is not counted, and is uncalled."""
    model = Call(
        lambda m, x: m.main(x) + (m.extra(x) if m.training else 0),
        main=nn.Linear(5, 7),
        extra=nn.Linear(5, 7),
    )
    profile = archbench.profile(model.train(), (5,))
    assert (profile.totals.macs, profile.uncalled) == (35, ("extra",))
    assert model.training


def test_a_generator_is_read_to_its_end() -> None:
    """A forward() that yields runs as it is read."""
    model = Call(lambda m, x: (m.l(x) for _ in range(3)), l=nn.Linear(5, 5))
    assert archbench.profile(model, (5,)).totals.macs == 75


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_an_input_takes_the_type_that_the_network_computes_in(dtype: torch.dtype) -> None:
    """A network in half precision wants inputs in half precision."""
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(288, 5)).to(dtype)
    profile = archbench.profile(model, (3, 8, 8))
    assert profile.inputs[0].dtype == str(dtype).removeprefix("torch.")
    assert profile.totals.macs == 36 * 8 * 27 + 288 * 5


def test_channels_last_networks_are_counted() -> None:
    """Where torch's meta kernels lose the layout, the view is refused there and works for real."""
    model = Call(
        lambda m, x: m.l(m.c(x).permute(0, 2, 3, 1).view(-1, 8)),
        c=nn.Conv2d(3, 8, 3).to(memory_format=torch.channels_last),
        l=nn.Linear(8, 5),
    )
    x = torch.randn(2, 3, 8, 8).to(memory_format=torch.channels_last)
    profile = archbench.profile(model, inputs=(x,))
    assert profile.totals.macs == 72 * 8 * 27 + 72 * 40


def test_a_model_that_is_partly_on_meta_still_has_a_device() -> None:
    """One buffer without values does not keep the rest from running."""
    model = Call(lambda m, x: m.l(x) * float(x.sum()), l=nn.Linear(5, 5))
    model.register_buffer("unused", torch.empty(3, device="meta"))
    assert archbench.profile(model, (5,)).device == "cpu"
