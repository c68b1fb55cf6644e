"""The three networks that the parametric ReLU was tried on.

Source: He et al., "Delving Deep into Rectifiers: Surpassing Human-Level Performance on ImageNet
Classification", arXiv:1502.01852, Table 3. Hold TABLE_3 beside it.

Model A's widths are confirmed by an independent port. Those of B and C, and the bins of spatial
pyramid pooling, are recalled: the paper's 5.30e10 operations for C are 0.9 % below this network's.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

Activation = Literal["channel-wise", "shared", "relu"]

# fmt: off
TABLE_3 = {
    # model: (3×3 convolutions on each of the grids 56, 28 and 14, and their widths)
    "A": (5, (256, 512, 512)),
    "B": (6, (256, 512, 512)),
    "C": (6, (384, 768, 896)),
}
# fmt: on

STEM_WIDTH = 96
BINS = (7, 3, 2, 1)  # sides of the pyramid's levels
FULL_WIDTH = 4096
DROPOUT = 0.5
SLOPE = 0.25  # of every PReLU at the start


class SpatialPyramidPool(nn.Module):
    """Maxima over 7×7, 3×3, 2×2 and 1×1 bins: (N, C, H, W) -> (N, 63 × C)."""

    def __init__(self) -> None:
        super().__init__()
        for side in BINS:
            self.add_module(f"bins{side}x{side}", nn.AdaptiveMaxPool2d(side))

    def forward(self, x: Tensor) -> Tensor:
        """Join the levels, the finest first."""
        return torch.cat([level(x).flatten(1) for level in self.children()], dim=1)


def activation(kind: Activation, channels: int) -> nn.Module:
    """Rectify: with one slope for each channel, with one for the layer, or with none."""
    if kind == "relu":
        return nn.ReLU(inplace=True)
    return nn.PReLU(channels if kind == "channel-wise" else 1, init=SLOPE)


def _conv(
    kind: Activation, c_in: int, width: int, kernel: int = 3, stride: int = 1
) -> nn.Sequential:
    conv = nn.Conv2d(c_in, width, kernel, stride, kernel // 2)
    return nn.Sequential(OrderedDict(conv=conv, act=activation(kind, width)))


def _stages(model: str, kind: Activation, num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    count, widths = TABLE_3[model]
    channels = STEM_WIDTH
    yield "conv1", _conv(kind, 3, channels, 7, 2)
    for group, width in enumerate(widths, 2):
        yield f"pool{group - 1}", nn.MaxPool2d(2)
        for i in range(1, count + 1):
            yield f"conv{group}_{i}", _conv(kind, channels, width)
            channels = width
    yield "spp", SpatialPyramidPool()
    features = channels * sum(side * side for side in BINS)
    for name in ("fc1", "fc2"):
        yield (
            name,
            nn.Sequential(
                OrderedDict(
                    linear=nn.Linear(features, FULL_WIDTH),
                    act=activation(kind, FULL_WIDTH),
                    dropout=nn.Dropout(DROPOUT),
                )
            ),
        )
        features = FULL_WIDTH
    yield "fc3", nn.Linear(FULL_WIDTH, num_classes)
    yield "softmax", Logits()


def initialise(model: StagedNetwork, kind: Activation) -> None:
    """Draw convolutions by the paper's backward form; notes on it give the rest.

    Normal with variance 2 / ((1 + slope²) × fan-out). The fully connected layers have deviations of
    0.01, 0.01 and 0.001, and biases are 0.
    """
    slope = 0.0 if kind == "relu" else SLOPE
    for name, stage in model.named_children():
        for layer in stage.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, a=slope, mode="fan_out")
            elif isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.001 if name == "fc3" else 0.01)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]  # all have one


def _check(kind: str) -> None:
    if kind not in get_args(Activation):
        raise ArchbenchError(
            f"there is no activation {kind!r}", f"choose {', '.join(get_args(Activation))}"
        )


def build(
    model: str, *, num_classes: int = 1000, activation: Activation = "channel-wise"
) -> StagedNetwork:
    """Build model A, B or C, initialised.

    Args:
        model: a key of TABLE_3.
        num_classes: width of the last layer.
        activation: PReLU with one slope a channel ("channel-wise"), with one a layer ("shared"),
            or plain "relu".

    Raises:
        ArchbenchError: there is no such activation.
    """
    _check(activation)
    network = StagedNetwork(_stages(model, activation, num_classes))
    initialise(network, activation)
    return network


def paper_table(
    model: str, *, num_classes: int = 1000, activation: Activation = "channel-wise"
) -> PaperTable:
    """Return Table 3's column for the stages that build() makes with the same arguments."""
    _check(activation)
    count, widths = TABLE_3[model]
    rows: dict[str, PaperRow] = {"conv1": (None, (f"7×7, {STEM_WIDTH}, /2",))}
    for group, width in enumerate(widths, 2):
        rows[f"pool{group - 1}"] = (None, ("2×2, /2",))
        for i in range(1, count + 1):
            rows[f"conv{group}_{i}"] = (None, (f"3×3, {width}",))
    rows["spp"] = (None, ("{" + ", ".join(map(str, BINS)) + "}",))
    rows["fc1"] = rows["fc2"] = (None, (str(FULL_WIDTH),))
    rows["fc3"] = (None, (str(num_classes),))
    rows["softmax"] = (None, (None,))
    return PaperTable(
        source="He et al., arXiv:1502.01852, Table 3",
        heading="layer",
        columns=(("model", f"model {model}"), ("output_shape", "output size")),
        rows=rows,
    )
