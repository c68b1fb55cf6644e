"""Inception-v4 and both Inception-ResNets, as drawn and as released.

Source: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", arXiv:1602.07261. Hold NETWORKS beside figures 9 and 15, TABLE_1 beside its Table 1, and
each module beside the figure it names. What the figures leave open follows TF-slim's code.

Two widths in the figures cannot be: 1154 in figure 17 and 2048 in figure 19, where a sum needs the
width of what is added, 1152 and 2144. "inception-resnet-v2-paper" has those. The network that was
released as Inception-ResNet-v2, and that everyone runs, is another one: Inception-v3's stem, more
blocks, other widths, and a last convolution.
"""

from typing import NamedTuple

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.inception_v3 import AuxiliaryHead
from archbench.networks.archs.parts.branches import (
    Box,
    Branch,
    Conv,
    Module,
    Pool,
    Residual,
    V,
    initialise_as_slim,
    staged,
)
from archbench.networks.archs.parts.stages import StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

AVERAGE = Pool("avg")
MAX_HALF = Pool("max", stride=2, valid=V)
DROPOUT = 0.2  # "keep 0.8"

# -- stems, each a chain of boxes and forks --------------------------------------------------------

FIRST = (Conv("3×3", 32, 2, V), Conv("3×3", 32, 1, V), Conv("3×3", 64))

FIGURE_3: Branch = (  # of Inception-v4, and of Inception-ResNet-v2 as drawn
    *FIRST,
    ((MAX_HALF,), (Conv("3×3", 96, 2, V),)),
    (
        (Conv("1×1", 64), Conv("3×3", 96, 1, V)),
        # in TF-slim's order; the figure has the 7×1 first
        (Conv("1×1", 64), Conv("1×7", 64), Conv("7×1", 64), Conv("3×3", 96, 1, V)),
    ),
    ((Conv("3×3", 192, 2, V),), (MAX_HALF,)),  # the figure lacks this stride; 35×35 needs it
)
FIGURE_14: Branch = (  # of Inception-ResNet-v1
    *FIRST,
    MAX_HALF,
    Conv("1×1", 80),
    Conv("3×3", 192, 1, V),
    Conv("3×3", 256, 2, V),
)
RELEASED_STEM: Branch = (  # Inception-v3's, and a first module that TF-slim calls Mixed_5b
    *FIRST,
    MAX_HALF,
    Conv("1×1", 80, 1, V),
    Conv("3×3", 192, 1, V),
    MAX_HALF,
    (
        (Conv("1×1", 96),),
        (Conv("1×1", 48), Conv("5×5", 64)),
        (Conv("1×1", 64), Conv("3×3", 96), Conv("3×3", 96)),
        (AVERAGE, Conv("1×1", 64)),
    ),
)

# -- modules ---------------------------------------------------------------------------------------

INCEPTION_A: Module = (  # figure 4
    (Conv("1×1", 96),),
    (Conv("1×1", 64), Conv("3×3", 96)),
    (Conv("1×1", 64), Conv("3×3", 96), Conv("3×3", 96)),
    (AVERAGE, Conv("1×1", 96)),
)
INCEPTION_B: Module = (  # figure 5, whose short branch is labelled 1×7 twice
    (Conv("1×1", 384),),
    (Conv("1×1", 192), Conv("1×7", 224), Conv("7×1", 256)),
    (
        Conv("1×1", 192),
        Conv("7×1", 192),
        Conv("1×7", 224),
        Conv("7×1", 224),
        Conv("1×7", 256),
    ),
    (AVERAGE, Conv("1×1", 128)),
)
INCEPTION_C: Module = (  # figure 6
    (Conv("1×1", 256),),
    (Conv("1×1", 384), ((Conv("1×3", 256),), (Conv("3×1", 256),))),
    (
        Conv("1×1", 384),
        Conv("3×1", 448),  # in TF-slim's order; the figure has the 1×3 first
        Conv("1×3", 512),
        ((Conv("1×3", 256),), (Conv("3×1", 256),)),
    ),
    (AVERAGE, Conv("1×1", 256)),
)


class Widths(NamedTuple):
    """One row of Table 1: the filters of figure 7's Reduction-A."""

    k: int
    l: int  # noqa: E741  # the paper's own letter
    m: int
    n: int


# fmt: off
TABLE_1 = {
    #                                   k    l    m    n
    "inception-v4":              Widths(192, 224, 256, 384),
    "inception-resnet-v1":       Widths(192, 192, 256, 384),
    "inception-resnet-v2":       Widths(256, 256, 384, 384),
    "inception-resnet-v2-paper": Widths(256, 256, 384, 384),
}
# fmt: on


def figure_7(network: str) -> Module:
    """Reduction-A, from 35×35 to 17×17."""
    k, l, m, n = TABLE_1[network]  # noqa: E741
    return (
        (Conv("3×3", n, 2, V),),
        (Conv("1×1", k), Conv("3×3", l), Conv("3×3", m, 2, V)),
        (MAX_HALF,),
    )


