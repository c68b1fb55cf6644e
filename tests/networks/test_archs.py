"""The shelf's networks against figures that other people published or that follow by hand."""

import csv
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import archbench
from archbench.errors import ArchbenchError, InputRefused
from archbench.networks.archs import (
    alexnet,
    googlenet,
    highway,
    inception_v3,
    inception_v4,
    maxout,
    prelu_net,
    resnet,
)
from archbench.networks.archs.parts.branches import Conv, Residual, ResidualBranches
from archbench.networks.archs.parts.layers import HalvingMaxPool, SameConv2d
from archbench.networks.registry import ARCHITECTURES, find
from archbench.networks.resolve import parse_kwargs
from archbench.units import shape_for_machines
from tests.repository import ROOT
from tests.shelf import blank, counted

PUBLISHED = ROOT / "tests" / "published"
NAMES = [row.name for row in ARCHITECTURES]


def published(name: str) -> list[dict[str, str]]:
    with (PUBLISHED / f"{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("row", published("totals"), ids=lambda row: row["network"])
def test_totals_are_the_published_ones(row: dict[str, str]) -> None:
    """Params, MACs and depth agree to the digit."""
    totals = counted(row["network"]).totals
    assert (totals.params, totals.macs) == (int(row["params"]), int(row["macs"]))
    assert totals.depth == int(row["depth"])
    assert totals.flops == 2 * totals.macs
    assert totals.trainable_params == totals.params


@pytest.mark.parametrize(
    "row", [row for row in published("totals") if row["params_aux"]], ids=lambda row: row["network"]
)
def test_totals_with_auxiliary_heads_are_the_published_ones(row: dict[str, str]) -> None:
    """The heads add what is published for them, and no depth."""
    totals = counted(row["network"], aux=True).totals
    assert (totals.params, totals.macs) == (int(row["params_aux"]), int(row["macs_aux"]))
    assert totals.depth == int(row["depth"])


@pytest.mark.parametrize("name", ["googlenet", "googlenet-torchvision"])
def test_every_stage_of_googlenet_is_as_published(name: str) -> None:
    """Names, order, output sizes, params and MACs of all stages, auxiliary heads included."""
    stages = counted(name, aux=True).stages
    expected = [row for row in published("googlenet_stages") if row["network"] == name]
    assert [stage.name for stage in stages] == [row["stage"] for row in expected]
    for stage, row in zip(stages, expected, strict=True):
        assert shape_for_machines(stage.output_shape) == row["output"], stage.name
        assert (stage.params, stage.macs) == (int(row["params"]), int(row["macs"])), stage.name


def test_the_depth_column_of_table_1() -> None:
    """Layers on each stage's own chain, as GoogLeNet's Table 1 prints them."""
    depths = {stage.name: stage.depth for stage in counted("googlenet").stages}
    inceptions = {name: depth for name, depth in depths.items() if name.startswith("inception")}
    assert (depths["conv1"], depths["conv2"], depths["fc"]) == (1, 2, 1)
    assert set(inceptions.values()) == {2}
    assert len(inceptions) == 9
    assert sum(depth for depth in depths.values() if depth) == 22


def test_the_separable_stem_is_what_table_1_prints() -> None:
    """2.7K parameters and 34M operations; one layer of depth."""
    stem = counted("googlenet-separable").stages[0]
    assert (stem.params, stem.macs, stem.depth) == (2_712 + 64, 34_019_328, 1)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_imagenet_resnets_have_table_1_s_grids(depth: int) -> None:
    """112, 56, 28, 14 and 7 pixels, and widths four times as large for bottlenecks."""
    stages = counted(f"resnet{depth}").stages
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
    stages = counted(f"resnet{6 * n + 2}").stages
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
        return counted(name, **kwargs).totals

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
        path for path, module in blank("resnet34-c").named_modules()
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


# Smaller than the network's own, where it allows that and would take long otherwise.
SIZES = {
    **{row.name: 139 for row in ARCHITECTURES if row.input_shape == (3, 299, 299)},
    **{f"prelu-net-{model}": 64 for model in "abc"},
    **dict.fromkeys(("resnet1202", "resnet110", "plain110", "highway32"), 8),
    **dict.fromkeys(("preact-resnet110", "preact-resnet164", "preact-resnet1001"), 8),
    **dict.fromkeys(("preact-resnet101", "preact-resnet152", "preact-resnet200"), 64),
}


def all_finite(tensor: Tensor) -> bool:
    """Tell by the smallest and the largest number, which are NaN where any is."""
    return all(bound.isfinite() for bound in torch.aminmax(tensor.detach()))


@pytest.mark.parametrize("name", NAMES)
def test_networks_run_forward_and_backward(name: str) -> None:
    """Batch 2: finite activations in training at the start, in evaluation after one such pass.

    Every parameter gets a finite gradient. Modules by themselves give a grid, networks logits.
    """
    architecture = find(name)
    torch.manual_seed(0)
    model = archbench.build(name)
    wild = []

    def look(module: nn.Module, _: Any, out: Tensor) -> None:
        if not all_finite(out):
            wild.append(type(module).__name__)

    for module in model.modules():
        module.register_forward_hook(look)
    channels, *grid = architecture.input_shape
    side = SIZES.get(name, grid[0])
    x = torch.randn(2, channels, side, side)
    logits = model.train()(x)
    assert not wild
    if architecture.num_classes is not None:
        assert logits.shape == (2, architecture.num_classes)
    logits.square().mean().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert all_finite(parameter.grad), path
        parameter.grad = None
    with torch.no_grad():
        assert model.eval()(x).shape == logits.shape
    assert not wild


HEADS = {
    "googlenet": 2,
    "googlenet-torchvision": 2,
    "bn-googlenet": 2,
    "inception-v2": 1,
    "inception-v3": 1,
    "inception-v4": 1,
    "inception-resnet-v2": 1,
    "dsn": 3,
}


def drawn(model: nn.Module) -> nn.Module:
    """Draw the weights of a network without values; a network's own initialisation takes long."""
    model.to_empty(device="cpu")
    for tensor in model.buffers():
        tensor.fill_(1)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.02)
    return model


