"""Network in Network for CIFAR-10.

Source: Lin, Chen and Yan, "Network In Network", arXiv:1312.4400, figure 2 and its authors'
cuda-convnet configuration, which holds the widths. Every convolution has a bias and a ReLU, the
last one too; the last gives one map per class.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple

from torch import nn

from archbench.networks.archs.parts.layers import rectified
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable


class Row(NamedTuple):
    """A convolution or a pool of the configuration."""

    stage: str
    kernel: int
    width: int | None = None  #: None: a max pool


# fmt: off
TRUNK = (
    #   layer    kernel width
    Row("conv1",  5,    192),
    Row("cccp1",  1,    160),
    Row("cccp2",  1,     96),
    Row("pool1",  3),         # stride 2, rounded up; then dropout
    Row("conv2",  5,    192),
    Row("cccp3",  1,    192),
    Row("cccp4",  1,    192),
    Row("pool2",  3),
    Row("conv3",  3,    192),
    Row("cccp5",  1,    192),
    Row("cccp6",  1,     10),
)
# fmt: on
DROPOUT = 0.5


def pool_and_drop() -> nn.Sequential:
    """Halve the grid, rounding up, and drop half: 32 -> 16 -> 8."""
    pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return nn.Sequential(OrderedDict(pool=pool, dropout=nn.Dropout(DROPOUT)))


def global_average() -> nn.Sequential:
    """Average each map: (N, num_classes, H, W) -> (N, num_classes)."""
    return nn.Sequential(OrderedDict(pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten()))


def trunk(num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    """Build the convolutions, without their ReLUs, and the pools."""
    channels = 3
    for row in TRUNK:
        if row.width is None:
            yield row.stage, pool_and_drop()
            continue
        width = num_classes if row is TRUNK[-1] else row.width
        yield row.stage, nn.Conv2d(channels, width, row.kernel, padding=row.kernel // 2)
        channels = width


def _stages(num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    for name, layer in trunk(num_classes):
        yield name, rectified(layer) if isinstance(layer, nn.Conv2d) else layer
    yield "avgpool", global_average()
    yield "softmax", Logits()


def initialise(model: nn.Module) -> None:
    """Draw the weights as the configuration does: normal with deviation 0.05, biases 0."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, 0.05)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # all have one


def build(*, num_classes: int = 10) -> StagedNetwork:
    """Build the network, initialised; num_classes is the number of maps of its last layer."""
    model = StagedNetwork(_stages(num_classes))
    initialise(model)
    return model


def paper_table(*, num_classes: int = 10) -> PaperTable:
    """Return the configuration's rows for the stages that build() makes."""
    return PaperTable(
        source="Lin et al., arXiv:1312.4400, figure 2; widths of the authors' configuration",
        heading="layer",
        columns=(("kernel", "kernel"), ("filters", "filters"), ("output_shape", "output size")),
        rows=trunk_rows(num_classes),
    )


def trunk_rows(num_classes: int) -> dict[str, PaperRow]:
    """Return the trunk as rows of a table."""
    rows: dict[str, PaperRow] = {}
    for row in TRUNK:
        kernel = f"{row.kernel}×{row.kernel}"
        if row.width is None:
            rows[row.stage] = (None, (f"max {kernel}/2", None))
        else:
            rows[row.stage] = (None, (kernel, num_classes if row is TRUNK[-1] else row.width))
    rows["avgpool"] = (None, ("global", None))
    rows["softmax"] = (None, (None, None))
    return rows
