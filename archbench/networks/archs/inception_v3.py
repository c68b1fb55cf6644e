"""Inception-v2 as "Rethinking" prints it, and Inception-v3 as its authors released it.

Source: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision",
arXiv:1512.00567. Hold TABLE_1 beside the paper's Table 1, and the modules beside its figures.

Inception-v2 is a reconstruction. The paper prints its grids, the shapes of its modules and the
widths between them; the widths inside were in a file of the arXiv tarball that is no longer to be
had. They are taken from Inception-v3 here.

Inception-v3 is the network of TF-slim, whose names INCEPTION_V3 carries. torchvision, timm and
Keras have the same one. It differs from the paper's drawings: 5×5 convolutions at 35×35, four
modules at 17×17, and a first 35×35 module that takes 192 channels and gives 256.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.parts.branches import (
    Branch,
    Conv,
    ConvBN,
    Module,
    Pool,
    V,
    draw_cut_normal,
    initialise_as_slim,
    staged,
)
from archbench.networks.archs.parts.stages import Head, StagedNetwork
from archbench.networks.registry.records import GlobalPool, PaperRow, PaperTable

Version = Literal["v2", "v3"]
Stem = Literal["3x3", "7x7"]

AVERAGE = Pool("avg", border=True)  # torchvision's and timm's; TF-slim leaves the zeros out
MAX_HALF = Pool("max", stride=2, valid=V)
DROPOUT = 0.2  # TF-slim keeps 0.8; torchvision drops 0.5


def figure_5() -> Module:
    """The module of 35×35 as drawn, with two 3×3 where GoogLeNet has a 5×5."""
    return (
        (Conv("1×1", 64),),
        (Conv("1×1", 48), Conv("3×3", 64)),
        (Conv("1×1", 64), Conv("3×3", 96), Conv("3×3", 96)),
        (AVERAGE, Conv("1×1", 64)),
    )


def released_a(projection: int) -> Module:
    """The module of 35×35 as released: its second branch holds a 5×5."""
    return (
        (Conv("1×1", 64),),
        (Conv("1×1", 48), Conv("5×5", 64)),
        (Conv("1×1", 64), Conv("3×3", 96), Conv("3×3", 96)),
        (AVERAGE, Conv("1×1", projection)),
    )


def reduction_a() -> Module:
    """From 35×35 to 17×17, by the scheme of figure 10."""
    return (
        (Conv("3×3", 384, 2, V),),
        (Conv("1×1", 64), Conv("3×3", 96), Conv("3×3", 96, 2, V)),
        (MAX_HALF,),
    )


def figure_6(inner: int) -> Module:
    """The module of 17×17, with n = 7."""
    return (
        (Conv("1×1", 192),),
        (Conv("1×1", inner), Conv("1×7", inner), Conv("7×1", 192)),
        (
            Conv("1×1", inner),
            Conv("7×1", inner),
            Conv("1×7", inner),
            Conv("7×1", inner),
            Conv("1×7", 192),
        ),
        (AVERAGE, Conv("1×1", 192)),
    )


def reduction_b() -> Module:
    """From 17×17 to 8×8."""
    return (
        (Conv("1×1", 192), Conv("3×3", 320, 2, V)),
        (Conv("1×1", 192), Conv("1×7", 192), Conv("7×1", 192), Conv("3×3", 192, 2, V)),
        (MAX_HALF,),
    )


def figure_7() -> Module:
    """The module of 8×8, whose 1×3 and 3×1 stand side by side."""
    fork = ((Conv("1×3", 384),), (Conv("3×1", 384),))
    return (
        (Conv("1×1", 320),),
        (Conv("1×1", 384), fork),
        (Conv("1×1", 448), Conv("3×3", 384), fork),
        (AVERAGE, Conv("1×1", 192)),
    )


class Row(NamedTuple):
    """One row: the stage, what Table 1 calls it, its patch and stride or a remark, its boxes."""

    stage: str
    type: str
    patch: str | GlobalPool
    boxes: Branch = ()


INNER_WIDTHS = (128, 160, 160, 192, 192)  # of v3's modules; which of them is doubled is a guess

# The widths of the convolutions are the depths of the next row's input size.
# fmt: off
TABLE_1 = (
    #   stage              type           patch size/stride or remarks
    Row("conv1",           "conv",        "3×3/2",       (Conv("3×3", 32, 2, V),)),
    Row("conv2",           "conv",        "3×3/1",       (Conv("3×3", 32, 1, V),)),
    Row("conv3",           "conv padded", "3×3/1",       (Conv("3×3", 64),)),
    Row("pool1",           "pool",        "3×3/2",       (MAX_HALF,)),
    Row("conv4",           "conv",        "3×3/1",       (Conv("3×3", 80, 1, V),)),
    Row("conv5",           "conv",        "3×3/2",       (Conv("3×3", 192, 2, V),)),
    # not marked as padded in the paper, though only padding keeps its 35×35
    Row("conv6",           "conv",        "3×3/1",       (Conv("3×3", 288),)),
    Row("inception_fig5",  "3×Inception", "figure 5",    (figure_5(),) * 3),
    Row("reduction_a",     "reduction",   "not in Table 1", (reduction_a(),)),
    Row("inception_fig6",  "5×Inception", "figure 6",    tuple(map(figure_6, INNER_WIDTHS))),
    Row("reduction_b",     "reduction",   "not in Table 1", (reduction_b(),)),
    Row("inception_fig7",  "2×Inception", "figure 7",    (figure_7(),) * 2),
    Row("avgpool",         "pool",        GlobalPool("8×8")),
    Row("dropout",         "dropout",     "not in Table 1"),
    Row("fc",              "linear",      "logits"),
    Row("softmax",         "softmax",     "classifier"),
)
INCEPTION_V3 = (
    #   TF-slim's name        type
    Row("Conv2d_1a_3x3",      "conv",        "3×3/2", (Conv("3×3", 32, 2, V),)),
    Row("Conv2d_2a_3x3",      "conv",        "3×3/1", (Conv("3×3", 32, 1, V),)),
    Row("Conv2d_2b_3x3",      "conv padded", "3×3/1", (Conv("3×3", 64),)),
    Row("MaxPool_3a_3x3",     "pool",        "3×3/2", (MAX_HALF,)),
    Row("Conv2d_3b_1x1",      "conv",        "1×1/1", (Conv("1×1", 80, 1, V),)),
    Row("Conv2d_4a_3x3",      "conv",        "3×3/1", (Conv("3×3", 192, 1, V),)),
    Row("MaxPool_5a_3x3",     "pool",        "3×3/2", (MAX_HALF,)),
    Row("Mixed_5b",           "Inception",   "figure 5, one 5×5", (released_a(32),)),
    Row("Mixed_5c",           "Inception",   "figure 5, one 5×5", (released_a(64),)),
    Row("Mixed_5d",           "Inception",   "figure 5, one 5×5", (released_a(64),)),
    Row("Mixed_6a",           "reduction",   "figure 10", (reduction_a(),)),
    Row("Mixed_6b",           "Inception",   "figure 6", (figure_6(128),)),
    Row("Mixed_6c",           "Inception",   "figure 6", (figure_6(160),)),
    Row("Mixed_6d",           "Inception",   "figure 6", (figure_6(160),)),
    Row("Mixed_6e",           "Inception",   "figure 6", (figure_6(192),)),
    Row("Mixed_7a",           "reduction",   "figure 10", (reduction_b(),)),
    Row("Mixed_7b",           "Inception",   "figure 7", (figure_7(),)),
    Row("Mixed_7c",           "Inception",   "figure 7", (figure_7(),)),
    Row("avgpool",            "pool",        GlobalPool("8×8")),
    Row("dropout",            "dropout",     "drop 0.2"),
    Row("fc",                 "linear",      "logits"),
    Row("softmax",            "softmax",     "classifier"),
)
# fmt: on

ONE_7X7 = Row("conv1", "conv", "7×7/2", (Conv("7×7", 64, 2, V),))  # section 10's baseline
AUXILIARY_AFTER = ("inception_fig6", "Mixed_6e")  # the last of the 17×17 grid


class AuxiliaryHead(Head):
    """A classifier on the 17×17 grid (figure 8): (N, c_in, 17, 17) -> (N, num_classes).

    Args:
        batch_norm: normalise its fully connected layer too, which makes v2's head v3's.
    """

    def __init__(self, c_in: int, num_classes: int, batch_norm: bool = True) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(5, stride=3)
        self.conv = ConvBN(c_in, Conv("1×1", 128))
        self.full: nn.Sequential = ConvBN(128, Conv("5×5", 768, 1, V))  # 5×5 is all of its grid
        if not batch_norm:
            self.full = nn.Sequential(nn.Conv2d(128, 768, 5), nn.ReLU(inplace=True))
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(768, num_classes)


def _plan(version: Version, stem: Stem | None, modules_17x17: int | None) -> tuple[Row, ...]:
    """Return the rows of one network.

    Raises:
        ArchbenchError: a choice that it does not have.
    """
    if version == "v3":
        if stem is not None or modules_17x17 is not None:
            raise ArchbenchError(
                "inception-v3 was released with one stem and four modules at 17x17",
                "inception-v2 has both choices",
            )
        return INCEPTION_V3
    if stem not in (None, *get_args(Stem)):
        raise ArchbenchError(f"inception-v2 has no stem {stem!r}", "choose 3x3 or 7x7")
    if modules_17x17 not in (None, 4, 5) or isinstance(modules_17x17, float):
        raise ArchbenchError(
            f"inception-v2 has no version with {modules_17x17!r} modules at 17x17", "choose 4 or 5"
        )
    rows = list(TABLE_1)
    if modules_17x17 == 4:
        i = [row.stage for row in rows].index("inception_fig6")
        rows[i] = rows[i]._replace(type="4×Inception", boxes=rows[i].boxes[:4])
    return (ONE_7X7, *rows[3:]) if stem == "7x7" else tuple(rows)


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as TF-slim does; the last two layers of the auxiliary head start small."""
    initialise_as_slim(model)
    for head in model.children():
        if isinstance(head, AuxiliaryHead):
            draw_cut_normal(head.full[0], 0.01)
            draw_cut_normal(head.fc, 0.001)