@pytest.mark.parametrize("name", HEADS)
def test_auxiliary_heads_return_their_logits_in_both_modes(name: str) -> None:
    """(logits, aux1, ...), each of the number of classes asked for; the logits are the same."""
    torch.manual_seed(0)
    model = drawn(blank(name, aux=True, num_classes=7))
    plain = blank(name, num_classes=7).to_empty(device="cpu")  # takes the other's weights
    x = torch.randn(2, *find(name).input_shape)
    with torch.no_grad():
        outputs = model.train()(x)
        assert [tuple(output.shape) for output in outputs] == [(2, 7)] * (1 + HEADS[name])
        outputs = model.eval()(x)
        assert [tuple(output.shape) for output in outputs] == [(2, 7)] * (1 + HEADS[name])
        plain.load_state_dict(
            {key: value for key, value in model.state_dict().items() if key in plain.state_dict()}
        )
        assert torch.equal(plain.eval()(x), outputs[0])


def test_all_heads_are_tested() -> None:
    """Every network that has an argument aux stands in HEADS, separable googlenet's twin aside."""
    heads = {row.name for row in ARCHITECTURES if "aux" in dict(row.choices)}
    assert heads == {*HEADS, "googlenet-separable"}


FIXED = ("alexnet", "vgg16", "vgg19", "maxout")  # linear layers on a grid, or none at all
FLEXIBLE = [
    row.name
    for row in ARCHITECTURES
    if row.name not in FIXED and row.num_classes is not None and row.input_shape[1] > 32
]


@pytest.mark.parametrize("name", FLEXIBLE)
@pytest.mark.parametrize("size", [97, 160, 330])
def test_other_input_sizes_and_classes_work(name: str, size: int) -> None:
    """The last pooling is global, or adapts."""
    profile = archbench.profile(name, size, model_kwargs={"num_classes": 5})
    assert profile.stages[-1].output_shape == (5,)


