"""The deeply supervised network for CIFAR-10: Network in Network with companion classifiers.

Source: Lee et al., "Deeply-Supervised Nets", arXiv:1409.5185, and its authors' Caffe release. In
training, a classifier with a squared hinge loss looks at the output of each of the three larger
convolutions, before its ReLU. Without them the network is that of nin.py, but for the last ReLU.
"""

from collections.abc import Iterator
from math import sqrt

from torch import nn

from archbench.networks.archs import nin
from archbench.networks.archs.nin import TRUNK, global_average, trunk, trunk_rows
from archbench.networks.archs.parts.layers import rectified
from archbench.networks.archs.parts.stages import Head, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

# Each companion head, and the side of the grid that it sees at 32×32.
COMPANIONS = {"conv1": ("aux1", 32), "conv2": ("aux2", 16), "conv3": ("aux3", 8)}


class CompanionHead(Head):
    """A linear classifier on a whole grid: (N, c_in, side, side) -> (N, num_classes)."""

    def __init__(self, c_in: int, side: int, num_classes: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(c_in * side * side, num_classes)


def _stages(num_classes: int, aux: bool) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in trunk(num_classes):
        if not isinstance(layer, nn.Conv2d) or name == TRUNK[-1].stage:
            yield name, layer
        elif name in COMPANIONS:
            yield name, layer
            head, side = COMPANIONS[name]
            if aux:
                yield head, CompanionHead(layer.out_channels, side, num_classes)
            yield name.replace("conv", "relu"), nn.ReLU(inplace=not aux)  # a head reads it too
        else:
            yield name, rectified(layer)
    yield "avgpool", global_average()


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as the release does: the trunk's as nin.py, the heads' by Caffe's xavier."""
    nin.initialise(model)
    for head in model.children():
        if isinstance(head, CompanionHead):
            bound = sqrt(3 / head.fc.in_features)
            nn.init.uniform_(head.fc.weight, -bound, bound)


def build(*, num_classes: int = 10, aux: bool = False) -> StagedNetwork:
    """Build the network, initialised.

    Args:
        num_classes: number of maps of the last layer, and width of the companion heads.
        aux: add the three companion heads of training; the input must then be 32 × 32.
    """
    model = StagedNetwork(_stages(num_classes, aux))
    initialise(model)
    return model


def paper_table(*, num_classes: int = 10, aux: bool = False) -> PaperTable:
    """Return the release's rows for the stages that build() makes with the same arguments."""
    rows: dict[str, PaperRow] = {}
    for stage, row in trunk_rows(num_classes).items():
        if stage == "softmax":  # a squared hinge loss instead
            continue
        rows[stage] = row
        if stage in COMPANIONS:
            if aux:
                rows[COMPANIONS[stage][0]] = (None, ("full", num_classes))
            rows[stage.replace("conv", "relu")] = (None, (None, None))
    return PaperTable(
        source="Lee et al., arXiv:1409.5185; the authors' Caffe release",
        heading="layer",
        columns=(("kernel", "kernel"), ("filters", "filters"), ("output_shape", "output size")),
        rows=rows,
    )
