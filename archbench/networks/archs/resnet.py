"""The residual networks of the ResNet paper and their plain twins, for ImageNet and CIFAR-10.

Source: He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385.
Hold TABLE_1 beside the paper's Table 1 (ImageNet), and CIFAR_TABLE beside the small table of
section 4.2. Batch normalisation follows every convolution, before the ReLU; no convolution has a
bias.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.parts.stages import StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

Shortcut = Literal["A", "B", "C"]
StrideOn = Literal["1x1", "3x3"]
Stem = Literal["imagenet", "cifar"]
ConvPlan = tuple[int, int, int]  # (c_out, kernel, stride)


class Stage(NamedTuple):
    """One row of Table 1: a stack of equal blocks."""

    name: str
    width: int  #: filters of the block's 3×3 convolutions
    stride: int  #: stride of the first block


# fmt: off
TABLE_1 = (
    #     layer name  width  stride
    Stage("conv2_x",     64, 1),
    Stage("conv3_x",    128, 2),
    Stage("conv4_x",    256, 2),
    Stage("conv5_x",    512, 2),
)
TABLE_1_BLOCKS = {
    # layers: (block, repeated in conv2_x, conv3_x, conv4_x, conv5_x)
     18: ("basic",      (2, 2,  2, 2)),
     34: ("basic",      (3, 4,  6, 3)),
     50: ("bottleneck", (3, 4,  6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
CIFAR_TABLE = (
    #     stage       width  stride      each of n basic blocks, 6n+2 layers in all
    Stage("stage1",      16, 1),
    Stage("stage2",      32, 2),
    Stage("stage3",      64, 2),
)
# fmt: on

CIFAR_STEM = (
    "The paper's networks for CIFAR-10 are resnet20 to resnet1202, a quarter as wide: this is its "
    "ImageNet network, with a 3×3 convolution in place of the 7×7/2 and the pool."
)
EXPANSION = 4  # a bottleneck ends four times as wide as its 3×3 convolution


class ZeroPadShortcut(nn.Module):
    """Option A, without parameters: every s-th pixel, then channels of zeros.

    (N, c_in, H, W) -> (N, c_out, H/s, W/s); the zeros come after the real channels.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.missing = c_out - c_in

    def forward(self, x: Tensor) -> Tensor:
        """Subsample and pad."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.missing))


def projection(c_in: int, c_out: int, stride: int) -> nn.Sequential:
    """Options B and C: a 1×1 convolution and its batch normalisation."""
    return nn.Sequential(
        OrderedDict(conv=nn.Conv2d(c_in, c_out, 1, stride, bias=False), bn=nn.BatchNorm2d(c_out))
    )


class Block(nn.Module):
    """Convolutions and a shortcut around them: (N, c_in, H, W) -> (N, c_out, H/s, W/s).

    Args:
        convs: (c_out, kernel, stride) of each convolution in turn.
        shortcut: what the input passes on its way to the sum; None for a plain block, which
            has no sum.
    """

    def __init__(self, c_in: int, convs: Sequence[ConvPlan], shortcut: nn.Module | None) -> None:
        super().__init__()
        self.residual = nn.Sequential()
        for i, (c_out, kernel, stride) in enumerate(convs, 1):
            self.residual.add_module(
                f"conv{i}", nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
            )
            self.residual.add_module(f"bn{i}", nn.BatchNorm2d(c_out))
            if i < len(convs):
                self.residual.add_module(f"relu{i}", nn.ReLU(inplace=True))
            c_in = c_out
        self.shortcut = shortcut
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the last convolution's normalised output, then rectify."""
        out = self.residual(x)
        if self.shortcut is not None:
            out = out + self.shortcut(x)
        return self.relu(out)  # type: ignore[no-any-return]  # nn.Module calls are untyped


def convolutions(kind: str, width: int, stride: int, stride_on: StrideOn) -> list[ConvPlan]:
    """List the convolutions of a "basic" block (3×3 twice) or a "bottleneck" (1×1, 3×3, 1×1)."""
    if kind == "basic":
        return [(width, 3, stride), (width, 3, 1)]
    first, middle = (stride, 1) if stride_on == "1x1" else (1, stride)
    return [(width, 1, first), (width, 3, middle), (EXPANSION * width, 1, 1)]