def test_fixed_heads_refuse_other_sizes() -> None:
    """The paper's auxiliary heads end in linear layers for 224 × 224; torchvision's adapt."""
    with pytest.raises(InputRefused, match=r"googlenet cannot take .*3x299x299.*aux1.fc1"):
        archbench.profile("googlenet", 299, model_kwargs={"aux": True})
    assert archbench.profile("googlenet-torchvision", 299, model_kwargs={"aux": True}).totals.macs
    for name in FIXED:
        with pytest.raises(InputRefused, match=f"{name} cannot take"):
            archbench.profile(name, 160)
    for name in ("inception-v3", "inception-v4", "inception-resnet-v2", "dsn"):
        with pytest.raises(InputRefused, match=r"cannot take .*aux"):
            archbench.profile(name, 160, model_kwargs={"aux": True})


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("resnet34", {"shortcut": "D"}, "no shortcut option 'D'"),
        ("plain34", {"shortcut": "B"}, "plain34 has no argument 'shortcut'"),
        ("resnet34", {"stride_on": "3x3"}, "resnet34 has no argument 'stride_on'"),
        ("resnet50", {"stride_on": "5x5"}, "no convolution '5x5'"),
        ("resnet50", {"aux": True}, "no argument 'aux'"),
        ("googlenet", {"variant": "paper"}, "no argument 'variant'"),
        ("inception-v3", {"stem": "7x7"}, "inception-v3 has no argument 'stem'"),
        ("inception-v2", {"stem": "5x5"}, "no stem '5x5'"),
        ("inception-v2", {"modules_17x17": 3}, "no version with 3 modules"),
        ("inception-v2", {"modules_17x17": 5.0}, "no version with 5.0 modules"),
        ("inception-v4", {"residual_scale": 0.1}, "inception-v4 has no argument 'residual_scale'"),
        ("inception-resnet-v2", {"residual_scale": "big"}, "from 0 to 1, not 'big'"),
        ("inception-resnet-v2", {"residual_scale": float("nan")}, "from 0 to 1, not nan"),
        ("inception-resnet-v2", {"residual_scale": 10**400}, "from 0 to 1, not 1000"),
        ("inception-resnet-v1", {"aux": True}, "inception-resnet-v1 has no argument 'aux'"),
        ("bn-inception", {"version": ["caffe"]}, "no version"),
        ("bn-inception", {"version": "v2"}, "no version 'v2'"),
        ("alexnet", {"conv4_width": 384}, "alexnet has no argument 'conv4_width'"),
        ("alexnet-one-tower", {"conv4_width": 384.0}, "no version with 384.0 filters"),
        ("fitnet4", {"fc_pieces": 5.0}, "no version with 5.0 pieces"),
        ("vgg16", {"num_classes": 10**20}, "not 100000000000000000000"),
        ("vgg16", {"num_classes": 10.0}, "not 10.0"),
        ("resnet34", {"shortcut": ["A"]}, r"no shortcut option \['A'\]"),
        ("prelu-net-a", {"activation": ["relu"]}, "no activation"),
        ("alexnet-one-tower", {"conv4_width": 300}, "no version with 300 filters"),
        ("prelu-net-a", {"activation": "gelu"}, "no activation 'gelu'"),
        ("fitnet4", {"fc_pieces": 3}, "no version with 3 pieces"),
        ("googlenet", {"num_classes": 0}, "from 1 to 1,000,000, not 0"),
        ("googlenet", {"aux": "yes"}, "True or False"),
        ("alexnet", {"groups": 3}, "no version with 3 groups"),
        ("alexnet", {"groups": True}, "no version with True groups"),
        ("alexnet-one-tower", {"groups": 1}, "has no argument 'groups'"),
        ("resnet18", {"stem": "small"}, "there is no stem 'small'"),
        ("resnet20", {"stem": "cifar"}, "has no argument 'stem'"),
    ],
)
def test_choices_that_a_network_does_not_have_are_refused(
    name: str, kwargs: dict[str, Any], message: str
) -> None:
    """Nothing is ignored in silence."""
    with pytest.raises(ArchbenchError, match=message):
        archbench.build(name, **kwargs)


