"""The shelf's networks against figures that other people published or that follow by hand."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import archbench
from archbench.archs import googlenet, resnet
from archbench.errors import ArchbenchError, InputRefused
from archbench.registry import ARCHITECTURES, find
from archbench.units import shape_for_machines

PUBLISHED = Path(__file__).parent / "published"
NAMES = [row.name for row in ARCHITECTURES]
SMALL = [name for name in NAMES if name not in ("resnet1202", "resnet110", "plain110")]


def published(name: str) -> list[dict[str, str]]:
    with (PUBLISHED / f"{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", published("totals"), ids=lambda row: row["network"])
def test_totals_are_the_published_ones(row: dict[str, str]) -> None:
    """Params, MACs and depth agree to the digit."""
    totals = archbench.profile(row["network"]).totals
    assert (totals.params, totals.macs) == (int(row["params"]), int(row["macs"]))
    assert totals.depth == int(row["depth"])
    assert totals.flops == 2 * totals.macs
    assert totals.trainable_params == totals.params


@pytest.mark.parametrize(
    "row", [row for row in published("totals") if row["params_aux"]], ids=lambda row: row["network"]
)
def test_totals_with_auxiliary_heads_are_the_published_ones(row: dict[str, str]) -> None:
    """The heads add what is published for them, and no depth."""
    totals = archbench.profile(row["network"], model_kwargs={"aux": True}).totals
    assert (totals.params, totals.macs) == (int(row["params_aux"]), int(row["macs_aux"]))
    assert totals.depth == int(row["depth"])


@pytest.mark.parametrize("name", ["googlenet", "googlenet-torchvision"])
def test_every_stage_of_googlenet_is_as_published(name: str) -> None:
    """Names, order, output sizes, params and MACs of all stages, auxiliary heads included."""
    stages = archbench.profile(name, model_kwargs={"aux": True}).stages
    expected = [row for row in published("googlenet_stages") if row["network"] == name]
    assert [stage.name for stage in stages] == [row["stage"] for row in expected]
    for stage, row in zip(stages, expected, strict=True):
        assert shape_for_machines(stage.output_shape) == row["output"], stage.name
        assert (stage.params, stage.macs) == (int(row["params"]), int(row["macs"])), stage.name


def test_the_depth_column_of_table_1() -> None:
    """Layers on each stage's own chain, as GoogLeNet's Table 1 prints them."""
    depths = {stage.name: stage.depth for stage in archbench.profile("googlenet").stages}
    inceptions = {name: depth for name, depth in depths.items() if name.startswith("inception")}
    assert (depths["conv1"], depths["conv2"], depths["fc"]) == (1, 2, 1)
    assert set(inceptions.values()) == {2}
    assert len(inceptions) == 9
    assert sum(depth for depth in depths.values() if depth) == 22


def test_the_separable_stem_is_what_table_1_prints() -> None:
    """2.7K parameters and 34M operations; one layer of depth."""
    stem = archbench.profile("googlenet-separable").stages[0]
    assert (stem.params, stem.macs, stem.depth) == (2_712 + 64, 34_019_328, 1)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_imagenet_resnets_have_table_1_s_grids(depth: int) -> None:
    """112, 56, 28, 14 and 7 pixels, and widths four times as large for bottlenecks."""
    stages = archbench.profile(f"resnet{depth}").stages
    wide = 4 if depth >= 50 else 1
    assert [(stage.name, stage.output_shape) for stage in stages] == [
        ("conv1", (64, 112, 112)),
        ("pool1", (64, 56, 56)),
        ("conv2_x", (64 * wide, 56, 56)),
        ("conv3_x", (128 * wide, 28, 28)),
        ("conv4_x", (256 * wide, 14, 14)),
        ("conv5_x", (512 * wide, 7, 7)),
        ("avgpool", (512 * wide, 1, 1)),
        ("fc", (1000,)),
    ]


@pytest.mark.parametrize("n", [3, 5, 7, 9, 18, 200])
def test_cifar_resnets_follow_the_closed_form(n: int) -> None:
    """Stage by stage: 464, 4,672n, 18,560n - 4,608, 73,984n - 18,432 and 650 parameters."""
    stages = archbench.profile(f"resnet{6 * n + 2}").stages
    assert [(stage.name, stage.params) for stage in stages] == [
        ("conv1", 464),
        ("stage1", 4_672 * n),
        ("stage2", 18_560 * n - 4_608),
        ("stage3", 73_984 * n - 18_432),
        ("avgpool", 0),
        ("fc", 650),
    ]
    assert [stage.output_shape for stage in stages[1:4]] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]
    assert [stage.depth for stage in stages[:4]] == [1, 2 * n, 2 * n, 2 * n]


def test_known_differences_between_variants() -> None:
    """v1.5 against v1, projection against padding, and a plain net against its residual twin."""

    def totals(name: str, **kwargs: Any) -> Any:
        return archbench.profile(name, model_kwargs=kwargs).totals

    for depth in (50, 101, 152):
        v1, v15 = totals(f"resnet{depth}"), totals(f"resnet{depth}-v1.5")
        assert (v15.params, v15.macs - v1.macs) == (v1.params, 231_211_008)
    for depth in (18, 34):
        a, b = totals(f"resnet{depth}"), totals(f"resnet{depth}-b")
        assert b.params - a.params == 173_824
    for depth in (18, 34, 20, 110):
        assert totals(f"plain{depth}").macs == totals(f"resnet{depth}").macs
    assert totals("resnet34", shortcut="B") == totals("resnet34-b")
    assert totals("resnet34", shortcut="C") == totals("resnet34-c")
    assert totals("resnet50", stride_on="3x3") == totals("resnet50-v1.5")
    shortcuts = [
        path for path, module in archbench.build("resnet34-c").named_modules()
        if path.endswith("shortcut.conv") and isinstance(module, nn.Conv2d)
    ]  # fmt: skip
    assert len(shortcuts) == 16  # 3 + the paper's thirteen


def test_option_a_subsamples_and_pads_with_zeros() -> None:
    """Every second pixel, real channels first."""
    x = torch.arange(2 * 3 * 4 * 4.0).reshape(2, 3, 4, 4)
    y = resnet.ZeroPadShortcut(3, 7, 2)(x)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert y.shape == (2, 7, 2, 2)
    assert not y[:, 3:].any()


def test_a_block_with_a_silent_branch_is_its_shortcut() -> None:
    """With the last normalisation at zero, a residual block hands on what it got; a plain one 0."""
    x = torch.rand(2, 16, 8, 8)
    for shortcut, expected in (("A", x), (None, torch.zeros_like(x))):
        block = resnet.block("basic", 16, 16, 1, shortcut, "1x1").eval()
        nn.init.zeros_(block.residual.bn2.weight)
        assert torch.equal(block(x), expected)


@pytest.mark.parametrize("name", SMALL)
def test_networks_run_forward_and_backward(name: str) -> None:
    """Batch 2, training and evaluation, and every parameter gets a gradient."""
    architecture = find(name)
    model = archbench.build(name)
    x = torch.randn(2, *architecture.input_shape)
    with torch.no_grad():
        assert model.eval()(x).shape == (2, architecture.num_classes)
    logits = model.train()(x)
    logits.square().mean().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert torch.isfinite(parameter.grad).all(), path


@pytest.mark.parametrize("name", ["googlenet", "googlenet-torchvision", "bn-googlenet"])
@pytest.mark.parametrize("training", [True, False])
def test_auxiliary_heads_return_their_logits_in_both_modes(name: str, training: bool) -> None:
    """(logits, aux1, aux2), each of the number of classes asked for."""
    model = archbench.build(name, aux=True, num_classes=7).train(training)
    outputs = model(torch.randn(2, 3, 224, 224))
    assert [tuple(output.shape) for output in outputs] == [(2, 7)] * 3


@pytest.mark.parametrize("name", ["googlenet", "bn-googlenet", "resnet18", "resnet50", "resnet20"])
@pytest.mark.parametrize("size", [97, 160, 299])
def test_other_input_sizes_and_classes_work(name: str, size: int) -> None:
    """The last pooling is global."""
    profile = archbench.profile(name, size, model_kwargs={"num_classes": 5})
    assert profile.stages[-1].output_shape == (5,)


def test_fixed_heads_refuse_other_sizes() -> None:
    """The paper's auxiliary heads end in linear layers for 224 × 224; torchvision's adapt."""
    with pytest.raises(InputRefused, match=r"googlenet cannot take .*3x299x299.*aux1.fc1"):
        archbench.profile("googlenet", 299, model_kwargs={"aux": True})
    assert archbench.profile("googlenet-torchvision", 299, model_kwargs={"aux": True}).totals.macs


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("resnet34", {"shortcut": "D"}, "no shortcut option 'D'"),
        ("plain34", {"shortcut": "B"}, "plain34 has no shortcuts"),
        ("resnet34", {"stride_on": "3x3"}, "no 1x1 convolution"),
        ("resnet50", {"stride_on": "5x5"}, "no convolution '5x5'"),
        ("resnet50", {"aux": True}, "no argument 'aux'"),
        ("googlenet", {"variant": "paper"}, "no argument 'variant'"),
        ("googlenet", {"num_classes": 0}, "positive integer, not 0"),
        ("googlenet", {"aux": "yes"}, "True or False"),
    ],
)
def test_choices_that_a_network_does_not_have_are_refused(
    name: str, kwargs: dict[str, Any], message: str
) -> None:
    """Nothing is ignored in silence."""
    with pytest.raises(ArchbenchError, match=message):
        archbench.build(name, **kwargs)


def test_initialisation_follows_the_sources() -> None:
    """Caffe's xavier and bias 0.2, ResNet's normal by fan-out, torchvision's deviation 0.01."""
    torch.manual_seed(0)
    net = archbench.build("googlenet", aux=True)
    weight = net.inception_5b.n3x3.conv.weight
    bound = (3 / weight[0].numel()) ** 0.5
    assert weight.abs().max() <= bound
    assert weight.abs().max() > 0.99 * bound
    assert net.inception_5b.n3x3.conv.bias.eq(0.2).all()
    assert net.aux1.fc1.bias.eq(0.2).all()
    for classifier in (net.fc, net.aux1.fc2, net.aux2.fc2):
        assert classifier.bias.eq(0).all()
    conv = archbench.build("resnet18").get_submodule("conv5_x.2.residual.conv2").weight
    assert conv.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert archbench.build("resnet18").fc.bias.eq(0).all()
    weight = archbench.build("googlenet-torchvision").inception_5b.n3x3.conv.weight
    assert weight.std().item() == pytest.approx(0.01, rel=0.01)


def test_the_rows_of_table_1_give_the_output_sizes_it_prints() -> None:
    """The inception rows' widths add up to the depth of their output column."""
    printed = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    rows = [row for row in googlenet.TABLE_1 if row.type.startswith("inception")]
    widths = [googlenet._widths(row)[0] + row.n3x3 + row.n5x5 + row.pool_proj for row in rows]
    assert widths == printed
    with pytest.raises(ValueError, match="pool1"):
        googlenet._widths(googlenet.TABLE_1[1])
