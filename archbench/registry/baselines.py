"""The rows of the networks that the Inception and ResNet papers compare themselves with."""

from types import MappingProxyType
from typing import Any

from archbench.records import Architecture, Paper
from archbench.registry import papers, training
from archbench.registry.published import ERRORS


def _row(
    name: str,
    paper: Paper,
    module: str,
    size: int,
    differs: str,
    conventions: training.Rows,
    choices: tuple[tuple[str, str], ...] = (),
    **options: Any,
) -> Architecture:
    classes = 10 if size == 32 else 1000
    return Architecture(
        name,
        "baseline",
        paper,
        module,
        MappingProxyType(options),
        (3, size, size),
        classes,
        differs,
        ERRORS.get(name, ()),
        conventions,
        (("num_classes", f"width of the last layer; {classes}"), *choices),
    )


_ACTIVATION = (
    "activation",
    "channel-wise (default), one slope a channel; shared, one a layer; relu",
)
_RECALLED = "widths of B and C and the pyramid's bins are recalled, not read in the paper"

BASELINES: tuple[Architecture, ...] = (
    _row(
        "alexnet",
        papers.ALEXNET,
        "alexnet",
        227,
        "two towers as groups, LRN; torchvision's alexnet is `alexnet-one-tower`",
        training.ALEXNET,
    ),
    _row(
        "maxout",
        papers.MAXOUT,
        "maxout",
        32,
        "for CIFAR-10, after the authors' configuration; five pieces in the full layer",
        training.MAXOUT,
    ),
    _row(
        "nin",
        papers.NETWORK_IN_NETWORK,
        "nin",
        32,
        "for CIFAR-10, after the authors' configuration",
        training.NIN,
    ),
    _row(
        "alexnet-one-tower",
        papers.ONE_WEIRD_TRICK,
        "alexnet",
        224,
        "torchvision's alexnet: no groups, no LRN, 256 filters in conv4 where the paper says 384",
        training.ONE_TOWER,
        (("conv4_width", "256 (default), as in the released code; 384, as the paper says"),),
        one_tower=True,
    ),
    _row(
        "vgg16",
        papers.VERY_DEEP,
        "vgg",
        224,
        "configuration D, without batch norm; torchvision's vgg16 counts the same",
        training.VGG,
        depth=16,
    ),
    _row(
        "vgg19",
        papers.VERY_DEEP,
        "vgg",
        224,
        "configuration E, without batch norm; torchvision's vgg19 counts the same",
        training.VGG,
        depth=19,
    ),
    _row(
        "dsn",
        papers.DEEPLY_SUPERVISED,
        "dsn",
        32,
        "for CIFAR-10: `nin` without its last ReLU, and companion heads in training",
        training.DSN,
        (("aux", "true adds the companion heads of training, aux1 to aux3"),),
    ),
    _row(
        "fitnet4",
        papers.FITNETS,
        "fitnet",
        32,
        "for CIFAR-10; two pieces in the full layer as the printed counts imply, released: five",
        training.FITNET,
        (("fc_pieces", "2 (default), as the paper counts; 5, as released"),),
    ),
    _row(
        "prelu-net-a",
        papers.RECTIFIERS,
        "prelu_net",
        224,
        "widths confirmed by an independent port; no parameter counts are published",
        training.PRELU_NET,
        (_ACTIVATION,),
        model="A",
    ),
    _row(
        "prelu-net-b",
        papers.RECTIFIERS,
        "prelu_net",
        224,
        _RECALLED,
        training.PRELU_NET,
        (_ACTIVATION,),
        model="B",
    ),
    _row(
        "prelu-net-c",
        papers.RECTIFIERS,
        "prelu_net",
        224,
        "recalled widths and bins, as for prelu-net-b; operations 0.9 % above the printed 5.30e10",
        training.PRELU_NET,
        (_ACTIVATION,),
        model="C",
    ),
    _row(
        "highway19",
        papers.VERY_DEEP_TRAINING,
        "highway",
        32,
        "the released file; the 92.46 % of the paper had another head, of unpublished width",
        training.HIGHWAY,
        depth=19,
    ),
    _row(
        "highway32",
        papers.VERY_DEEP_TRAINING,
        "highway",
        32,
        "a reconstruction, not the authors' network: widths, order and head are not published",
        training.HIGHWAY_32,
        depth=32,
    ),
)