def block(
    kind: str,
    c_in: int,
    width: int,
    stride: int,
    shortcut: Shortcut | None,
    stride_on: StrideOn,
) -> Block:
    """Build one block of a stage."""
    convs = convolutions(kind, width, stride, stride_on)
    c_out = convs[-1][0]
    changes = stride != 1 or c_in != c_out
    path: nn.Module | None = None
    if shortcut == "C" or (shortcut == "B" and changes):
        path = projection(c_in, c_out, stride)
    elif shortcut == "A" and changes:
        path = ZeroPadShortcut(c_in, c_out, stride)
    elif shortcut is not None:
        path = nn.Identity()
    return Block(c_in, convs, path)


def imagenet_stem(width: int) -> nn.Sequential:
    """Convolve 7×7/2, normalise, rectify: (N, 3, H, W) -> (N, width, H/2, W/2)."""
    return _stem(nn.Conv2d(3, width, 7, 2, 3, bias=False))


def _stem(conv: nn.Conv2d) -> nn.Sequential:
    norm = nn.BatchNorm2d(conv.out_channels)
    return nn.Sequential(OrderedDict(conv=conv, bn=norm, relu=nn.ReLU(inplace=True)))


def _stages(
    kind: str,
    stages: Sequence[tuple[Stage, int]],
    stem: Stem,
    shortcut: Shortcut | None,
    stride_on: StrideOn,
    num_classes: int,
) -> Iterator[tuple[str, nn.Module]]:
    """Build the stages, whose blocks are named as in the paper: `conv3_x.1` is its conv3_1."""
    channels = stages[0][0].width
    if stem == "imagenet":
        yield "conv1", imagenet_stem(channels)
        yield "pool1", nn.MaxPool2d(3, stride=2, padding=1)
    else:
        yield "conv1", _stem(nn.Conv2d(3, channels, 3, 1, 1, bias=False))
    for stage, repeat in stages:
        blocks = nn.Sequential()
        for i in range(1, repeat + 1):
            stride = stage.stride if i == 1 else 1
            blocks.add_module(
                str(i), block(kind, channels, stage.width, stride, shortcut, stride_on)
            )
            channels = stage.width * (1 if kind == "basic" else EXPANSION)
        yield stage.name, blocks
    yield "avgpool", nn.AdaptiveAvgPool2d(1)
    yield "fc", nn.Linear(channels, num_classes)


def block_text(kind: str, width: int) -> str:
    """Write a block as Table 1 does: "1×1, 64; 3×3, 64; 1×1, 256"."""
    convs = convolutions(kind, width, 1, "1x1")
    return "; ".join(f"{kernel}×{kernel}, {c_out}" for c_out, kernel, _ in convs)


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as in reference [13] of the paper, He et al., arXiv:1502.01852.

    Normal with variance 2 / (kernel area × output channels), the backward form that the
    reimplementations share; the classifier keeps torch's own draw, with a bias of zero.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def _plan(depth: int) -> tuple[bool, str, list[tuple[Stage, int]]]:
    """Return (is it an ImageNet network, its kind of block, its stages with their repeats)."""
    if depth in TABLE_1_BLOCKS:
        kind, repeats = TABLE_1_BLOCKS[depth]
        return True, kind, list(zip(TABLE_1, repeats, strict=True))
    n, rest = divmod(depth - 2, 6)
    if rest or n < 1:
        raise ArchbenchError(f"there is no residual network of {depth} layers", "CIFAR: 6n+2")
    return False, "basic", [(stage, n) for stage in CIFAR_TABLE]


def _check_choices(
    depth: int,
    residual: bool,
    shortcut: Shortcut | None,
    stride_on: StrideOn | None,
    stem: Stem | None,
) -> None:
    """Raise ArchbenchError for a choice that the network of that many layers does not have."""
    imagenet, kind, _ = _plan(depth)
    name = f"{'resnet' if residual else 'plain'}{depth}"
    if shortcut is not None and not residual:
        raise ArchbenchError(f"{name} has no shortcuts to choose", f"try resnet{depth}")
    if shortcut is not None and shortcut not in get_args(Shortcut):
        raise ArchbenchError(f"there is no shortcut option {shortcut!r}", "choose A, B or C")
    if stride_on is not None and kind == "basic":
        raise ArchbenchError(f"the blocks of {name} have no 1x1 convolution to put a stride on")
    if stride_on is not None and stride_on not in get_args(StrideOn):
        raise ArchbenchError(f"there is no convolution {stride_on!r}", "choose 1x1 or 3x3")
    if stem is not None and not imagenet:
        raise ArchbenchError(f"{name} is for CIFAR-10 and has one stem", "resnet18 has a choice")
    if stem is not None and stem not in get_args(Stem):
        raise ArchbenchError(f"there is no stem {stem!r}", "choose imagenet or cifar")


