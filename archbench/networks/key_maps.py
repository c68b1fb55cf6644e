"""What torchvision and timm call the layers of the networks that they have too.

A map names modules that hold tensors of their own, theirs first: what follows such a name
(`.weight`, `.bn.running_mean`) is the same in both. tests/networks/test_weights.py loads random
weights of every reference through its map and compares the outputs in float64, which proves the
wiring.
"""

from collections.abc import Callable, Iterable, Mapping

from archbench.networks.archs import vgg
from archbench.networks.archs.resnet import TABLE_1, TABLE_1_BLOCKS

KeyMap = dict[str, str]


def _nested(theirs: str, ours: str, inner: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return ((f"{theirs}.{a}", f"{ours}.{b}") for a, b in inner.items())


def _numbered(name: str, i: int) -> str:
    """Name the i-th of equal boxes as networks/archs/parts/branches.py does: mixed, mixed_2, ..."""
    return name if i == 1 else f"{name}_{i}"


# -- GoogLeNet -------------------------------------------------------------------------------------

_GOOGLENET_MODULE = {
    "branch1": "n1x1",
    "branch2.0": "n3x3_reduce",
    "branch2.1": "n3x3",
    "branch3.0": "n5x5_reduce",
    "branch3.1": "n5x5",
    "branch4.1": "pool_proj",
}


def googlenet() -> KeyMap:
    """Torchvision's googlenet."""
    keys = {"conv1": "conv1", "conv2": "conv2.reduce", "conv3": "conv2.conv", "fc": "fc"}
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        keys.update(_nested(f"inception{module}", f"inception_{module}", _GOOGLENET_MODULE))
    for head in ("aux1", "aux2"):
        keys.update((f"{head}.{layer}", f"{head}.{layer}") for layer in ("conv", "fc1", "fc2"))
    return keys


# -- Inception-v3 ----------------------------------------------------------------------------------

_V3_A = {
    "branch1x1": "branch1.conv1x1",
    "branch5x5_1": "branch2.conv1x1",
    "branch5x5_2": "branch2.conv5x5",
    "branch3x3dbl_1": "branch3.conv1x1",
    "branch3x3dbl_2": "branch3.conv3x3",
    "branch3x3dbl_3": "branch3.conv3x3_2",
    "branch_pool": "branch4.conv1x1",
}
_V3_REDUCTION_A = {
    "branch3x3": "branch1.conv3x3",
    "branch3x3dbl_1": "branch2.conv1x1",
    "branch3x3dbl_2": "branch2.conv3x3",
    "branch3x3dbl_3": "branch2.conv3x3_2",
}
_V3_B = {
    "branch1x1": "branch1.conv1x1",
    "branch7x7_1": "branch2.conv1x1",
    "branch7x7_2": "branch2.conv1x7",
    "branch7x7_3": "branch2.conv7x1",
    "branch7x7dbl_1": "branch3.conv1x1",
    "branch7x7dbl_2": "branch3.conv7x1",
    "branch7x7dbl_3": "branch3.conv1x7",
    "branch7x7dbl_4": "branch3.conv7x1_2",
    "branch7x7dbl_5": "branch3.conv1x7_2",
    "branch_pool": "branch4.conv1x1",
}
_V3_REDUCTION_B = {
    "branch3x3_1": "branch1.conv1x1",
    "branch3x3_2": "branch1.conv3x3",
    "branch7x7x3_1": "branch2.conv1x1",
    "branch7x7x3_2": "branch2.conv1x7",
    "branch7x7x3_3": "branch2.conv7x1",
    "branch7x7x3_4": "branch2.conv3x3",
}
_V3_C = {
    "branch1x1": "branch1.conv1x1",
    "branch3x3_1": "branch2.conv1x1",
    "branch3x3_2a": "branch2.mixed.branch1.conv1x3",
    "branch3x3_2b": "branch2.mixed.branch2.conv3x1",
    "branch3x3dbl_1": "branch3.conv1x1",
    "branch3x3dbl_2": "branch3.conv3x3",
    "branch3x3dbl_3a": "branch3.mixed.branch1.conv1x3",
    "branch3x3dbl_3b": "branch3.mixed.branch2.conv3x1",
    "branch_pool": "branch4.conv1x1",
}
_V3_MODULES = {
    **dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), _V3_A),
    "Mixed_6a": _V3_REDUCTION_A,
    **dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), _V3_B),
    "Mixed_7a": _V3_REDUCTION_B,
    **dict.fromkeys(("Mixed_7b", "Mixed_7c"), _V3_C),
}