def test_the_files_themselves_refuse_what_they_do_not_have() -> None:
    """Whoever calls their build() past the registry gets no other network in silence."""
    for build, arguments in (
        (resnet.build, {"depth": 34, "residual": False, "shortcut": "B"}),
        (resnet.build, {"depth": 34, "stride_on": "3x3"}),
        (resnet.build, {"depth": 33}),
        (inception_v3.build, {"version": "v3", "stem": "7x7"}),
        (inception_v4.build, {"network": "inception-resnet-v1", "aux": True}),
        (inception_v4.build, {"network": "inception-v4", "residual_scale": 0.1}),
        (alexnet.build, {"conv4_width": 384}),
    ):
        with pytest.raises(ArchbenchError):
            build(**arguments)


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


@pytest.mark.parametrize(
    "row", published("variants"), ids=lambda row: f"{row['network']} {row['arguments']}"
)
def test_variants_have_the_published_totals(row: dict[str, str]) -> None:
    """What an argument makes of a network, to the digit."""
    kwargs = parse_kwargs([row["arguments"]])
    totals = archbench.profile(row["network"], model_kwargs=kwargs).totals
    assert (totals.params, totals.macs) == (int(row["params"]), int(row["macs"]))


def test_alexnet_without_groups_and_resnets_for_cifar_follow_by_hand() -> None:
    """What an argument adds or takes, layer by layer.

    AlexNet without groups: the second tower's channels for conv2 (48 more, 256 filters of 5×5 on
    27×27), conv4 (192 more, 384 of 3×3 on 13×13) and conv5 (192 more, 256 of 3×3 on 13×13).

    ResNets with the stem for CIFAR: 3×3 in place of 7×7, 10 classes in place of 1000. The grids of
    the stages are 32, 16, 8 and 4 where they were 56, 28, 14 and 7: with the positions of all
    convolutions but the stem's, their MACs are multiplied by (32 / 56)².
    """
    more = {27: 25 * 48 * 256, 13: 9 * 192 * (384 + 256)}
    whole, grouped = archbench.profile("alexnet", model_kwargs={"groups": 1}), counted("alexnet")
    assert sum(more.values()) == 307_200 + 663_552 + 442_368
    assert whole.totals.params - grouped.totals.params == sum(more.values())
    macs = sum(side * side * weights for side, weights in more.items())
    assert whole.totals.macs - grouped.totals.macs == macs
    assert whole.totals.depth == grouped.totals.depth == 8

    for name, width in (("resnet18-b", 512), ("plain34", 512), ("resnet101-v1.5", 2048)):
        small = archbench.profile(name, model_kwargs={"stem": "cifar"})
        large = counted(name)
        stem, fewer = 3 * 64 * (49 - 9), 990 * (width + 1)
        assert large.totals.params - small.totals.params == stem + fewer
        inside = large.totals.macs - 3 * 64 * 49 * 112**2 - 1000 * width
        expected = 3 * 64 * 9 * 32**2 + inside * 32**2 // 56**2 + 10 * width
        assert small.totals.macs == expected
        assert [spec.shape for spec in small.inputs] == [(3, 32, 32)]
        assert small.stage("pool1") is None


def test_builders_themselves_refuse_what_their_network_lacks() -> None:
    """The registry asks first; a caller of the file itself is told as well."""
    with pytest.raises(ArchbenchError, match="no groups to choose"):
        alexnet.build(one_tower=True, groups=1)
    with pytest.raises(ArchbenchError, match="has one stem"):
        resnet.build(20, stem="cifar")


def test_every_stage_of_inception_v3_is_as_published() -> None:
    """Names, order, output sizes, params and MACs, the auxiliary head included."""
    stages = counted("inception-v3", aux=True).stages
    found = [(s.name, shape_for_machines(s.output_shape), s.params, s.macs) for s in stages]
    assert found == [
        (row["stage"], row["output"], int(row["params"]), int(row["macs"]))
        for row in published("inception_v3_stages")
    ]


def test_tf_slim_s_unit_test_confirms_its_bn_inception() -> None:
    """10,173,112 without the classifier, with moving statistics and without gamma."""
    model = blank("bn-inception", version="tf-slim")
    channels = sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    params = sum(p.numel() for p in model.parameters())
    classifier = sum(p.numel() for p in model.fc.parameters())
    assert params - classifier + channels == 10_173_112


