"""VGG-16 and VGG-19, configurations D and E.

Source: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
Recognition", arXiv:1409.1556, Table 1. Hold TABLE_1 beside it: the same columns, top to bottom.
Every convolution is 3×3 with padding, a bias and a ReLU; every pool is 2×2/2.
"""

from collections import OrderedDict
from collections.abc import Iterator

from torch import nn

from archbench.networks.archs.parts.layers import rectified
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

# fmt: off
TABLE_1 = {
    # layers: (column, convolutions between pools as (how many, width))
    16: ("D", ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))),
    19: ("E", ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))),
}
# fmt: on

FULL_WIDTH = 4096
GRID = 7  # of pool5 at 224×224, which fixes the width of fc6
DROPOUT = 0.5


def _stages(depth: int, num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    for group, (count, width) in enumerate(TABLE_1[depth][1], 1):
        for i in range(1, count + 1):
            yield f"conv{group}_{i}", rectified(nn.Conv2d(channels, width, 3, padding=1))
            channels = width
        yield f"pool{group}", nn.MaxPool2d(2)
    for name, features in (("fc6", channels * GRID * GRID), ("fc7", FULL_WIDTH)):
        layers = OrderedDict[str, nn.Module]()
        if name == "fc6":
            layers["flatten"] = nn.Flatten()
        layers["linear"] = nn.Linear(features, FULL_WIDTH)
        layers["relu"] = nn.ReLU(inplace=True)
        layers["dropout"] = nn.Dropout(DROPOUT)
        yield name, nn.Sequential(layers)
    yield "fc8", nn.Linear(FULL_WIDTH, num_classes)
    yield "softmax", Logits()


def initialise(model: StagedNetwork) -> None:
    """Draw the weights by Glorot and Bengio's rule, which section 3.1 names as sufficient.

    Uniform with variance 2 / (fan-in + fan-out); biases are 0. For the published results the outer
    layers came from a smaller network that was trained before.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # all have one


def build(depth: int, *, num_classes: int = 1000) -> StagedNetwork:
    """Build the network of that many layers, initialised.

    Args:
        depth: a key of TABLE_1.
        num_classes: width of the last layer.
    """
    model = StagedNetwork(_stages(depth, num_classes))
    initialise(model)
    return model


def paper_table(depth: int, *, num_classes: int = 1000) -> PaperTable:
    """Return the column of Table 1 for the stages that build() makes with the same arguments."""
    column, groups = TABLE_1[depth]
    rows: dict[str, PaperRow] = {}
    for group, (count, width) in enumerate(groups, 1):
        for i in range(1, count + 1):
            rows[f"conv{group}_{i}"] = (f"conv3-{width}", ())
        rows[f"pool{group}"] = ("maxpool", ())
    rows["fc6"] = rows["fc7"] = (f"FC-{FULL_WIDTH}", ())
    rows["fc8"] = (f"FC-{num_classes}", ())
    rows["softmax"] = ("soft-max", ())
    return PaperTable(
        source="Simonyan and Zisserman, arXiv:1409.1556, Table 1",
        heading=f"{column}, {depth} weight layers",
        columns=(("output_shape", "output size"),),
        rows=rows,
    )