def inception_v3() -> KeyMap:
    """Torchvision's and timm's inception_v3."""
    stem = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
    keys = {f"Conv2d_{layer}": f"Conv2d_{layer}" for layer in stem}
    for module, inner in _V3_MODULES.items():
        keys.update(_nested(module, module, inner))
    head = {"conv0": "conv", "conv1": "full", "fc": "fc"}
    keys.update(_nested("AuxLogits", "aux", head))
    return keys | {"fc": "fc"}


# -- Inception-v4 ----------------------------------------------------------------------------------

_V4_STEM = {
    "0": "conv3x3",
    "1": "conv3x3_2",
    "2": "conv3x3_3",
    "3.conv": "mixed.branch2.conv3x3",
    "4.branch0.0": "mixed_2.branch1.conv1x1",
    "4.branch0.1": "mixed_2.branch1.conv3x3",
    "4.branch1.0": "mixed_2.branch2.conv1x1",
    "4.branch1.1": "mixed_2.branch2.conv1x7",
    "4.branch1.2": "mixed_2.branch2.conv7x1",
    "4.branch1.3": "mixed_2.branch2.conv3x3",
    "5.conv": "mixed_3.branch1.conv3x3",
}
_V4_A = {
    "branch0": "branch1.conv1x1",
    "branch1.0": "branch2.conv1x1",
    "branch1.1": "branch2.conv3x3",
    "branch2.0": "branch3.conv1x1",
    "branch2.1": "branch3.conv3x3",
    "branch2.2": "branch3.conv3x3_2",
    "branch3.1": "branch4.conv1x1",
}
_REDUCTION_A = {  # of all three networks of this paper
    "branch0": "branch1.conv3x3",
    "branch1.0": "branch2.conv1x1",
    "branch1.1": "branch2.conv3x3",
    "branch1.2": "branch2.conv3x3_2",
}
_V4_B = {
    "branch0": "branch1.conv1x1",
    "branch1.0": "branch2.conv1x1",
    "branch1.1": "branch2.conv1x7",
    "branch1.2": "branch2.conv7x1",
    "branch2.0": "branch3.conv1x1",
    "branch2.1": "branch3.conv7x1",
    "branch2.2": "branch3.conv1x7",
    "branch2.3": "branch3.conv7x1_2",
    "branch2.4": "branch3.conv1x7_2",
    "branch3.1": "branch4.conv1x1",
}
_V4_REDUCTION_B = {
    "branch0.0": "branch1.conv1x1",
    "branch0.1": "branch1.conv3x3",
    "branch1.0": "branch2.conv1x1",
    "branch1.1": "branch2.conv1x7",
    "branch1.2": "branch2.conv7x1",
    "branch1.3": "branch2.conv3x3",
}
_V4_C = {
    "branch0": "branch1.conv1x1",
    "branch1_0": "branch2.conv1x1",
    "branch1_1a": "branch2.mixed.branch1.conv1x3",
    "branch1_1b": "branch2.mixed.branch2.conv3x1",
    "branch2_0": "branch3.conv1x1",
    "branch2_1": "branch3.conv3x1",
    "branch2_2": "branch3.conv1x3",
    "branch2_3a": "branch3.mixed.branch1.conv1x3",
    "branch2_3b": "branch3.mixed.branch2.conv3x1",
    "branch3.1": "branch4.conv1x1",
}
_V4_STACKS = (  # (number of the first, how many, the stage, one module)
    (6, 4, "inception_a", _V4_A),
    (11, 7, "inception_b", _V4_B),
    (19, 3, "inception_c", _V4_C),
)