FIGURE_8: Module = (  # Reduction-B of Inception-v4, from 17×17 to 8×8
    (Conv("1×1", 192), Conv("3×3", 192, 2, V)),
    (Conv("1×1", 256), Conv("1×7", 256), Conv("7×1", 320), Conv("3×3", 320, 2, V)),
    (MAX_HALF,),
)


def residual_reduction_b(second: int, third: int) -> Module:
    """Reduction-B of the Inception-ResNets: figures 12 and 18."""
    return (
        (Conv("1×1", 256), Conv("3×3", 384, 2, V)),
        (Conv("1×1", 256), Conv("3×3", second, 2, V)),
        (Conv("1×1", 256), Conv("3×3", second), Conv("3×3", third, 2, V)),
        (MAX_HALF,),
    )


FIGURE_10 = Residual(  # Inception-ResNet-A of v1
    (
        (Conv("1×1", 32),),
        (Conv("1×1", 32), Conv("3×3", 32)),
        (Conv("1×1", 32), Conv("3×3", 32), Conv("3×3", 32)),
    ),
    scale=0.17,
)
FIGURE_11 = Residual(  # Inception-ResNet-B of v1
    ((Conv("1×1", 128),), (Conv("1×1", 128), Conv("1×7", 128), Conv("7×1", 128))),
    scale=0.10,
)
FIGURE_13 = Residual(  # Inception-ResNet-C of v1
    ((Conv("1×1", 192),), (Conv("1×1", 192), Conv("1×3", 192), Conv("3×1", 192))),
    scale=0.20,
)
FIGURE_16 = Residual(  # Inception-ResNet-A of v2
    (
        (Conv("1×1", 32),),
        (Conv("1×1", 32), Conv("3×3", 32)),
        (Conv("1×1", 32), Conv("3×3", 48), Conv("3×3", 64)),
    ),
    scale=0.17,
)
FIGURE_17 = Residual(  # Inception-ResNet-B of v2
    ((Conv("1×1", 192),), (Conv("1×1", 128), Conv("1×7", 160), Conv("7×1", 192))),
    scale=0.10,
)
FIGURE_19 = Residual(  # Inception-ResNet-C of v2
    ((Conv("1×1", 192),), (Conv("1×1", 192), Conv("1×3", 224), Conv("3×1", 256))),
    scale=0.20,
)


# -- networks --------------------------------------------------------------------------------------


class Row(NamedTuple):
    """One box of figure 9 or 15: what stands there, and how it is built."""

    stage: str
    label: str
    boxes: Branch = ()


HEAD = (
    Row("avgpool", "Average Pooling"),
    Row("dropout", "Dropout (keep 0.8)"),
    Row("fc", "linear"),
    Row("softmax", "Softmax"),
)
# fmt: off
NETWORKS = {
    "inception-v4": (  # figure 9
        Row("stem",               "Stem",                    FIGURE_3),
        Row("inception_a",        "4 × Inception-A",         (INCEPTION_A,) * 4),
        Row("reduction_a",        "Reduction-A",             (figure_7("inception-v4"),)),
        Row("inception_b",        "7 × Inception-B",         (INCEPTION_B,) * 7),
        Row("reduction_b",        "Reduction-B",             (FIGURE_8,)),
        Row("inception_c",        "3 × Inception-C",         (INCEPTION_C,) * 3),
        *HEAD,
    ),
    "inception-resnet-v1": (  # figure 15
        Row("stem",               "Stem",                    FIGURE_14),
        Row("inception_resnet_a", "5 × Inception-resnet-A",  (FIGURE_10,) * 5),
        Row("reduction_a",        "Reduction-A",             (figure_7("inception-resnet-v1"),)),
        Row("inception_resnet_b", "10 × Inception-resnet-B", (FIGURE_11,) * 10),
        Row("reduction_b",        "Reduction-B",             (residual_reduction_b(256, 256),)),
        Row("inception_resnet_c", "5 × Inception-resnet-C",  (FIGURE_13,) * 5),
        *HEAD,
    ),
    "inception-resnet-v2-paper": (  # figure 15, which its caption says holds for both
        Row("stem",               "Stem",                    FIGURE_3),
        Row("inception_resnet_a", "5 × Inception-resnet-A",  (FIGURE_16,) * 5),
        Row("reduction_a",        "Reduction-A",             (figure_7("inception-resnet-v2"),)),
        Row("inception_resnet_b", "10 × Inception-resnet-B", (FIGURE_17,) * 10),
        Row("reduction_b",        "Reduction-B",             (residual_reduction_b(288, 320),)),
        Row("inception_resnet_c", "5 × Inception-resnet-C",  (FIGURE_19,) * 5),
        *HEAD,
    ),
    "inception-resnet-v2": (  # TF-slim's inception_resnet_v2, not drawn in the paper
        Row("stem",               "Stem",                    RELEASED_STEM),
        Row("inception_resnet_a", "10 × Inception-resnet-A", (FIGURE_16,) * 10),
        Row("reduction_a",        "Reduction-A",             (figure_7("inception-resnet-v2"),)),
        Row("inception_resnet_b", "20 × Inception-resnet-B", (FIGURE_17,) * 20),
        Row("reduction_b",        "Reduction-B",             (residual_reduction_b(288, 320),)),
        Row("inception_resnet_c", "10 × Inception-resnet-C",
            (*(FIGURE_19,) * 9, Residual(FIGURE_19.branches, scale=1.0, linear=True))),
        Row("conv",               "1×1 convolution",         (Conv("1×1", 1536),)),
        *HEAD,
    ),
}
# fmt: on
NOTES = {
    "inception-resnet-v2-paper": (
        "Figures 17 and 19 print 1154 and 2048 for the projections, which do not fit the sums; "
        "here they are 1152 and 2144.",
    ),
}
AUXILIARY_AFTER = {  # of TF-slim's code: the last stage of the 17×17 grid
    "inception-v4": "inception_b",
    "inception-resnet-v2": "inception_resnet_b",
}


