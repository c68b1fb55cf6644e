"""Two convolutional highway networks for CIFAR-10.

Sources: Srivastava, Greff and Schmidhuber, "Training Very Deep Networks", arXiv:1507.06228, and
the authors' Caffe release.

highway19 is the released network. Its head belongs to a later run; that of the 92.46 % in the
paper was fully connected and of a width that is not published.

highway32 is a reconstruction, not the authors' network: the paper says 32 layers of alternating 3×3
and 1×1 convolutions and about 1.25M parameters, and prints neither widths nor head. Many layouts
print 1.25M; this is a simple one.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from archbench.networks.archs.parts.layers import rectified
from archbench.networks.archs.parts.stages import Logits, StagedNetwork
from archbench.networks.registry.records import PaperRow, PaperTable


class Block(NamedTuple):
    """A plain 3×3 convolution, then highway layers of the same width, on one grid."""

    width: int
    kernels: tuple[int, ...]  #: kernels of the highway layers


# fmt: off
NETWORKS = {
    19: (Block(32, (3,) * 4), Block(80, (3,) * 5), Block(128, (3,) * 5)),
    32: (Block(24, (3, 1) * 4 + (3,)), Block(48, (3, 1) * 4 + (3,)), Block(96, (3, 1) * 4 + (3,))),
}
# fmt: on
LAST_WIDTH = 100  # of the 1×1 convolution in front of the average
GATE_BIAS = -2.0  # a gate starts almost closed, and so hands its input on
DROPOUT = 0.2


class Highway(nn.Module):
    """H(x) where the gate T(x) is open, x where it is closed: (N, C, H, W) -> (N, C, H, W)."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()
        self.transform = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
        self.gate = nn.Conv2d(channels, channels, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return H(x)·T(x) + x·(1 - T(x))."""
        h, t = torch.relu(self.transform(x)), torch.sigmoid(self.gate(x))
        return x + t * (h - x)


def _stages(depth: int, num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    channels = 3
    blocks = NETWORKS[depth]
    for i, (width, kernels) in enumerate(blocks, 1):
        yield f"dropout{i}", nn.Dropout(DROPOUT)
        yield f"conv{i}", rectified(nn.Conv2d(channels, width, 3, padding=1))
        yield f"highway{i}", nn.Sequential(*(Highway(width, kernel) for kernel in kernels))
        if i < len(blocks):
            yield f"pool{i}", nn.MaxPool2d(2)
        channels = width
    last = len(blocks) + 1
    yield f"conv{last}", rectified(nn.Conv2d(channels, LAST_WIDTH, 1))
    yield "avgpool", nn.AdaptiveAvgPool2d(1)  # 8×8 at 32×32; global, so that other sizes work
    yield f"dropout{last}", nn.Dropout(DROPOUT)
    yield "fc", nn.Linear(LAST_WIDTH, num_classes)
    yield "softmax", Logits()


def initialise(model: StagedNetwork) -> None:
    """Draw the weights as the release does.

    Normal with variance 2 / fan-in, which its Caffe calls "xavier"; a deviation of 0.05 in the
    first convolution (its file says so under a name that Caffe ignores) and in the classifier.
    Biases are 0, and GATE_BIAS in the gates.
    """
    for name, layer in model.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        if name in ("conv1.conv", "fc"):
            nn.init.normal_(layer.weight, 0.0, 0.05)
        else:
            nn.init.kaiming_normal_(layer.weight)
        bias = GATE_BIAS if name.endswith("gate") else 0.0
        nn.init.constant_(layer.bias, bias)  # type: ignore[arg-type]  # all have one


def build(depth: int, *, num_classes: int = 10) -> StagedNetwork:
    """Build one of NETWORKS, initialised.

    Args:
        depth: 19, the released network, or 32, the reconstruction.
        num_classes: width of the last layer.
    """
    model = StagedNetwork(_stages(depth, num_classes))
    initialise(model)
    return model


def paper_table(depth: int, *, num_classes: int = 10) -> PaperTable:
    """Return the layers of each stage that build() makes with the same arguments."""
    rows: dict[str, PaperRow] = {}
    for i, (width, kernels) in enumerate(NETWORKS[depth], 1):
        rows[f"dropout{i}"] = (None, (f"drop {DROPOUT}", None))
        rows[f"conv{i}"] = (None, (f"3×3, {width}", 1))
        shapes = ", ".join(f"{k}×{k}" for k in dict.fromkeys(kernels))
        rows[f"highway{i}"] = (None, (f"highway {shapes}, {width}", len(kernels)))
        rows[f"pool{i}"] = (None, ("max 2×2", None))
    last = len(NETWORKS[depth]) + 1
    rows[f"conv{last}"] = (None, (f"1×1, {LAST_WIDTH}", 1))
    rows["avgpool"] = (None, ("global", None))
    rows[f"dropout{last}"] = (None, (f"drop {DROPOUT}", None))
    rows["fc"] = (None, ("full", 1))
    rows["softmax"] = (None, (None, None))
    source = "Srivastava et al., arXiv:1507.06228"
    kind = "the authors' Caffe release" if depth == 19 else "a reconstruction"
    return PaperTable(
        source=f"{source}; {kind}",
        heading="stage",
        columns=(("layers", "layers"), ("count", "count"), ("output_shape", "output size")),
        rows=rows,
    )
