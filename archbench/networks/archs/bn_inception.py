"""BN-Inception, the network of the batch normalisation paper; TF-slim calls it Inception v2.

Source: Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing
Internal Covariate Shift", arXiv:1502.03167, figure 5. Hold FIGURE_5 beside that figure: same rows,
same order, same column names.

The figure contradicts itself: the filters of rows 4c and 4d add up to 608 where it prints 576. The
network here has the printed filters, and so its 4e ends in 1056 channels. The Caffe port that is
used does the same; TF-slim keeps the printed depths, and cuts both rows' pooling branch to 96.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.parts.branches import (
    Branches,
    Conv,
    ConvBN,
    Module,
    Pool,
    draw_cut_normal,
    initialise_as_slim,
    pool,
)
from archbench.networks.archs.parts.layers import SameConv2d, SeparableConv2d
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import GlobalPool, PaperRow, PaperTable


class Row(NamedTuple):
    """One row of figure 5; None where the paper leaves the cell empty."""

    stage: str
    type: str
    patch_size_stride: str | GlobalPool | None = None
    n1x1: int | None = None
    n3x3_reduce: int | None = None
    n3x3: int | None = None
    double_3x3_reduce: int | None = None
    double_3x3: int | None = None
    pool: str | None = None
    pool_proj: int | None = None  #: None beside a pool: it is passed through


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
    Row("avgpool",      "avg pool",       GlobalPool("7×7/1")),
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

    separable_stem: bool = True  #: section 4.2: depthwise with multiplier 8, then 1×1
    stem_batch_norm: bool = True  #: else a bias
    conv_bias: bool = False  #: in front of batch normalisation, where it changes nothing
    printed_filters: bool = True  #: else the printed depths, with NARROWED
    same_padding: bool = False  #: TensorFlow's: the odd zero goes after the image
    eps: float = 0.001
    dropout: float | None = None  #: figure 5 has none

    @property
    def conv_kind(self) -> type[nn.Conv2d]:
        """What convolves."""
        return SameConv2d if self.same_padding else nn.Conv2d

    def pool_proj(self, row: Row) -> int | None:
        """The width of a row's projection behind its pool."""
        if self.printed_filters:
            return row.pool_proj
        return NARROWED.get(row.stage, row.pool_proj)


VARIANTS: dict[Version, Variant] = {
    "paper": Variant(),
    "dense-stem": Variant(separable_stem=False),
    "caffe": Variant(separable_stem=False, conv_bias=True, eps=1e-5),
    "tf-slim": Variant(
        stem_batch_norm=False, printed_filters=False, same_padding=True, dropout=0.2
    ),
}


def conv(variant: Variant, c_in: int, box: Conv) -> nn.Module:
    """Convolve, normalise, rectify, with the version's bias, epsilon and padding."""
    return ConvBN(c_in, box, variant.conv_bias, variant.eps, variant.conv_kind)


def stem(variant: Variant, c_in: int) -> nn.Module:
    """Convolve 7×7/2, separably where the version does: (N, c_in, H, W) -> (N, 64, H/2, W/2)."""
    if not variant.separable_stem:
        return conv(variant, c_in, Conv("7×7", STEM_WIDTH, 2))
    layers = OrderedDict[str, nn.Module]()
    bias = variant.conv_bias or not variant.stem_batch_norm
    layers["conv"] = SeparableConv2d(c_in, STEM_WIDTH, 7, 2, bias, variant.conv_kind)
    if variant.stem_batch_norm:
        layers["bn"] = nn.BatchNorm2d(STEM_WIDTH, eps=variant.eps)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


HALF = Pool("max", stride=2)  # 112 -> 56 -> 28 -> 14 -> 7


def branches(row: Row, variant: Variant) -> Module:
    """Write one inception row as branches, in the order of the figure's columns."""
    stride = 2 if row.patch_size_stride == "stride 2" else 1
    widths = [width or 0 for width in row[3:8]]
    n1x1, n3x3_reduce, n3x3, double_reduce, double = widths
    proj = variant.pool_proj(row)
    average = Pool("avg", border=not variant.same_padding)
    pooled = average if row.pool == "avg" else Pool("max")
    module: Module = (
        (Conv("1×1", n3x3_reduce), Conv("3×3", n3x3, stride)),
        (Conv("1×1", double_reduce), Conv("3×3", double), Conv("3×3", double, stride)),
        (HALF,) if proj is None else (pooled, Conv("1×1", proj)),
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
            stage, channels = stem(variant, channels), STEM_WIDTH
        elif row.stage == "conv2":
            reduce, width = row.n3x3_reduce or 0, row.n3x3 or 0
            stage = nn.Sequential()
            stage.add_module("reduce", make(channels, Conv("1×1", reduce)))
            stage.add_module("conv", make(reduce, Conv("3×3", width)))
            channels = width
        elif row.type == "max pool":
            stage = pool(HALF)
        elif row.stage == "avgpool":  # 7×7 at the paper's input size; global, so that others work
            stage = nn.AdaptiveAvgPool2d(1)
        elif row.stage == "fc":
            stage = nn.Linear(channels, num_classes)
        else:
            stage = Logits()
        yield row.stage, stage
        if row.stage == "avgpool" and variant.dropout is not None:
            yield "dropout", nn.Dropout(variant.dropout)


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as TF-slim does; the paper does not say.

    As its other networks, but for deviations of 1.0 in the stem, 0.1 in conv2's reduction and in
    projections of a pool, and 0.09 in every 1×1 in front of a 3×3.
    """
    initialise_as_slim(model)
    for name, stage in model.named_children():
        if name == "conv1":
            for layer in stage.modules():
                if isinstance(layer, nn.Conv2d):
                    draw_cut_normal(layer, 1.0)
        elif name == "conv2":
            draw_cut_normal(stage.get_submodule("reduce.conv"), 0.1)
        elif isinstance(stage, Branches):
            for branch in stage.children():
                names = [box for box, _ in branch.named_children()]
                if names[0].endswith("pool") and len(names) > 1:
                    draw_cut_normal(branch.get_submodule("conv1x1.conv"), 0.1)
                elif len(names) > 1:
                    draw_cut_normal(branch.get_submodule("conv1x1.conv"), 0.09)


def _variant(version: Version) -> Variant:
    if not isinstance(version, str) or version not in VARIANTS:
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
    initialise(model)
    return model


def _notes(variant: Variant) -> Iterator[str]:
    """Say where the figure contradicts itself, or the version the figure."""
    yield (
        "Figure 5 prints the grids that 3c and 4e are given, 28×28 and 14×14, for those they make, "
        "and depth 1 for conv2, which has a reduction."
    )
    if variant.printed_filters:
        yield "It prints 576 for 4c and 4d, whose filters add up to 608, and so 1024 for 4e's 1056."
    else:
        yield "TF-slim cuts the pooling branch of 4c and 4d from 128 to 96, which gives 576."


def paper_table(*, num_classes: int = 1000, version: Version = "paper") -> PaperTable:
    """Return figure 5's own columns for the stages that build() makes with the same arguments."""
    variant = _variant(version)
    rows: dict[str, PaperRow] = {}
    for row in FIGURE_5:
        proj = variant.pool_proj(row) or "pass through"
        pooled = None if row.pool is None else f"{row.pool} + {proj}"
        rows[row.stage] = (row.type, (row.patch_size_stride, *row[3:8], pooled))
    if variant.dropout is not None:
        rows["dropout"] = (f"dropout ({variant.dropout:.0%})", (None,) * 7)
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
        notes=tuple(_notes(variant)),
    )
