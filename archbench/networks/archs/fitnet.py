"""FitNet 4 for CIFAR-10, a thin and deep maxout network.

Source: Romero et al., "FitNets: Hints for Thin Deep Nets", arXiv:1412.6550, Table 7 of its
appendix. Hold TABLE_7 beside that table's last column.

The paper's counts, 2.5M parameters and 382M multiplications, are those of the weights alone with
two pieces in the fully connected layer; the released configuration has five there. There is no
dropout.
"""

from collections.abc import Iterator

from torch import nn

from archbench.errors import ArchbenchError
from archbench.networks.archs.maxout import initialise, maxout_conv, maxout_full
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable

# fmt: off
TABLE_7 = (
    # widths of the 3×3 convolutions in turn, and the side of the max pool behind them
    ((32, 32, 32, 48, 48),           2),
    ((80, 80, 80, 80, 80, 80),       2),
    ((128, 128, 128, 128, 128, 128), 8),
)
# fmt: on
PIECES = 2
FULL_UNITS = 500


def _stages(num_classes: int, fc_pieces: int) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    for group, (widths, side) in enumerate(TABLE_7, 1):
        for i, width in enumerate(widths, 1):
            yield f"conv{group}_{i}", maxout_conv(channels, width, PIECES, 3, 1)
            channels = width
        yield f"pool{group}", nn.MaxPool2d(side)
    yield "fc1", maxout_full(channels, FULL_UNITS, fc_pieces)
    yield "fc2", nn.Linear(FULL_UNITS, num_classes)
    yield "softmax", Logits()


def _check(fc_pieces: int) -> None:
    if fc_pieces not in (2, 5) or not isinstance(fc_pieces, int):
        raise ArchbenchError(
            f"fitnet4 has no version with {fc_pieces!r} pieces in its fully connected layer",
            "choose 2 (the paper's counts) or 5 (the released configuration)",
        )


def build(*, num_classes: int = 10, fc_pieces: int = 2) -> StagedNetwork:
    """Build the network, initialised as the maxout network.

    Args:
        num_classes: width of the last layer.
        fc_pieces: of the fully connected maxout layer: 2 as in the paper's counts, the default, or
            5 as in the released configuration.

    Raises:
        ArchbenchError: another number of pieces.
    """
    _check(fc_pieces)
    model = StagedNetwork(_stages(num_classes, fc_pieces))
    initialise(model)
    return model


def paper_table(*, num_classes: int = 10, fc_pieces: int = 2) -> PaperTable:
    """Return Table 7's last column for the stages that build() makes with the same arguments."""
    _check(fc_pieces)
    rows: dict[str, PaperRow] = {}
    for group, (widths, side) in enumerate(TABLE_7, 1):
        for i, width in enumerate(widths, 1):
            rows[f"conv{group}_{i}"] = (None, (f"conv 3×3×{width}", PIECES))
        rows[f"pool{group}"] = (None, (f"pool {side}×{side}", None))
    rows["fc1"] = (None, (f"fc {FULL_UNITS}", fc_pieces))
    rows["fc2"] = (None, (f"fc {num_classes}", None))
    rows["softmax"] = (None, ("softmax", None))
    return PaperTable(
        source="Romero et al., arXiv:1412.6550, Table 7",
        heading="layer",
        columns=(("layer", "FitNet 4"), ("pieces", "pieces"), ("output_shape", "output size")),
        rows=rows,
    )