def inception_v4() -> KeyMap:
    """Timm's inception_v4, and the one of pretrained-models.pytorch."""
    keys = dict(_nested("features", "stem", _V4_STEM))
    for start, count, stage, inner in _V4_STACKS:
        for i in range(1, count + 1):
            keys.update(
                _nested(f"features.{start + i - 1}", f"{stage}.{_numbered('mixed', i)}", inner)
            )
    keys.update(_nested("features.10", "reduction_a", _REDUCTION_A))
    keys.update(_nested("features.18", "reduction_b", _V4_REDUCTION_B))
    return keys | {"last_linear": "fc"}


# -- Inception-ResNet-v2 ---------------------------------------------------------------------------

_RES_STEM = {
    "conv2d_1a": "conv3x3",
    "conv2d_2a": "conv3x3_2",
    "conv2d_2b": "conv3x3_3",
    "conv2d_3b": "conv1x1",
    "conv2d_4a": "conv3x3_4",
    "mixed_5b.branch0": "mixed.branch1.conv1x1",
    "mixed_5b.branch1.0": "mixed.branch2.conv1x1",
    "mixed_5b.branch1.1": "mixed.branch2.conv5x5",
    "mixed_5b.branch2.0": "mixed.branch3.conv1x1",
    "mixed_5b.branch2.1": "mixed.branch3.conv3x3",
    "mixed_5b.branch2.2": "mixed.branch3.conv3x3_2",
    "mixed_5b.branch3.1": "mixed.branch4.conv1x1",
}
_RES_A = {
    "branch0": "branches.branch1.conv1x1",
    "branch1.0": "branches.branch2.conv1x1",
    "branch1.1": "branches.branch2.conv3x3",
    "branch2.0": "branches.branch3.conv1x1",
    "branch2.1": "branches.branch3.conv3x3",
    "branch2.2": "branches.branch3.conv3x3_2",
    "conv2d": "project",
}
_RES_B = {
    "branch0": "branches.branch1.conv1x1",
    "branch1.0": "branches.branch2.conv1x1",
    "branch1.1": "branches.branch2.conv1x7",
    "branch1.2": "branches.branch2.conv7x1",
    "conv2d": "project",
}
_RES_C = {
    "branch0": "branches.branch1.conv1x1",
    "branch1.0": "branches.branch2.conv1x1",
    "branch1.1": "branches.branch2.conv1x3",
    "branch1.2": "branches.branch2.conv3x1",
    "conv2d": "project",
}
_RES_REDUCTION_B = {
    "branch0.0": "branch1.conv1x1",
    "branch0.1": "branch1.conv3x3",
    "branch1.0": "branch2.conv1x1",
    "branch1.1": "branch2.conv3x3",
    "branch2.0": "branch3.conv1x1",
    "branch2.1": "branch3.conv3x3",
    "branch2.2": "branch3.conv3x3_2",
}
_RES_STACKS = (  # (their stack, how many, the stage, one block)
    ("repeat", 10, "inception_resnet_a", _RES_A),
    ("repeat_1", 20, "inception_resnet_b", _RES_B),
    ("repeat_2", 9, "inception_resnet_c", _RES_C),
)


def inception_resnet_v2() -> KeyMap:
    """Timm's inception_resnet_v2, and the one of pretrained-models.pytorch."""
    keys = {theirs: f"stem.{ours}" for theirs, ours in _RES_STEM.items()}
    for stack, count, stage, inner in _RES_STACKS:
        for i in range(1, count + 1):
            keys.update(_nested(f"{stack}.{i - 1}", f"{stage}.{_numbered('block', i)}", inner))
    keys.update(_nested("block8", "inception_resnet_c.block_10", _RES_C))
    keys.update(_nested("mixed_6a", "reduction_a", _REDUCTION_A))
    keys.update(_nested("mixed_7a", "reduction_b", _RES_REDUCTION_B))
    return keys | {"conv2d_7b": "conv", "classif": "fc", "last_linear": "fc"}


