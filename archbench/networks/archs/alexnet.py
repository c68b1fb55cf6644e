"""AlexNet, in its two towers and in one.

Sources: Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NeurIPS 2012, section 3.5 and figure 2; Krizhevsky, "One weird trick for parallelizing
convolutional neural networks", arXiv:1404.5997, for the one tower. Hold TWO_TOWERS and ONE_TOWER
beside them.

The first paper's images of 224 pixels give its 55×55 grid only with padding; 227 pixels without
padding, as in Caffe, give the same counts. The towers are groups of two.
"""

from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.parts.layers import rectified
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable


class Row(NamedTuple):
    """One layer with weights, and the pool behind it."""

    stage: str
    width: int
    kernel: int = 0  #: 0: fully connected
    stride: int = 1
    padding: int = 0
    groups: int = 1
    norm: bool = False  #: local response normalisation after the ReLU
    pool: str | None = None  #: the stage of a 3×3/2 max pool behind it


# fmt: off
TWO_TOWERS = (
    #   layer    width kernel stride padding towers LRN    max pool
    Row("conv1",   96,  11,    4,     0,      1,    True,  "pool1"),
    Row("conv2",  256,   5,    1,     2,      2,    True,  "pool2"),
    Row("conv3",  384,   3,    1,     1,      1),
    Row("conv4",  384,   3,    1,     1,      2),
    Row("conv5",  256,   3,    1,     1,      2,    False, "pool5"),
    Row("fc6",   4096),
    Row("fc7",   4096),
    Row("fc8",   1000),
)
ONE_TOWER = (
    Row("conv1",   64,  11,    4,     2,      1,    False, "pool1"),
    Row("conv2",  192,   5,    1,     2,      1,    False, "pool2"),
    Row("conv3",  384,   3,    1,     1),
    Row("conv4",  256,   3,    1,     1),  # the paper's footnote says 384; the released code 256
    Row("conv5",  256,   3,    1,     1,      1,    False, "pool5"),
    Row("fc6",   4096),
    Row("fc7",   4096),
    Row("fc8",   1000),
)
# fmt: on

GRID = 6  # of pool5, which fixes the width of fc6
DROPOUT = 0.5


def response_norm() -> nn.LocalResponseNorm:
    """Normalise across five channels with the paper's k = 2, alpha = 1e-4, beta = 0.75.

    torch divides alpha by the size of the window, the paper's formula does not.
    """
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


def _rows(one_tower: bool, conv4_width: int | None, groups: int | None) -> tuple[Row, ...]:
    """Return the rows of one network.

    Raises:
        ArchbenchError: a fourth layer, or groups, that it does not have.
    """
    if not one_tower:
        if conv4_width is not None:
            raise ArchbenchError(
                "alexnet has 384 filters in conv4", "alexnet-one-tower has a choice"
            )
        return _two_towers(groups)
    if groups is not None:
        raise ArchbenchError("alexnet-one-tower has no groups to choose", "alexnet has a choice")
    if conv4_width not in (None, 256, 384) or isinstance(conv4_width, float):
        raise ArchbenchError(
            f"alexnet-one-tower has no version with {conv4_width!r} filters in conv4",
            "choose 256 (the released code) or 384 (the paper's footnote)",
        )
    return tuple(
        row._replace(width=conv4_width or row.width) if row.stage == "conv4" else row
        for row in ONE_TOWER
    )


def _two_towers(groups: int | None) -> tuple[Row, ...]:
    if groups not in (None, 1, 2) or isinstance(groups, bool | float):
        raise ArchbenchError(
            f"alexnet has no version with {groups!r} groups",
            "choose 2 (the paper's towers) or 1 (every filter sees all channels)",
        )
    return tuple(row._replace(groups=min(row.groups, groups or row.groups)) for row in TWO_TOWERS)


