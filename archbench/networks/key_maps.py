"""What torchvision and timm call the layers of the networks that they have too.

A map names modules that hold tensors of their own, theirs first: what follows such a name
(`.weight`, `.bn.running_mean`) is the same in both. key_maps.csv has the names inside a module
that a network repeats. tests/networks/test_weights.py loads random weights of every reference
through its map and compares the outputs in float64, which proves the wiring.
"""

from collections.abc import Callable, Mapping
from functools import cache

from archbench.csv_tables import rows_of
from archbench.networks.archs import vgg
from archbench.networks.archs.resnet import TABLE_1, TABLE_1_BLOCKS

KeyMap = dict[str, str]


@cache
def _modules() -> Mapping[str, KeyMap]:
    """Return the map inside each module of key_maps.csv, by the module's name there."""
    maps: dict[str, KeyMap] = {}
    for row in rows_of("networks/key_maps.csv"):
        maps.setdefault(row["module"], {})[row["theirs"]] = row["ours"]
    return maps


def _module(name: str, theirs: str, ours: str) -> KeyMap:
    """Return the map of one module that lies at these paths."""
    return {f"{theirs}.{a}": f"{ours}.{b}" for a, b in _modules()[name].items()}


def _numbered(name: str, i: int) -> str:
    """Name the i-th of equal boxes as networks/archs/parts/branches.py does: mixed, mixed_2, ..."""
    return name if i == 1 else f"{name}_{i}"


# -- Inception -------------------------------------------------------------------------------------


def googlenet() -> KeyMap:
    """Torchvision's googlenet."""
    keys = {"conv1": "conv1", "conv2": "conv2.reduce", "conv3": "conv2.conv", "fc": "fc"}
    for module in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
        keys |= _module("googlenet module", f"inception{module}", f"inception_{module}")
    for head in ("aux1", "aux2"):
        keys |= _module("googlenet head", head, head)
    return keys


def inception_v3() -> KeyMap:
    """Torchvision's and timm's inception_v3."""
    stem = ("1a_3x3", "2a_3x3", "2b_3x3", "3b_1x1", "4a_3x3")
    keys = {f"Conv2d_{layer}": f"Conv2d_{layer}" for layer in stem}
    for module, paths in {
        "a": ("Mixed_5b", "Mixed_5c", "Mixed_5d"),
        "reduction_a": ("Mixed_6a",),
        "b": ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        "reduction_b": ("Mixed_7a",),
        "c": ("Mixed_7b", "Mixed_7c"),
    }.items():
        for path in paths:
            keys |= _module(f"inception-v3 {module}", path, path)
    return keys | _module("inception-v3 head", "AuxLogits", "aux") | {"fc": "fc"}


def inception_v4() -> KeyMap:
    """Timm's inception_v4, and the one of pretrained-models.pytorch."""
    keys = _module("inception-v4 stem", "features", "stem")
    for letter, first, count in (("a", 6, 4), ("b", 11, 7), ("c", 19, 3)):
        for i in range(1, count + 1):
            ours = f"inception_{letter}.{_numbered('mixed', i)}"
            keys |= _module(f"inception-v4 {letter}", f"features.{first + i - 1}", ours)
    keys |= _module("inception-v4 reduction_a", "features.10", "reduction_a")
    keys |= _module("inception-v4 reduction_b", "features.18", "reduction_b")
    return keys | {"last_linear": "fc"}


def inception_resnet_v2() -> KeyMap:
    """Timm's inception_resnet_v2, and the one of pretrained-models.pytorch."""
    keys = dict(_modules()["inception-resnet-v2 stem"])
    for letter, stack, count in (("a", "repeat", 10), ("b", "repeat_1", 20), ("c", "repeat_2", 9)):
        for i in range(1, count + 1):
            ours = f"inception_resnet_{letter}.{_numbered('block', i)}"
            keys |= _module(f"inception-resnet-v2 {letter}", f"{stack}.{i - 1}", ours)
    keys |= _module("inception-resnet-v2 c", "block8", "inception_resnet_c.block_10")
    keys |= _module("inception-v4 reduction_a", "mixed_6a", "reduction_a")  # the same in both
    keys |= _module("inception-resnet-v2 reduction_b", "mixed_7a", "reduction_b")
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