@pytest.mark.parametrize(
    ("name", "moving"), [("inception-v3", 23_851_784), ("inception-resnet-v2", 55_873_736)]
)
def test_keras_totals_confirm_the_networks(name: str, moving: int) -> None:
    """Keras counts beta, moving mean and variance of every normalised channel, and no gamma."""
    model = blank(name)
    channels = sum(m.num_features for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    assert sum(p.numel() for p in model.parameters()) + channels == moving


def grids(name: str, **kwargs: Any) -> dict[str, tuple[int, ...] | None]:
    return {s.name: s.output_shape for s in counted(name, **kwargs).stages}


# HxWxC as figure 5 of the batch normalisation paper prints them.
FIGURE_5 = {
    "conv1": (64, 112, 112), "pool1": (64, 56, 56), "conv2": (192, 56, 56),
    "pool2": (192, 28, 28), "inception_3a": (256, 28, 28), "inception_3b": (320, 28, 28),
    "inception_3c": (576, 28, 28), "inception_4a": (576, 14, 14), "inception_4b": (576, 14, 14),
    "inception_4c": (576, 14, 14), "inception_4d": (576, 14, 14), "inception_4e": (1024, 14, 14),
    "inception_5a": (1024, 7, 7), "inception_5b": (1024, 7, 7), "avgpool": (1024, 1, 1),
}  # fmt: skip


def test_bn_inception_has_figure_5_s_grids_but_where_it_contradicts_itself() -> None:
    """3c and 4e print the grid they are given; the filters of 4c and 4d sum to 608."""
    found = grids("bn-inception")
    assert {stage for stage, shape in FIGURE_5.items() if found[stage] != shape} == {
        *("inception_3c", "inception_4c", "inception_4d", "inception_4e")
    }
    assert (found["inception_4c"], found["inception_4d"]) == ((608, 14, 14), (608, 14, 14))
    assert found["inception_4e"] == (1056, 7, 7)
    slim = grids("bn-inception", version="tf-slim")
    assert {stage for stage, shape in FIGURE_5.items() if slim[stage] != shape} == {
        *("inception_3c", "inception_4e")
    }
    assert (slim["inception_3c"], slim["inception_4e"]) == ((576, 14, 14), (1024, 7, 7))


def test_bn_inception_costs_30_percent_more_than_googlenet() -> None:
    """The text's figure, with separable stems on both."""
    ours, other = (counted(n).totals for n in ("bn-inception", "googlenet-separable"))
    assert ours.macs / other.macs == pytest.approx(1.30, abs=0.005)


def test_inception_v2_has_the_input_sizes_of_table_1() -> None:
    """All twelve rows, as Rethinking's Table 1 prints them."""
    stages = {stage.name: stage.input_shape for stage in counted("inception-v2").stages}
    assert [shape for name, shape in stages.items() if name not in NOT_IN_TABLE_1] == [
        *((3, 299, 299), (32, 149, 149), (32, 147, 147), (64, 147, 147), (64, 73, 73)),
        *((80, 71, 71), (192, 35, 35), (288, 35, 35), (768, 17, 17), (1280, 8, 8)),
        *((2048, 8, 8), (2048,), (1000,)),
    ]


NOT_IN_TABLE_1 = ("reduction_a", "reduction_b", "dropout")


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("inception-v4", (384, 384, 1024, 1024, 1536, 1536)),  # figure 9
        ("inception-resnet-v1", (256, 256, 896, 896, 1792, 1792)),  # figure 15
        ("inception-resnet-v2-paper", (384, 384, 1152, 1152, 2144, 2144)),
        ("inception-resnet-v2", (320, 320, 1088, 1088, 2080, 2080, 1536)),  # TF-slim
    ],
)
def test_inception_v4_and_the_residual_ones_have_the_figures_grids(
    name: str, widths: tuple[int, ...]
) -> None:
    """35×35 twice, 17×17 twice, 8×8, then one pixel."""
    found = [shape for shape in grids(name).values() if shape is not None]
    sides = (35, 35, 17, 17, 8, 8, 8)[: len(widths)]
    expected = [(width, side, side) for width, side in zip(widths, sides, strict=True)]
    assert found[: len(widths)] == expected
    assert found[len(widths)] == (widths[-1], 1, 1)


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("alexnet", [55, 27, 27, 13, 13, 13, 13, 6]),
        ("alexnet-one-tower", [55, 27, 27, 13, 13, 13, 13, 6]),
        ("vgg16", [224] * 2 + [112] * 3 + [56] * 4 + [28] * 4 + [14] * 4 + [7]),
        ("vgg19", [224] * 2 + [112] * 3 + [56] * 5 + [28] * 5 + [14] * 5 + [7]),
        ("prelu-net-b", [112] + [56] * 7 + [28] * 7 + [14] * 7),
        ("nin", [32, 32, 32, 16, 16, 16, 16, 8, 8, 8, 8]),
        ("maxout", [32, 33, 16, 16, 15, 7, 7, 9, 5, 5]),
        ("fitnet4", [32] * 5 + [16] * 7 + [8] * 7 + [1]),
    ],
)
def test_baselines_have_the_grids_of_their_papers(name: str, sides: list[int]) -> None:
    """Sides of the feature maps in turn, pooling included."""
    found = [shape[1] for shape in grids(name).values() if shape is not None and len(shape) == 3]
    assert found == sides


