"""GoogLeNet, also called Inception v1, and three versions of it that people meet.

Source: Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, Table 1.
Hold TABLE_1 beside that table: same rows, same order, same column names. What the table does not
say (the stem's 64 filters, LRN, ceil pooling, initialisation, the auxiliary heads' widths) follows
the paper's text and Caffe's replication of it, bvlc_googlenet.
"""

from collections import OrderedDict
from collections.abc import Iterator
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archbench.networks.archs.parts.layers import SeparableConv2d
from archbench.networks.archs.parts.stages import Head, Logits, StagedNetwork
from archbench.networks.registry.records import GlobalPool, PaperRow, PaperTable


class Row(NamedTuple):
    """One row of Table 1; None where the paper leaves the cell empty."""

    stage: str
    type: str
    patch_size_stride: str | GlobalPool | None = None
    n1x1: int | None = None
    n3x3_reduce: int | None = None
    n3x3: int | None = None
    n5x5_reduce: int | None = None
    n5x5: int | None = None
    pool_proj: int | None = None


# fmt: off
TABLE_1 = (
    #   stage           type              patch/stride #1×1 #3×3r #3×3 #5×5r #5×5 proj
    Row("conv1",        "convolution",    "7×7/2"),
    Row("pool1",        "max pool",       "3×3/2"),
    Row("conv2",        "convolution",    "3×3/1",     None,  64, 192),
    Row("pool2",        "max pool",       "3×3/2"),
    Row("inception_3a", "inception (3a)", None,          64,  96, 128,   16,  32,  32),
    Row("inception_3b", "inception (3b)", None,         128, 128, 192,   32,  96,  64),
    Row("pool3",        "max pool",       "3×3/2"),
    Row("inception_4a", "inception (4a)", None,         192,  96, 208,   16,  48,  64),
    Row("inception_4b", "inception (4b)", None,         160, 112, 224,   24,  64,  64),
    Row("inception_4c", "inception (4c)", None,         128, 128, 256,   24,  64,  64),
    Row("inception_4d", "inception (4d)", None,         112, 144, 288,   32,  64,  64),
    Row("inception_4e", "inception (4e)", None,         256, 160, 320,   32, 128, 128),
    Row("pool4",        "max pool",       "3×3/2"),
    Row("inception_5a", "inception (5a)", None,         256, 160, 320,   32, 128, 128),
    Row("inception_5b", "inception (5b)", None,         384, 192, 384,   48, 128, 128),
    Row("avgpool",      "avg pool",       GlobalPool("7×7/1")),
    Row("dropout",      "dropout (40%)"),
    Row("fc",           "linear"),
    Row("softmax",      "softmax"),
)
# fmt: on

STEM_WIDTH = 64  # from the output size column, 112×112×64
AUXILIARY_HEADS = {"inception_4a": "aux1", "inception_4d": "aux2"}  # section 5 of the paper


class Variant(NamedTuple):
    """What sets one version of the network apart from the paper's text."""

    batch_norm: bool = False  #: else a bias on every convolution, and LRN
    separable_stem: bool = False  #: depthwise 7×7/2 with multiplier 8, then 1×1
    branch_5x5_kernel: int = 5
    pool4_kernel: int = 3
    dropout: float = 0.4
    adaptive_auxiliary_pool: bool = False  #: else 5×5/3, which fixes the input size


VARIANTS = {
    "paper": Variant(),
    # Table 1's 2.7K parameters and 34M operations for the stem fit no dense 7×7; the Xception
    # paper (arXiv:1610.02357) says that Inception's first layer was a separable convolution.
    "separable": Variant(separable_stem=True),
    "batch-norm": Variant(batch_norm=True),
    "torchvision": Variant(
        batch_norm=True,
        branch_5x5_kernel=3,  # github.com/pytorch/vision/issues/906
        pool4_kernel=2,
        dropout=0.2,
        adaptive_auxiliary_pool=True,
    ),
}