def _stages(
    rows: tuple[Row, ...], one_tower: bool, num_classes: int
) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    for row in rows:
        if not row.kernel:
            features = channels * GRID * GRID if row.stage == "fc6" else channels
            yield row.stage, _full(row, features, one_tower, num_classes)
            channels = row.width
            continue
        conv = nn.Conv2d(
            channels, row.width, row.kernel, row.stride, row.padding, groups=row.groups
        )
        layers = rectified(conv)
        if row.norm:
            layers.add_module("norm", response_norm())
        yield row.stage, layers
        channels = row.width
        if row.pool:
            yield row.pool, nn.MaxPool2d(3, stride=2)
    yield "softmax", Logits()


def _full(row: Row, features: int, one_tower: bool, num_classes: int) -> nn.Module:
    """Build a fully connected layer; dropout stands before it in one tower, behind it in two."""
    if row.stage == "fc8":
        return nn.Linear(features, num_classes)
    layers = nn.Sequential()
    if row.stage == "fc6":
        if one_tower:  # torchvision's, which lets other input sizes in
            layers.add_module("pool", nn.AdaptiveAvgPool2d(GRID))
        layers.add_module("flatten", nn.Flatten())
    if one_tower:
        layers.add_module("dropout", nn.Dropout(DROPOUT))
    layers.add_module("linear", nn.Linear(features, row.width))
    layers.add_module("relu", nn.ReLU(inplace=True))
    if not one_tower:
        layers.add_module("dropout", nn.Dropout(DROPOUT))
    return layers


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as section 5 of the first paper does.

    Normal with deviation 0.01; biases are 1 in the second, fourth and fifth convolution and in the
    hidden fully connected layers, else 0.
    """
    ones = ("conv2", "conv4", "conv5", "fc6", "fc7")
    for name, stage in model.named_children():
        for layer in stage.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.01)
                nn.init.constant_(layer.bias, 1.0 if name in ones else 0.0)  # type: ignore[arg-type]  # all have one


def build(
    one_tower: bool = False,
    *,
    num_classes: int = 1000,
    conv4_width: int | None = None,
    groups: int | None = None,
) -> StagedNetwork:
    """Build the network, initialised.

    Args:
        one_tower: the form of "One weird trick", without groups and normalisation.
        num_classes: width of the last layer.
        conv4_width: of one tower alone: 256 as in the author's code and torchvision, the default,
            or 384 as in the paper's footnote.
        groups: of two towers alone: 2 as in the paper, the default, or 1, in which conv2, conv4
            and conv5 see the channels of both towers, as tutorials count the network.

    Raises:
        ArchbenchError: a choice that the network does not have.
    """
    rows = _rows(one_tower, conv4_width, groups)
    model = StagedNetwork(_stages(rows, one_tower, num_classes))
    initialise(model)
    return model


def paper_table(
    one_tower: bool = False,
    *,
    num_classes: int = 1000,
    conv4_width: int | None = None,
    groups: int | None = None,
) -> PaperTable:
    """Return the layers as the papers describe them, for the stages that build() makes."""
    rows: dict[str, PaperRow] = {}
    for row in _rows(one_tower, conv4_width, groups):
        if row.kernel:
            kernel = f"{row.kernel}×{row.kernel}" + (f"/{row.stride}" if row.stride > 1 else "")
            rows[row.stage] = (None, (kernel, row.width, row.groups))
        else:
            width = num_classes if row.stage == "fc8" else row.width
            rows[row.stage] = (None, ("full", width, None))
        if row.pool:
            rows[row.pool] = (None, ("max 3×3/2", None, None))
    rows["softmax"] = (None, (None, None, None))
    source = "Krizhevsky et al., NeurIPS 2012, section 3.5"
    if one_tower:
        source = "Krizhevsky, arXiv:1404.5997, one tower"
    return PaperTable(
        source=source,
        heading="layer",
        columns=(
            ("kernel", "kernel"),
            ("filters", "filters"),
            ("groups", "towers"),
            ("output_shape", "output size"),
        ),
        rows=rows,
    )
