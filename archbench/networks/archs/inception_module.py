"""One Inception module by itself, with and without its 1×1 reductions.

Source: Szegedy et al., "Going Deeper with Convolutions", arXiv:1409.4842, figure 2: (a) the naive
version and (b) the one with dimension reductions. The widths are those of row 3a of its Table 1, on
the input that this row has, 28×28×192. Every convolution has a bias and a ReLU.
"""

import torch
from torch import Tensor, nn

from archbench.networks.archs.googlenet import TABLE_1, VARIANTS, conv
from archbench.networks.registry.records import PaperRow, PaperTable

CHANNELS = 192
ROW = next(row for row in TABLE_1 if row.stage == "inception_3a")

# Both parts of figure 2 as drawn: branch by branch, each a chain of (stage, label).
NAIVE = (
    (("n1x1", "1×1 convolutions"),),
    (("n3x3", "3×3 convolutions"),),
    (("n5x5", "5×5 convolutions"),),
    (("pool", "3×3 max pooling"),),
)
REDUCED = (
    (("n1x1", "1×1 convolutions"),),
    (("n3x3_reduce", "1×1 convolutions"), ("n3x3", "3×3 convolutions")),
    (("n5x5_reduce", "1×1 convolutions"), ("n5x5", "5×5 convolutions")),
    (("pool", "3×3 max pooling"), ("pool_proj", "1×1 convolutions")),
)


class Concatenation(nn.Module):
    """Joins tensors of one grid along their channels."""

    def forward(self, *branches: Tensor) -> Tensor:
        """(N, c_i, H, W), ... -> (N, sum of c_i, H, W)."""
        return torch.cat(branches, dim=1)


class InceptionModule(nn.Module):
    """Branches and their concatenation, one child per box: (N, 192, H, W) -> (N, width, H, W)."""

    def __init__(self, reductions: bool) -> None:
        super().__init__()
        self.chains = [
            [stage for stage, _ in boxes] for boxes in (REDUCED if reductions else NAIVE)
        ]
        for stages in self.chains:
            channels = CHANNELS
            for stage in stages:
                layer, channels = _box(stage, channels)
                self.add_module(stage, layer)
        self.concat = Concatenation()

    def forward(self, x: Tensor) -> Tensor:
        """Run every branch on the same input."""
        outputs = []
        for stages in self.chains:
            y = x
            for stage in stages:
                y = self.get_submodule(stage)(y)
            outputs.append(y)
        return self.concat(*outputs)  # type: ignore[no-any-return]  # nn.Module calls are untyped


def _box(stage: str, c_in: int) -> tuple[nn.Module, int]:
    """Build one box, its width from row 3a."""
    if stage == "pool":
        return nn.MaxPool2d(3, stride=1, padding=1), c_in
    width = getattr(ROW, stage)
    kernel = 1 if stage.endswith(("reduce", "proj")) else int(stage[1])
    return conv(VARIANTS["paper"], c_in, width, kernel), width


def build(reductions: bool) -> InceptionModule:
    """Build the module with or without its reductions, with torch's own initialisation."""
    return InceptionModule(reductions)


def paper_table(reductions: bool) -> PaperTable:
    """Return figure 2's boxes for the stages that build() makes with the same argument."""
    rows: dict[str, PaperRow] = {}
    for i, boxes in enumerate(REDUCED if reductions else NAIVE, 1):
        for stage, label in boxes:
            rows[stage] = (label, (i, getattr(ROW, stage, None)))
    rows["concat"] = ("filter concatenation", (None, None))
    part = "(b), with dimension reductions" if reductions else "(a), naive"
    return PaperTable(
        source=f"Szegedy et al., arXiv:1409.4842, figure 2 {part}; widths of row 3a",
        heading="box",
        columns=(("branch", "branch"), ("filters", "filters"), ("output_shape", "output size")),
        rows=rows,
    )