def test_residual_scale_reaches_every_sum_but_the_last() -> None:
    """TF-slim's 0.17, 0.10 and 0.20 by default; the released network's last block adds it all."""

    def scales(name: str, **kwargs: Any) -> list[float]:
        blocks = blank(name, **kwargs).modules()
        return [block.scale for block in blocks if isinstance(block, ResidualBranches)]

    assert scales("inception-resnet-v2") == [0.17] * 10 + [0.10] * 20 + [0.20] * 9 + [1.0]
    assert scales("inception-resnet-v2", residual_scale=0.3) == [0.3] * 39 + [1.0]
    assert scales("inception-resnet-v1") == [0.17] * 5 + [0.10] * 10 + [0.20] * 5
    assert scales("inception-resnet-v2-paper", residual_scale=1) == [1] * 20


def test_a_residual_block_of_scale_0_hands_on_what_it_got() -> None:
    """The input plus 0 × branches, rectified; without the ReLU where the block is linear."""
    x = torch.randn(2, 8, 5, 5)
    branches = ((Conv("1×1", 4),), (Conv("1×1", 4), Conv("3×3", 6)))
    for linear, expected in ((False, x.relu()), (True, x)):
        block = ResidualBranches(8, Residual(branches, 0.0, linear)).eval()
        assert torch.equal(block(x), expected)
    block = ResidualBranches(8, Residual(branches, 0.5, linear=True)).eval()
    assert torch.allclose(block(x), x + 0.5 * block.project(block.branches(x)))


@pytest.mark.parametrize("side", [7, 8])
def test_pooling_that_halves_keeps_step_with_a_strided_convolution(side: int) -> None:
    """Rounded up on odd and even grids; the corner windows hold what SAME padding gives them."""
    x = torch.arange(float(side * side)).reshape(1, 1, side, side)
    pooled = HalvingMaxPool()(x)
    assert pooled.shape == nn.Conv2d(1, 1, 3, 2, 1)(x).shape
    last = 1 if side % 2 else 2  # the first window starts before an odd grid, at an even one
    assert pooled[0, 0, 0, 0] == x[0, 0, last, last]
    assert pooled[0, 0, -1, -1] == x[0, 0, -1, -1]


def test_same_padding_is_tensorflow_s() -> None:
    """The odd zero comes after: on 4 pixels, 3×3/2 looks at 0-2 and 2-3, and pads behind."""
    conv = SameConv2d(1, 1, 3, 2, bias=False)
    nn.init.ones_(conv.weight)
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    windows = [[x[0, 0, i : i + 3, j : j + 3].sum() for j in (0, 2)] for i in (0, 2)]
    assert torch.equal(conv(x)[0, 0], torch.tensor(windows))