def conv(
    variant: Variant, c_in: int, c_out: int, kernel: int, stride: int = 1, separable: bool = False
) -> nn.Sequential:
    """Convolve with "same" padding, normalise where the variant does, and rectify."""
    layers = OrderedDict[str, nn.Module]()
    bias = not variant.batch_norm
    if separable:
        layers["conv"] = SeparableConv2d(c_in, c_out, kernel, stride, bias)
    else:
        layers["conv"] = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=bias)
    if variant.batch_norm:
        layers["bn"] = nn.BatchNorm2d(c_out, eps=0.001)
    layers["relu"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


def max_pool(kernel: int = 3) -> nn.MaxPool2d:
    """Halve the grid, rounding up: 112 -> 56 -> 28 -> 14 -> 7, as Caffe does."""
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def response_norm() -> nn.LocalResponseNorm:
    """Normalise across five channels, with bvlc_googlenet's constants."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


class Inception(nn.Module):
    """Four branches over one input, joined: (N, c_in, H, W) -> (N, width, H, W)."""

    def __init__(self, variant: Variant, c_in: int, row: Row) -> None:
        super().__init__()
        n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, pool_proj = _widths(row)
        self.width = n1x1 + n3x3 + n5x5 + pool_proj
        self.n1x1 = conv(variant, c_in, n1x1, 1)
        self.n3x3_reduce = conv(variant, c_in, n3x3_reduce, 1)
        self.n3x3 = conv(variant, n3x3_reduce, n3x3, 3)
        self.n5x5_reduce = conv(variant, c_in, n5x5_reduce, 1)
        self.n5x5 = conv(variant, n5x5_reduce, n5x5, variant.branch_5x5_kernel)
        self.pool = nn.MaxPool2d(3, stride=1, padding=1)
        self.pool_proj = conv(variant, c_in, pool_proj, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Join the branches along the channels, in the order of the table's columns."""
        branches = (
            self.n1x1(x),
            self.n3x3(self.n3x3_reduce(x)),
            self.n5x5(self.n5x5_reduce(x)),
            self.pool_proj(self.pool(x)),
        )
        return torch.cat(branches, dim=1)


def _widths(row: Row) -> tuple[int, int, int, int, int, int]:
    """Return the six widths of an inception row, none of which may be missing."""
    widths = row[3:]
    if None in widths:
        raise ValueError(f"row {row.stage} of Table 1 is not an inception module")
    return widths  # type: ignore[return-value]  # checked above, which mypy cannot follow


class AuxiliaryHead(Head):
    """A classifier on an inner stage (section 5): (N, c_in, 14, 14) -> (N, num_classes)."""

    def __init__(self, variant: Variant, c_in: int, num_classes: int) -> None:
        pool: nn.Module = nn.AvgPool2d(5, stride=3)
        if variant.adaptive_auxiliary_pool:
            pool = nn.AdaptiveAvgPool2d(4)
        super().__init__(
            OrderedDict(
                pool=pool,
                conv=conv(variant, c_in, 128, 1),
                flatten=nn.Flatten(),
                fc1=nn.Linear(128 * 4 * 4, 1024),
                relu=nn.ReLU(inplace=True),
                dropout=nn.Dropout(0.7),
                fc2=nn.Linear(1024, num_classes),
            )
        )


def _stages(variant: Variant, num_classes: int, aux: bool) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    for row in TABLE_1:
        stage, channels = _stage(variant, row, channels, num_classes)
        yield row.stage, stage
        if aux and row.stage in AUXILIARY_HEADS:
            yield AUXILIARY_HEADS[row.stage], AuxiliaryHead(variant, channels, num_classes)


def _stage(variant: Variant, row: Row, channels: int, num_classes: int) -> tuple[nn.Module, int]:
    """Build the stage of one row; return it with the channels it gives."""
    if row.type.startswith("inception"):
        module = Inception(variant, channels, row)
        return module, module.width
    layers = OrderedDict[str, nn.Module]()
    match row.stage:
        case "conv1":
            return conv(variant, channels, STEM_WIDTH, 7, 2, variant.separable_stem), STEM_WIDTH
        case "pool1":
            layers["pool"] = max_pool()
            if not variant.batch_norm:
                layers["norm"] = response_norm()
            return nn.Sequential(layers), channels
        case "conv2":
            reduce, width = row.n3x3_reduce or 0, row.n3x3 or 0
            layers["reduce"] = conv(variant, channels, reduce, 1)
            layers["conv"] = conv(variant, reduce, width, 3)
            if not variant.batch_norm:
                layers["norm"] = response_norm()
            return nn.Sequential(layers), width
        case "pool2" | "pool3":
            return max_pool(), channels
        case "pool4":
            return max_pool(variant.pool4_kernel), channels
        case "avgpool":  # 7×7 at the paper's input size; global, so that other sizes work
            return nn.AdaptiveAvgPool2d(1), channels
        case "dropout":
            return nn.Dropout(variant.dropout), channels
        case "fc":
            return nn.Linear(channels, num_classes), num_classes
        case _:
            return Logits(), channels


def initialise(model: StagedNetwork, variant: Variant) -> None:
    """Draw the weights as the version's own release does; the paper does not say.

    Caffe's "xavier" is uniform with variance 1 / fan-in; biases are 0.2, and 0 in classifiers.
    torchvision draws from a normal of deviation 0.01, cut at two.
    """
    torchvision = variant == VARIANTS["torchvision"]
    for name, module in model.named_modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        if torchvision:
            nn.init.trunc_normal_(module.weight, 0.0, 0.01, -2, 2)
            continue
        bound = sqrt(3 / module.weight[0].numel())
        nn.init.uniform_(module.weight, -bound, bound)
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.0 if name.endswith(("fc", "fc2")) else 0.2)