def build(
    depth: int,
    residual: bool = True,
    *,
    shortcut: Shortcut | None = None,
    stride_on: StrideOn | None = None,
    stem: Stem | None = None,
    num_classes: int | None = None,
) -> StagedNetwork:
    """Build the network of that many layers, initialised.

    Args:
        depth: a key of TABLE_1_BLOCKS (ImageNet), or 6n+2 (CIFAR-10).
        residual: False builds the plain twin, which has no shortcuts.
        shortcut: "A" pads with zeros where shapes change, "B" projects there, "C" projects
            everywhere. Default: A for basic blocks, B for bottlenecks, as in the paper.
        stride_on: which convolution of a bottleneck halves the grid: "1x1" as in the authors'
            release, the default, or "3x3", known as v1.5.
        stem: of a key of TABLE_1_BLOCKS: "imagenet", the default, is the paper's 7×7/2 and its
            pool; "cifar" is a 3×3 convolution of stride 1 without a pool, as repositories have it
            that train these networks on CIFAR-10.
        num_classes: default 1000 (ImageNet), or 10 (CIFAR-10, or its stem).

    Raises:
        ArchbenchError: a choice that this network does not have.
    """
    _check_choices(depth, residual, shortcut, stride_on, stem)
    imagenet, kind, stages = _plan(depth)
    stem = stem or ("imagenet" if imagenet else "cifar")
    model = StagedNetwork(
        _stages(
            kind,
            stages,
            stem,
            (shortcut or ("A" if kind == "basic" else "B")) if residual else None,
            stride_on or "1x1",
            num_classes or (1000 if stem == "imagenet" else 10),
        )
    )
    initialise(model)
    return model


def paper_table(
    depth: int,
    residual: bool = True,
    *,
    shortcut: Shortcut | None = None,
    stride_on: StrideOn | None = None,
    stem: Stem | None = None,
    num_classes: int | None = None,
) -> PaperTable:
    """Return the paper's own columns for the stages that build() makes with the same arguments."""
    imagenet, kind, stages = _plan(depth)
    rows: dict[str, PaperRow] = {}
    if not imagenet:
        rows["conv1"] = (None, (1, stages[0][0].width))
        for stage, n in stages:
            rows[stage.name] = (None, (2 * n, stage.width))
        rows["avgpool"] = (None, (None, None))
        rows["fc"] = (None, (1, None))
        return PaperTable(
            source="He et al., arXiv:1512.03385, section 4.2",
            heading="layer name",
            columns=(
                ("output_shape", "output size"),
                ("layers", "# layers"),
                ("filters", "# filters"),
            ),
            rows=rows,
        )
    if stem == "cifar":
        rows["conv1"] = (None, ("3×3, 64", None))
    else:
        rows["conv1"] = (None, ("7×7, 64, stride 2", None))
        rows["pool1"] = (None, ("3×3 max pool, stride 2", None))
    for stage, repeat in stages:
        rows[stage.name] = (None, (block_text(kind, stage.width), repeat))
    rows["avgpool"] = (None, ("average pool", None))
    classes = num_classes or (10 if stem == "cifar" else 1000)
    rows["fc"] = (None, (f"{classes}-d", None))
    source = "He et al., arXiv:1512.03385, Table 1"
    return PaperTable(
        source=f"{source}, with a stem for CIFAR-10" if stem == "cifar" else source,
        heading="layer name",
        columns=(
            ("output_shape", "output size"),
            ("block", f"{depth}-layer"),
            ("repeat", "blocks"),
        ),
        rows=rows,
        notes=(CIFAR_STEM,) if stem == "cifar" else (),
    )