def test_a_highway_layer_mixes_by_its_gate() -> None:
    """H(x)·T(x) + x·(1 - T(x)); a shut gate hands x on, an open one H(x)."""
    layer = highway.Highway(4, 3)
    x = torch.randn(2, 4, 6, 6)
    h, t = layer.transform(x).relu(), layer.gate(x).sigmoid()
    assert torch.allclose(layer(x), h * t + x * (1 - t), atol=1e-6)
    for bias, expected in ((-100.0, x), (100.0, h)):
        nn.init.constant_(layer.gate.bias, bias)
        assert torch.allclose(layer(x), expected, atol=1e-6)


def test_maxout_takes_the_largest_of_neighbouring_pieces() -> None:
    """Units of two pieces, of maps and of vectors."""
    x = torch.tensor([[1.0, 5.0, -3.0, -4.0]])
    assert torch.equal(maxout.Maxout(2)(x), torch.tensor([[5.0, -3.0]]))
    maps = x.reshape(1, 4, 1, 1).expand(1, 4, 2, 3)
    assert torch.equal(maxout.Maxout(2)(maps)[0, :, 1, 2], torch.tensor([5.0, -3.0]))


def test_pyramid_pooling_keeps_maxima_of_all_levels() -> None:
    """49 + 9 + 4 + 1 bins a map; the last is the maximum of all."""
    x = torch.randn(2, 3, 14, 14)
    pooled = prelu_net.SpatialPyramidPool()(x)
    assert pooled.shape == (2, 3 * 63)
    assert torch.equal(pooled[:, -3:], x.amax((2, 3)))
    assert torch.equal(pooled[:, : 3 * 49], torch.max_pool2d(x, 2).flatten(1))


def test_alexnet_s_response_norm_is_the_paper_s_formula() -> None:
    """That is a / (2 + 1e-4 × the sum of five squares) to the power of 0.75, by hand."""
    a = 30 * torch.randn(1, 7, 2, 2)
    channel = 3
    squares = (a[:, channel - 2 : channel + 3] ** 2).sum(1)
    expected = a[:, channel] / (2 + 1e-4 * squares) ** 0.75
    assert torch.allclose(alexnet.response_norm()(a)[:, channel], expected, rtol=1e-5)


def test_companion_heads_look_before_the_relu() -> None:
    """A head that sums all of conv1 sees its negative values, though a ReLU follows."""
    model = archbench.build("dsn", aux=True).eval()
    nn.init.ones_(model.aux1.fc.weight)
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        _, aux1, *_ = model(x)
        raw = nn.functional.conv2d(x, model.conv1.weight, model.conv1.bias, padding=2)
        assert raw.min() < 0
        assert torch.allclose(aux1[0, 0], raw.sum(), rtol=1e-3, atol=1e-2)


def test_pre_activation_units_share_where_a_stage_begins() -> None:
    """The projection reads the activated input in a first unit, the identity the raw one later."""
    model = archbench.build("preact-resnet164").eval()
    x = torch.randn(2, 64, 8, 8)
    first, second = model.stage2[0], model.stage2[1]
    active = first.preact(x)
    assert torch.allclose(first(x), first.residual(active) + first.shortcut(active), atol=1e-5)
    y = torch.randn(2, 128, 8, 8)
    assert torch.allclose(second(y), second.residual(second.preact(y)) + y, atol=1e-5)
    assert isinstance(blank("preact-resnet50").conv2_x[0].preact, nn.Identity)


def test_strides_of_pre_activation_bottlenecks() -> None:
    """On the first 1×1 in CIFAR's release, on the 3×3 in ImageNet's."""
    cifar = blank("preact-resnet164").stage2[0].residual
    assert (cifar.conv1.stride, cifar.conv2.stride) == ((2, 2), (1, 1))
    imagenet = blank("preact-resnet50").conv3_x[0].residual
    assert (imagenet.conv1.stride, imagenet.conv2.stride) == ((1, 1), (2, 2))