def build(variant: str, *, num_classes: int = 1000, aux: bool = False) -> StagedNetwork:
    """Build one of VARIANTS, initialised.

    Args:
        variant: a key of VARIANTS.
        num_classes: width of the last layer, and of the auxiliary heads'.
        aux: add the two auxiliary heads of training; the input must then be 224 × 224
            (torchvision's version pools adaptively and takes other sizes).
    """
    version = VARIANTS[variant]
    model = StagedNetwork(_stages(version, num_classes, aux))
    initialise(model, version)
    return model


def paper_table(variant: str, *, num_classes: int = 1000, aux: bool = False) -> PaperTable:
    """Return Table 1's own columns for the stages that build() makes with the same arguments."""
    version = VARIANTS[variant]
    rows: dict[str, PaperRow] = {}
    for row in TABLE_1:
        patch, label = row.patch_size_stride, row.type
        if row.stage == "pool4":
            patch = f"{version.pool4_kernel}×{version.pool4_kernel}/2"
        if row.stage == "dropout":
            label = f"dropout ({version.dropout:.0%})"
        rows[row.stage] = (label, (patch, *row[3:]))
        if aux and row.stage in AUXILIARY_HEADS:
            head = AUXILIARY_HEADS[row.stage]
            rows[head] = (f"auxiliary ({head[-1]})", (None,) * 7)
    kernel = f"{version.branch_5x5_kernel}×{version.branch_5x5_kernel}"
    note = "" if kernel == "5×5" else f" (this version has {kernel} there)"
    return PaperTable(
        source=f"Szegedy et al., arXiv:1409.4842, Table 1{note and '; #5×5'}{note}",
        heading="type",
        columns=(
            ("patch_size_stride", "patch size/ stride"),
            ("output_shape", "output size"),
            ("depth", "depth"),
            ("n1x1", "#1×1"),
            ("n3x3_reduce", "#3×3 reduce"),
            ("n3x3", "#3×3"),
            ("n5x5_reduce", "#5×5 reduce"),
            ("n5x5", "#5×5"),
            ("pool_proj", "pool proj"),
        ),
        rows=rows,
    )