# -- AlexNet, VGG and ResNets ----------------------------------------------------------------------


def alexnet() -> KeyMap:
    """Torchvision's alexnet."""
    convs = {f"features.{i}": f"conv{n}.conv" for n, i in enumerate((0, 3, 6, 8, 10), 1)}
    full = {"classifier.1": "fc6.linear", "classifier.4": "fc7.linear", "classifier.6": "fc8"}
    return convs | full


def _vgg(depth: int) -> KeyMap:
    """Torchvision's and timm's VGG of that depth; in timm the hidden layers are convolutions."""
    keys, position = {}, 0
    for group, (count, _) in enumerate(vgg.TABLE_1[depth][1], 1):
        for i in range(1, count + 1):
            keys[f"features.{position}"] = f"conv{group}_{i}.conv"
            position += 2  # the convolution and its ReLU
        position += 1  # the pool
    torchvision = {
        "classifier.0": "fc6.linear",
        "classifier.3": "fc7.linear",
        "classifier.6": "fc8",
    }
    timm = {"pre_logits.fc1": "fc6.linear", "pre_logits.fc2": "fc7.linear", "head.fc": "fc8"}
    return keys | torchvision | timm


def _resnet(depth: int) -> KeyMap:
    """Torchvision's and timm's resnet of that depth."""
    keys = {"conv1": "conv1.conv", "bn1": "conv1.bn", "fc": "fc"}
    kind, repeats = TABLE_1_BLOCKS[depth]
    convs = 2 if kind == "basic" else 3
    for n, (stage, repeat) in enumerate(zip(TABLE_1, repeats, strict=True), 1):
        for i in range(repeat):
            theirs, ours = f"layer{n}.{i}", f"{stage.name}.{i + 1}"
            for layer in range(1, convs + 1):
                keys[f"{theirs}.conv{layer}"] = f"{ours}.residual.conv{layer}"
                keys[f"{theirs}.bn{layer}"] = f"{ours}.residual.bn{layer}"
            keys[f"{theirs}.downsample.0"] = f"{ours}.shortcut.conv"
            keys[f"{theirs}.downsample.1"] = f"{ours}.shortcut.bn"
    return keys


# Name in the registry -> (where else the network is to be had, how to make its map). A network
# whose twin elsewhere has the same shapes and another wiring, such as resnet50, is left out.
KEY_MAPS: Mapping[str, tuple[str, Callable[[], KeyMap]]] = {
    "googlenet-torchvision": ("torchvision's googlenet", googlenet),
    "inception-v3": ("torchvision's or timm's inception_v3", inception_v3),
    "inception-v4": ("timm's inception_v4", inception_v4),
    "inception-resnet-v2": ("timm's inception_resnet_v2", inception_resnet_v2),
    "alexnet-one-tower": ("torchvision's alexnet", alexnet),
    "vgg16": ("torchvision's or timm's vgg16", lambda: _vgg(16)),
    "vgg19": ("torchvision's or timm's vgg19", lambda: _vgg(19)),
    "resnet18-b": ("torchvision's or timm's resnet18", lambda: _resnet(18)),
    "resnet34-b": ("torchvision's or timm's resnet34", lambda: _resnet(34)),
    "resnet50-v1.5": ("torchvision's or timm's resnet50", lambda: _resnet(50)),
    "resnet101-v1.5": ("torchvision's or timm's resnet101", lambda: _resnet(101)),
    "resnet152-v1.5": ("torchvision's or timm's resnet152", lambda: _resnet(152)),
}