def _rescaled(box: Box, scale: float | None) -> Box:
    """Give a residual box another scale, if it has any."""
    if isinstance(box, Residual) and scale is not None and not box.linear:
        return box._replace(scale=scale)
    return box


def _check(network: str, aux: bool, residual_scale: float | None) -> None:
    """Refuse an argument that a network does not have.

    Raises:
        ArchbenchError: it has no auxiliary head, or no residual sum to scale.
    """
    if aux and network not in AUXILIARY_AFTER:
        raise ArchbenchError(
            f"{network} has no auxiliary head, in the paper or in a release",
            f"{' and '.join(AUXILIARY_AFTER)} have one",
        )
    if residual_scale is None:
        return
    if "resnet" not in network:
        raise ArchbenchError(f"{network} has no residual sum to scale")
    number = isinstance(residual_scale, int | float) and not isinstance(residual_scale, bool)
    if not number or not 0 <= residual_scale <= 1:
        raise ArchbenchError(
            f"residual_scale must be a number from 0 to 1, not {residual_scale!r}",
            "the paper says 0.1 to 0.3",
        )


def initialise(model: StagedNetwork, network: str) -> None:
    """Draw the weights as TF-slim does, and those of the networks it does not have alike.

    Its linear layers, and all layers of its Inception-ResNet-v2, are uniform with variance
    2 / (fan-in + fan-out).
    """
    initialise_as_slim(model)
    everywhere = network == "inception-resnet-v2"
    for layer in model.modules():
        if isinstance(layer, nn.Linear) or (everywhere and isinstance(layer, nn.Conv2d)):
            nn.init.xavier_uniform_(layer.weight)


def build(
    network: str,
    *,
    num_classes: int = 1000,
    aux: bool = False,
    residual_scale: float | None = None,
) -> StagedNetwork:
    """Build one of NETWORKS, initialised.

    Args:
        network: a key of NETWORKS.
        num_classes: width of the last layer, and of the auxiliary head's.
        aux: add TF-slim's auxiliary head (the paper draws none); the input must then be
            299 × 299, or give the same grids.
        residual_scale: what every sum of an Inception-ResNet scales its branches by. Default:
            TF-slim's 0.17, 0.10 and 0.20 in A, B and C; the paper says 0.1 to 0.3. The released
            network's last block stays unscaled.

    Raises:
        ArchbenchError: a choice that the network does not have.
    """
    _check(network, aux, residual_scale)

    def head(channels: int) -> AuxiliaryHead:
        return AuxiliaryHead(channels, num_classes)

    heads = {AUXILIARY_AFTER[network]: head} if aux else {}
    boxes = (
        (row.stage, tuple(_rescaled(box, residual_scale) for box in row.boxes))
        for row in NETWORKS[network]
    )
    model = StagedNetwork(staged(boxes, num_classes, DROPOUT, heads))
    initialise(model, network)
    return model


def paper_table(
    network: str,
    *,
    num_classes: int = 1000,
    aux: bool = False,
    residual_scale: float | None = None,
) -> PaperTable:
    """Return figure 9's or 15's boxes for the stages that build() makes with the same arguments."""
    _check(network, aux, residual_scale)
    rows: dict[str, PaperRow] = {}
    for row in NETWORKS[network]:
        widths = TABLE_1[network]._asdict() if row.stage == "reduction_a" else {}
        remark = ", ".join(f"{letter}={width}" for letter, width in widths.items()) or None
        rows[row.stage] = (row.label, (remark,))
        if aux and row.stage == AUXILIARY_AFTER[network]:
            rows["aux"] = ("auxiliary", (None,))
    figure = "figure 9" if network == "inception-v4" else "figure 15"
    source = f"Szegedy et al., arXiv:1602.07261, {figure}"
    if network == "inception-resnet-v2":
        source = f"TF-slim's release, in the boxes of {source}"
    return PaperTable(
        source=source,
        heading="layer",
        columns=(("reduction", "Table 1"), ("output_shape", "output")),
        rows=rows,
        notes=NOTES.get(network, ()),
    )
