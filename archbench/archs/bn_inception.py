"""BN-Inception, the network of the batch normalisation paper; TF-slim calls it Inception v2.

Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
Internal Covariate Shift", arXiv:1502.03167, figure 5. Hold FIGURE_5 beside that figure: same rows,
same order, same column names.

The figure contradicts itself: the filters of rows 4c and 4d add up to 608 where it prints 576. The
network here has the printed filters, and so its 4e ends in 1056 channels. The authors' Caffe port
does the same; TF-slim keeps the printed depths, and cuts the pooling branch of both rows to 96.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn

from archbench.archs.parts.branches import (
    Branches,
    Conv,
    ConvBN,
    Module,
    Pool,
    initialise_as_slim,
    pool,
)
from archbench.archs.parts.stages import Logits, StagedNetwork
from archbench.errors import ArchbenchError
from archbench.records import PaperRow, PaperTable


class Row(NamedTuple):
    """One row of figure 5; None where the paper leaves the cell empty."""

    stage: str
    type: str
    patch_size_stride: str | None = None
    n1x1: int | None = None
    n3x3_reduce: int | None = None
    n3x3: int | None = None
    double_3x3_reduce: int | None = None
    double_3x3: int | None = None
    pool: str | None = None
    pool_proj: int | None = None  # None beside a pool: it is passed through


# fmt: off
FIGURE_5 = (
    #   stage           type              patch/stride #1×1 #3×3r #3×3 d3×3r d3×3  pool + proj
    Row("conv1",        "convolution*",   "7×7/2"),
    Row("pool1",        "max pool",       "3×3/2"),
    Row("conv2",        "convolution",    "3×3/1",     None,  64, 192),
    Row("pool2",        "max pool",       "3×3/2"),
    Row("inception_3a", "inception (3a)", None,          64,  64,  64,   64,  96, "avg",  32),
    Row("inception_3b", "inception (3b)", None,          64,  64,  96,   64,  96, "avg",  64),
    Row("inception_3c", "inception (3c)", "stride 2",     0, 128, 160,   64,  96, "max", None),
    Row("inception_4a", "inception (4a)", None,         224,  64,  96,   96, 128, "avg", 128),
    Row("inception_4b", "inception (4b)", None,         192,  96, 128,   96, 128, "avg", 128),
    Row("inception_4c", "inception (4c)", None,         160, 128, 160,  128, 160, "avg", 128),
    Row("inception_4d", "inception (4d)", None,          96, 128, 192,  160, 192, "avg", 128),
    Row("inception_4e", "inception (4e)", "stride 2",     0, 128, 192,  192, 256, "max", None),
    Row("inception_5a", "inception (5a)", None,         352, 192, 320,  160, 224, "avg", 128),
    Row("inception_5b", "inception (5b)", None,         352, 192, 320,  192, 224, "max", 128),
    Row("avgpool",      "avg pool",       "7×7/1"),
    Row("fc",           "linear"),
    Row("softmax",      "softmax"),
)
# fmt: on

STEM_WIDTH = 64  # from the output size column, 112×112×64
NARROWED = {"inception_4c": 96, "inception_4d": 96}  # the pooling branch in TF-slim

Version = Literal["paper", "dense-stem", "caffe", "tf-slim"]


@dataclass(frozen=True)
class Variant:
    """What sets one version of the network apart from the figure as printed."""

    separable_stem: bool = True  # section 4.2: depthwise with multiplier 8, then 1×1
    stem_batch_norm: bool = True  # else a bias
    conv_bias: bool = False  # in front of batch normalisation, where it changes nothing
    printed_filters: bool = True  # else the printed depths, with NARROWED
    same_padding: bool = False  # TensorFlow's: the odd zero goes after the image
    eps: float = 0.001


VARIANTS: dict[Version, Variant] = {
    "paper": Variant(),
    "dense-stem": Variant(separable_stem=False),
    "caffe": Variant(separable_stem=False, conv_bias=True, eps=1e-5),
    "tf-slim": Variant(stem_batch_norm=False, printed_filters=False, same_padding=True),
}


class SeparableStem(nn.Sequential):
    """A depthwise 7×7/2 that widens, a 1×1, ReLU: (N, c_in, H, W) -> (N, width, H/2, W/2)."""

    archbench_one_layer = True  # the paper's depth column counts it once

    def __init__(self, variant: Variant, c_in: int, width: int) -> None:
        super().__init__()
        conv = SameConv2d if variant.same_padding else nn.Conv2d
        self.depthwise = conv(c_in, 8 * c_in, 7, 2, padding=3, groups=c_in, bias=False)
        bias = variant.conv_bias or not variant.stem_batch_norm
        self.pointwise = nn.Conv2d(8 * c_in, width, 1, bias=bias)
        if variant.stem_batch_norm:
            self.bn = nn.BatchNorm2d(width, eps=variant.eps)
        self.relu = nn.ReLU(inplace=True)


class SameConv2d(nn.Conv2d):
    """A convolution that pads as TensorFlow's SAME does: half before, the odd zero after."""

    def forward(self, x: Tensor) -> Tensor:
        """Pad, then convolve: (N, c_in, H, W) -> (N, c_out, ceil(H/s), ceil(W/s))."""
        sides: list[int] = []
        for n, kernel, stride in zip(
            x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            missing = max((-(-n // stride) - 1) * stride + kernel - n, 0)
            sides += (missing // 2, missing - missing // 2)
        padded = F.pad(x, sides)
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, groups=self.groups)


def conv(variant: Variant, c_in: int, box: Conv) -> nn.Module:
    """Convolve, normalise, rectify, with the version's bias, epsilon and padding."""
    layer = ConvBN(c_in, box, variant.conv_bias, variant.eps)
    if variant.same_padding and box.stride > 1:
        layer.conv = SameConv2d(
            c_in, box.width, box.size, box.stride, box.padding, bias=variant.conv_bias
        )
    return layer


def max_pool_half() -> Pool:
    """Halve the grid, rounding up: 112 -> 56 -> 28 -> 14 -> 7."""
    return Pool("max", stride=2, valid=True, ceil=True)


def branches(row: Row, variant: Variant) -> Module:
    """Write one inception row as branches, in the order of the figure's columns."""
    stride = 2 if row.patch_size_stride == "stride 2" else 1
    widths = [width or 0 for width in row[3:8]]
    n1x1, n3x3_reduce, n3x3, double_reduce, double = widths
    proj = row.pool_proj
    if not variant.printed_filters:
        proj = NARROWED.get(row.stage, proj)
    average = Pool("avg", border=not variant.same_padding)
    pooled = average if row.pool == "avg" else Pool("max")
    module: Module = (
        (Conv("1×1", n3x3_reduce), Conv("3×3", n3x3, stride)),
        (Conv("1×1", double_reduce), Conv("3×3", double), Conv("3×3", double, stride)),
        (max_pool_half(),) if proj is None else (pooled, Conv("1×1", proj)),
    )
    return ((Conv("1×1", n1x1),), *module) if n1x1 else module


def _stages(variant: Variant, num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    channels = 3

    def make(c_in: int, box: Conv) -> nn.Module:
        return conv(variant, c_in, box)

    for row in FIGURE_5:
        stage: nn.Module
        if row.type.startswith("inception"):
            stage = (module := Branches(channels, branches(row, variant), make))
            channels = module.width
        elif row.stage == "conv1":
            stage = make(channels, Conv("7×7", STEM_WIDTH, 2))
            if variant.separable_stem:
                stage = SeparableStem(variant, channels, STEM_WIDTH)
            channels = STEM_WIDTH
        elif row.stage == "conv2":
            reduce, width = row.n3x3_reduce or 0, row.n3x3 or 0
            stage = nn.Sequential()
            stage.add_module("reduce", make(channels, Conv("1×1", reduce)))
            stage.add_module("conv", make(reduce, Conv("3×3", width)))
            channels = width
        elif row.type == "max pool":
            stage = pool(max_pool_half())
        elif row.stage == "avgpool":  # 7×7 at the paper's input size; global, so that others work
            stage = nn.AdaptiveAvgPool2d(1)
        elif row.stage == "fc":
            stage = nn.Linear(channels, num_classes)
        else:
            stage = Logits()
        yield row.stage, stage


def _variant(version: Version) -> Variant:
    if version not in VARIANTS:
        raise ArchbenchError(
            f"bn-inception has no version {version!r}", f"choose {', '.join(VARIANTS)}"
        )
    return VARIANTS[version]


def build(*, num_classes: int = 1000, version: Version = "paper") -> StagedNetwork:
    """Build the network, initialised.

    Args:
        num_classes: width of the last layer.
        version: "paper" as printed, with the separable stem; "dense-stem" the same with a dense
            7×7; "caffe" the released port, with that stem and a bias on every convolution;
            "tf-slim" with the separable stem, a bias and no normalisation in it, and 576 channels
            in 4c and 4d.

    Raises:
        ArchbenchError: there is no such version.
    """
    model = StagedNetwork(_stages(_variant(version), num_classes))
    initialise_as_slim(model)
    return model


def paper_table(*, num_classes: int = 1000, version: Version = "paper") -> PaperTable:
    """Return figure 5's own columns for the stages that build() makes with the same arguments."""
    variant = _variant(version)
    rows: dict[str, PaperRow] = {}
    for row in FIGURE_5:
        proj = row.pool_proj
        if not variant.printed_filters:
            proj = NARROWED.get(row.stage, proj)
        pooled = None if row.pool is None else f"{row.pool} + {proj or 'pass through'}"
        rows[row.stage] = (row.type, (row.patch_size_stride, *row[3:8], pooled))
    star = "separable" if variant.separable_stem else "dense in this version"
    return PaperTable(
        source=f"Ioffe and Szegedy, arXiv:1502.03167, figure 5; *{star}",
        heading="type",
        columns=(
            ("patch_size_stride", "patch size/ stride"),
            ("output_shape", "output size"),
            ("depth", "depth"),
            ("n1x1", "#1×1"),
            ("n3x3_reduce", "#3×3 reduce"),
            ("n3x3", "#3×3"),
            ("double_3x3_reduce", "double #3×3 reduce"),
            ("double_3x3", "double #3×3"),
            ("pool_proj", "Pool +proj"),
        ),
        rows=rows,
    )