def build(
    version: Version,
    *,
    num_classes: int = 1000,
    aux: bool = False,
    stem: Stem | None = None,
    modules_17x17: int | None = None,
) -> StagedNetwork:
    """Build one of the two networks, initialised.

    Args:
        version: "v2", the reconstruction of Table 1, or "v3", the released network.
        num_classes: width of the last layer, and of the auxiliary head's.
        aux: add the auxiliary head; the input must then be 299 × 299, or give the same grids.
        stem: of v2 alone: "3x3", the default, is Table 1's first three layers; "7x7" is the one
            that section 10 starts from.
        modules_17x17: of v2 alone: 5 as in Table 1, the default, or 4 as in every release of v3.

    Raises:
        ArchbenchError: a choice that the network does not have.
    """
    rows = _plan(version, stem, modules_17x17)

    def head(channels: int) -> AuxiliaryHead:
        return AuxiliaryHead(channels, num_classes, batch_norm=version == "v3")

    heads = dict.fromkeys(AUXILIARY_AFTER, head) if aux else {}
    boxes = ((row.stage, row.boxes) for row in rows)
    model = StagedNetwork(staged(boxes, num_classes, DROPOUT, heads))
    initialise(model)
    return model


def _notes(stem: Stem | None, modules_17x17: int | None) -> Iterator[str]:
    """Say where the reconstruction of v2 stands beside the paper."""
    yield (
        "A reconstruction: the paper prints the widths between modules, not those inside. Its 42 "
        "layers and 3.8 billion operations are reached by none."
    )
    if stem == "7x7":
        yield "The stem is section 10's single 7×7/2 in place of Table 1's first three layers."
    if modules_17x17 == 4:
        yield "Four modules at 17×17, as in every release of v3; Table 1 prints five."


def paper_table(
    version: Version,
    *,
    num_classes: int = 1000,
    aux: bool = False,
    stem: Stem | None = None,
    modules_17x17: int | None = None,
) -> PaperTable:
    """Return Table 1's own columns for the stages that build() makes with the same arguments."""
    rows: dict[str, PaperRow] = {}
    for row in _plan(version, stem, modules_17x17):
        rows[row.stage] = (row.type, (row.patch,))
        if aux and row.stage in AUXILIARY_AFTER:
            rows["aux"] = ("auxiliary", ("figure 8",))
    source = "Szegedy et al., arXiv:1512.00567, Table 1"
    return PaperTable(
        source=source if version == "v2" else f"TF-slim's release, in the columns of {source}",
        heading="type",
        columns=(("patch", "patch size/stride or remarks"), ("input_shape", "input size")),
        rows=rows,
        notes=() if version == "v3" else tuple(_notes(stem, modules_17x17)),
    )
