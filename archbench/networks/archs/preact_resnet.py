"""Residual networks with pre-activation, for ImageNet and CIFAR-10.

Source: He et al., "Identity Mappings in Deep Residual Networks", arXiv:1603.05027, and the releases
that it was run with: KaimingHe/resnet-1k-layers (CIFAR-10) and fb.resnet.torch (ImageNet). The
stages, the convolutions of a unit and their initialisation are those of resnet.py.

In a unit, batch normalisation and ReLU come before each convolution, and nothing follows the sum.
The first unit of a stage shares its first normalisation and ReLU between both branches; at the end
stands one more of both. In the ImageNet networks the stem is normalised and rectified already, so
the unit after it starts with a convolution.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from torch import Tensor, nn

from archbench.networks.archs.parts.stages import StagedNetwork
from archbench.networks.archs.resnet import (
    CIFAR_TABLE,
    EXPANSION,
    TABLE_1,
    ConvPlan,
    Stage,
    ZeroPadShortcut,
    block_text,
    convolutions,
    imagenet_stem,
    initialise,
)
from archbench.networks.registry.records import PaperRow, PaperTable

Kind = Literal["basic", "bottleneck"]


class Plan(NamedTuple):
    """How the network of one depth is laid out."""

    kind: Kind
    repeats: tuple[int, ...]  #: units of each stage
    imagenet: bool


# fmt: off
PLANS = {
    # layers:   unit         units of each stage
      50: Plan("bottleneck", (3,  4,  6, 3), True),
     101: Plan("bottleneck", (3,  4, 23, 3), True),
     152: Plan("bottleneck", (3,  8, 36, 3), True),
     200: Plan("bottleneck", (3, 24, 36, 3), True),
      20: Plan("basic",      (3, 3, 3),       False),  # 20 and 56 as in resnet.py; not in the paper
      56: Plan("basic",      (9, 9, 9),       False),
     110: Plan("basic",      (18, 18, 18),    False),
     164: Plan("bottleneck", (18, 18, 18),    False),
    1001: Plan("bottleneck", (111, 111, 111), False),
}
# fmt: on


def norm_relu(channels: int) -> nn.Sequential:
    """Normalise, then rectify."""
    return nn.Sequential(OrderedDict(bn=nn.BatchNorm2d(channels), relu=nn.ReLU(inplace=True)))


class Unit(nn.Module):
    """Convolutions, each but the first behind its normalisation and ReLU, and a shortcut.

    (N, c_in, H, W) -> (N, c_out, H/s, W/s)

    Args:
        convs: (c_out, kernel, stride) of each convolution in turn.
        shortcut: what the input passes on its way to the sum.
        activated: whether the input comes normalised and rectified, as from the ImageNet stem.
        shared: whether the shortcut starts behind the first normalisation and ReLU.
    """

    def __init__(
        self,
        c_in: int,
        convs: Sequence[ConvPlan],
        shortcut: nn.Module,
        activated: bool,
        shared: bool,
    ) -> None:
        super().__init__()
        self.preact = nn.Identity() if activated else norm_relu(c_in)
        self.residual = nn.Sequential()
        for i, (c_out, kernel, stride) in enumerate(convs, 1):
            if i > 1:
                self.residual.add_module(f"bn{i}", nn.BatchNorm2d(c_in))
                self.residual.add_module(f"relu{i}", nn.ReLU(inplace=True))
            self.residual.add_module(
                f"conv{i}", nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False)
            )
            c_in = c_out
        self.shortcut = shortcut
        self.shared = shared

    def forward(self, x: Tensor) -> Tensor:
        """Add the shortcut to the last convolution."""
        active = self.preact(x)
        out: Tensor = self.residual(active) + self.shortcut(active if self.shared else x)
        return out


def unit(plan: Plan, c_in: int, width: int, stride: int, first: bool, after_stem: bool) -> Unit:
    """Build one unit of a stage.

    CIFAR's bottlenecks have their stride on the 1×1 as in the release, ImageNet's on the 3×3. A
    basic unit pads with zeros where shapes change (option A), a bottleneck projects (option B).
    """
    convs = convolutions(plan.kind, width, stride, "3x3" if plan.imagenet else "1x1")
    c_out = convs[-1][0]
    shortcut: nn.Module = nn.Identity()
    if (stride != 1 or c_in != c_out) and plan.kind == "basic":
        shortcut = ZeroPadShortcut(c_in, c_out, stride)
    elif stride != 1 or c_in != c_out:
        shortcut = nn.Conv2d(c_in, c_out, 1, stride, bias=False)
    return Unit(c_in, convs, shortcut, activated=after_stem and plan.imagenet, shared=first)


def _table(plan: Plan) -> list[tuple[Stage, int]]:
    return list(zip(TABLE_1 if plan.imagenet else CIFAR_TABLE, plan.repeats, strict=True))


def _stages(plan: Plan, num_classes: int) -> Iterator[tuple[str, nn.Module]]:
    stages = _table(plan)
    channels = stages[0][0].width
    if plan.imagenet:
        yield "conv1", imagenet_stem(channels)
        yield "pool1", nn.MaxPool2d(3, stride=2, padding=1)
    else:
        yield "conv1", nn.Conv2d(3, channels, 3, 1, 1, bias=False)
    for stage, repeat in stages:
        units = nn.Sequential()
        for i in range(1, repeat + 1):
            first = i == 1
            stride = stage.stride if first else 1
            after_stem = first and stage is stages[0][0]
            units.add_module(str(i), unit(plan, channels, stage.width, stride, first, after_stem))
            channels = stage.width * (1 if plan.kind == "basic" else EXPANSION)
        yield stage.name, units
    yield "postact", norm_relu(channels)
    yield "avgpool", nn.AdaptiveAvgPool2d(1)
    yield "fc", nn.Linear(channels, num_classes)


def build(depth: int, *, num_classes: int | None = None) -> StagedNetwork:
    """Build the network of that many layers, initialised.

    Args:
        depth: a key of PLANS.
        num_classes: default 1000 (ImageNet) or 10 (CIFAR-10).
    """
    plan = PLANS[depth]
    model = StagedNetwork(_stages(plan, num_classes or (1000 if plan.imagenet else 10)))
    initialise(model)
    return model


def paper_table(depth: int, *, num_classes: int | None = None) -> PaperTable:
    """Return the first ResNet paper's columns for the stages that build() makes."""
    plan = PLANS[depth]
    rows: dict[str, PaperRow] = {"conv1": (None, ("3×3, 16", None))}
    if plan.imagenet:
        rows["conv1"] = (None, ("7×7, 64, stride 2", None))
        rows["pool1"] = (None, ("3×3 max pool, stride 2", None))
    for stage, repeat in _table(plan):
        rows[stage.name] = (None, (block_text(plan.kind, stage.width), repeat))
    rows["postact"] = (None, ("batch norm, ReLU", None))
    rows["avgpool"] = (None, ("average pool", None))
    rows["fc"] = (None, (f"{num_classes or (1000 if plan.imagenet else 10)}-d", None))
    return PaperTable(
        source="He et al., arXiv:1603.05027, in the columns of arXiv:1512.03385, Table 1",
        heading="layer name",
        columns=(
            ("output_shape", "output size"),
            ("block", f"{depth}-layer"),
            ("repeat", "units"),
        ),
        rows=rows,
    )
