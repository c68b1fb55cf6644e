"""The maxout network for CIFAR-10.

Source: Goodfellow et al., "Maxout Networks", arXiv:1302.4389, and its authors' pylearn2
configuration, which holds every size. A maxout unit is the largest of several linear pieces.
Pools round up: the configuration's third layer fits no other grid. Dropout stands before every
layer with weights.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor, nn

from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable


class Row(NamedTuple):
    """A convolution of maxout units and the pool behind it."""

    stage: str
    units: int
    pieces: int
    kernel: int
    padding: int
    pool: int  #: side of its window; the stride is 2


# fmt: off
CONFIGURATION = (
    #   layer   units pieces kernel pad pool
    Row("conv1",  96,  2,     8,     4,  4),
    Row("conv2", 192,  2,     8,     3,  4),
    Row("conv3", 192,  2,     5,     3,  2),
)
# fmt: on
FULL = (500, 5)  # units and pieces
GRID = 5  # of pool3 at 32×32
DROPOUT_INPUT, DROPOUT = 0.2, 0.5


class Maxout(nn.Module):
    """The largest of the pieces of each unit: (N, units × pieces, ...) -> (N, units, ...)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Take the maximum over neighbouring channels."""
        return x.unflatten(1, (-1, self.pieces)).amax(2)  # type: ignore[no-any-return]  # untyped

    def extra_repr(self) -> str:
        """Show the pieces where the module is printed."""
        return f"pieces={self.pieces}"


def maxout_conv(c_in: int, units: int, pieces: int, kernel: int, padding: int) -> nn.Sequential:
    """Convolve to maxout units."""
    conv = nn.Conv2d(c_in, units * pieces, kernel, padding=padding)
    return nn.Sequential(OrderedDict(conv=conv, maxout=Maxout(pieces)))


def maxout_full(features: int, units: int, pieces: int) -> nn.Sequential:
    """Flatten, and connect fully to maxout units."""
    linear = nn.Linear(features, units * pieces)
    return nn.Sequential(OrderedDict(flatten=nn.Flatten(), linear=linear, maxout=Maxout(pieces)))


def _stages(num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    for i, row in enumerate(CONFIGURATION, 1):
        yield f"dropout{i}", nn.Dropout(DROPOUT if i > 1 else DROPOUT_INPUT)
        yield row.stage, maxout_conv(channels, row.units, row.pieces, row.kernel, row.padding)
        yield f"pool{i}", nn.MaxPool2d(row.pool, stride=2, ceil_mode=True)
        channels = row.units
    units, pieces = FULL
    yield "dropout4", nn.Dropout(DROPOUT)
    yield "fc1", maxout_full(channels * GRID * GRID, units, pieces)
    yield "dropout5", nn.Dropout(DROPOUT)
    yield "fc2", nn.Linear(units, num_classes)
    yield "softmax", Logits()


def initialise(model: nn.Module) -> None:
    """Draw the weights as the configuration does: uniform within 0.005, biases 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.uniform_(layer.weight, -0.005, 0.005)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # all have one


def build(*, num_classes: int = 10) -> StagedNetwork:
    """Build the network, initialised; num_classes is the width of its last layer."""
    model = StagedNetwork(_stages(num_classes))
    initialise(model)
    return model


def paper_table(*, num_classes: int = 10) -> PaperTable:
    """Return the configuration's rows for the stages that build() makes."""
    rows: dict[str, PaperRow] = {}
    for i, row in enumerate(CONFIGURATION, 1):
        kernel = f"{row.kernel}×{row.kernel}, pad {row.padding}"
        rows[f"dropout{i}"] = (None, (None, None, None))
        rows[row.stage] = (None, (kernel, row.units, row.pieces))
        rows[f"pool{i}"] = (None, (f"max {row.pool}×{row.pool}/2", None, None))
    rows["dropout4"] = rows["dropout5"] = (None, (None, None, None))
    rows["fc1"] = (None, ("full", *FULL))
    rows["fc2"] = (None, ("full", num_classes, None))
    rows["softmax"] = (None, (None, None, None))
    return PaperTable(
        source="Goodfellow et al., arXiv:1302.4389; the authors' pylearn2 configuration",
        heading="layer",
        columns=(
            ("kernel", "kernel"),
            ("units", "units"),
            ("pieces", "pieces"),
            ("output_shape", "output size"),
        ),
        rows=rows,
    )
