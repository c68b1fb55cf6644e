"""The rows of the residual networks and of their plain twins."""

from dataclasses import replace
from typing import Any

from archbench.networks.registry import papers, training
from archbench.networks.registry.records import Architecture
from archbench.networks.registry.row import row

_IMAGENET_DEPTHS = (18, 34, 50, 101, 152)
_SHORTCUT = "A pads with zeros where shapes change, B projects there, C everywhere; default"
_STRIDE_ON = "1x1 as in the authors' release, or 3x3, known as v1.5; default"


_STEM = (
    "imagenet (default), 7x7/2 and a pool; cifar, 3x3 of stride 1 without a pool, for 32x32 images "
    "and 10 classes. It is not the paper's, whose CIFAR networks are resnet20 to resnet1202"
)
_STEM_18 = "; `resnet18-b` with it has 11,173,962 params and 555,422,720 MACs (0.56 G)"


def _resnet(name: str, depth: int, differs: str, **options: Any) -> Architecture:
    imagenet = depth in _IMAGENET_DEPTHS
    plain = options.get("residual") is False
    choices = []
    if not plain:
        shortcut = options.get("shortcut", "B" if imagenet and depth >= 50 else "A")
        choices.append(("shortcut", f"{_SHORTCUT} {shortcut}"))
    if imagenet and depth >= 50:
        choices.append(("stride_on", f"{_STRIDE_ON} {options.get('stride_on', '1x1')}"))
    if imagenet:
        choices.append(("stem", f"{_STEM}{_STEM_18 if depth == 18 and not plain else ''}"))
    made = row(
        name,
        "plain" if plain else "resnet",
        papers.RESIDUAL,
        "resnet",
        224 if imagenet else 32,
        differs,
        training.RESNET if imagenet else training.RESNET_CIFAR,
        tuple(choices),
        depth=depth,
        **options,
    )
    return replace(made, sizes=(("stem", "cifar", (3, 32, 32)),)) if imagenet else made


def _plain(depth: int) -> Architecture:
    twin = f"resnet{depth} without its shortcuts; the same parameters and operations"
    return _resnet(f"plain{depth}", depth, twin, residual=False)


def _preact(depth: int, imagenet: bool, differs: str) -> Architecture:
    return row(
        f"preact-resnet{depth}",
        "resnet",
        papers.IDENTITY,
        "preact_resnet",
        224 if imagenet else 32,
        differs,
        training.PREACT if imagenet else training.PREACT_CIFAR,
        depth=depth,
    )


def _v1(name: str) -> str:
    return f"v1, stride on the 1x1, as in the paper; torchvision's {name} is `{name}-v1.5`"


_TORCHVISION_18 = "projection where shapes change; torchvision's resnet18"
_TORCHVISION_34 = "projection where shapes change; torchvision's resnet34"
_CIFAR = "for CIFAR-10, option A shortcuts; torchvision has no CIFAR networks"
_RELEASE = "fb.resnet.torch's, stride on the 3x3; timm's resnetv2 has another stem"

RESNETS: tuple[Architecture, ...] = (
    _plain(18),
    _plain(34),
    _resnet("resnet18", 18, "option A shortcuts; torchvision's resnet18 is `resnet18-b`"),
    _resnet("resnet18-b", 18, _TORCHVISION_18, shortcut="B"),
    _resnet("resnet34", 34, "option A shortcuts; torchvision's resnet34 is `resnet34-b`"),
    _resnet("resnet34-b", 34, _TORCHVISION_34, shortcut="B"),
    _resnet("resnet34-c", 34, "projection on every shortcut", shortcut="C"),
    _resnet("resnet50", 50, _v1("resnet50")),
    _resnet("resnet50-v1.5", 50, "stride on the 3x3; torchvision's resnet50", stride_on="3x3"),
    _resnet("resnet101", 101, _v1("resnet101")),
    _resnet("resnet101-v1.5", 101, "stride on the 3x3; torchvision's resnet101", stride_on="3x3"),
    _resnet("resnet152", 152, _v1("resnet152")),
    _resnet("resnet152-v1.5", 152, "stride on the 3x3; torchvision's resnet152", stride_on="3x3"),
    _plain(20),
    _plain(32),
    _plain(44),
    _plain(56),
    _plain(110),
    _resnet("resnet20", 20, _CIFAR),
    _resnet("resnet32", 32, _CIFAR),
    _resnet("resnet44", 44, _CIFAR),
    _resnet("resnet56", 56, _CIFAR),
    _resnet("resnet110", 110, _CIFAR),
    _resnet("resnet1202", 1202, f"{_CIFAR}; not 10.2M as often copied"),
    _preact(50, True, f"{_RELEASE}; the paper has no 50"),
    _preact(101, True, f"{_RELEASE}; the paper has no 101"),
    _preact(152, True, _RELEASE),
    _preact(200, True, _RELEASE),
    _preact(110, False, "for CIFAR-10, basic units, option A shortcuts"),
    _preact(164, False, "for CIFAR-10, bottlenecks with their stride on the first 1x1"),
    _preact(1001, False, "for CIFAR-10; the printed 10.2M leaves batch norm's parameters out"),
)