def test_modules_by_themselves_are_row_3a() -> None:
    """12,288 + 221,184 + 153,600 weights without reductions, 163,328 with."""
    naive, reduced = (counted(f"inception-module{tail}") for tail in ("-naive", ""))
    assert naive.totals.params == 387_072 + 64 + 128 + 32
    assert [s.macs for s in naive.stages[:3]] == [9_633_792, 173_408_256, 120_422_400]
    branch = {s.name: s.macs for s in reduced.stages}
    assert (branch["n5x5_reduce"], branch["n5x5"]) == (2_408_448, 10_035_200)
    assert naive.stages[-1].output_shape == (416, 28, 28)
    assert reduced.stages[-1].output_shape == (256, 28, 28)


# (network, arguments, deviations of weights, values of what is constant), as the docstrings say
INITIAL = [
    (
        "inception-v3",
        {"aux": True},
        {
            # cut at two deviations, a normal keeps 0.774 of its variance: 1.3 × 0.774 = 1.006
            "Mixed_7c.branch1.conv1x1.conv.weight": (2 / 2048) ** 0.5,
            "aux.full.conv.weight": 0.01 * 0.88,
            "aux.fc.weight": 0.001 * 0.88,
        },
        {},
    ),
    ("inception-v4", {}, {"fc.weight": (2 / (1536 + 1000)) ** 0.5}, {}),
    ("inception-resnet-v2", {}, {"conv.conv.weight": (2 / (2080 + 1536)) ** 0.5}, {}),
    (
        "alexnet",
        {},
        {"conv3.conv.weight": 0.01},
        {"conv1.conv.bias": 0.0, "conv2.conv.bias": 1.0, "conv3.conv.bias": 0.0},
    ),
    ("vgg16", {}, {"conv5_1.conv.weight": (2 / (9 * 1024)) ** 0.5}, {}),
    (
        "prelu-net-a",
        {},
        {"conv4_2.conv.weight": (2 / (1 + 0.25**2) / (9 * 512)) ** 0.5},
        {"conv1.act.weight": 0.25},
    ),
    ("nin", {}, {"conv2.conv.weight": 0.05}, {}),
    ("fitnet4", {}, {"conv3_2.conv.weight": 0.005 / 3**0.5}, {}),
    (
        "highway19",
        {},
        {"highway3.2.gate.weight": (2 / (9 * 128)) ** 0.5},
        {"highway1.0.gate.bias": -2.0},
    ),
    ("preact-resnet50", {}, {"conv5_x.2.residual.conv2.weight": (2 / (9 * 512)) ** 0.5}, {}),
    (
        "bn-inception",
        {},
        {
            "inception_5a.branch2.conv1x1.conv.weight": 0.09 * 0.88,
            "inception_5a.branch4.conv1x1.conv.weight": 0.1 * 0.88,
            "conv2.reduce.conv.weight": 0.1 * 0.88,
            "inception_5a.branch2.conv3x3.conv.weight": (2 / (9 * 192)) ** 0.5,
        },
        {},
    ),
]


@pytest.mark.parametrize(
    ("name", "arguments", "deviations", "constants"), INITIAL, ids=[row[0] for row in INITIAL]
)
def test_initialisation_of_the_newer_files(
    name: str,
    arguments: dict[str, Any],
    deviations: dict[str, float],
    constants: dict[str, float],
) -> None:
    """Deviations and biases as their docstrings say, measured."""
    torch.manual_seed(0)
    model = archbench.build(name, **arguments)
    for path, deviation in deviations.items():
        assert model.get_parameter(path).std().item() == pytest.approx(deviation, rel=0.03), path
    for path, value in constants.items():
        assert model.get_parameter(path).unique().tolist() == [value], path


def test_the_rows_of_table_1_give_the_output_sizes_it_prints() -> None:
    """The inception rows' widths add up to the depth of their output column."""
    printed = [256, 480, 512, 512, 512, 528, 832, 832, 1024]
    rows = [row for row in googlenet.TABLE_1 if row.type.startswith("inception")]
    widths = [googlenet._widths(row)[0] + row.n3x3 + row.n5x5 + row.pool_proj for row in rows]
    assert widths == printed
    with pytest.raises(ValueError, match="pool1"):
        googlenet._widths(googlenet.TABLE_1[1])
