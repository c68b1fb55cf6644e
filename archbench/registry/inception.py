"""The rows of the Inception family."""

from types import MappingProxyType
from typing import Any

from archbench.records import Architecture, Paper
from archbench.registry import papers, training
from archbench.registry.published import ERRORS

CLASSES = ("num_classes", "width of the last layer; 1000")
_AUX = "true adds the auxiliary heads of training, named aux1 and aux2"
_ONE_AUX = "true adds the auxiliary head of training, named aux"


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
    return Architecture(
        name,
        "inception",
        paper,
        module,
        MappingProxyType(options),
        (3, size, size),
        1000,
        differs,
        ERRORS.get(name, ()),
        conventions,
        (CLASSES, *choices),
    )


def _googlenet(
    name: str, variant: str, conventions: training.Rows, differs: str, paper: Paper
) -> Architecture:
    return _row(
        name, paper, "googlenet", 224, differs, conventions, (("aux", _AUX),), variant=variant
    )


def _module(name: str, reductions: bool, differs: str) -> Architecture:
    return Architecture(
        name,
        "inception",
        papers.GOING_DEEPER,
        "inception_module",
        MappingProxyType({"reductions": reductions}),
        (192, 28, 28),
        None,
        differs,
        (),
        training.MODULE,
    )


_SCALE = ("residual_scale", "of every sum but an unscaled last one; 0.17, 0.10 and 0.20")

INCEPTION: tuple[Architecture, ...] = (
    _googlenet(
        "googlenet",
        "paper",
        training.GOOGLENET,
        "dense 7x7 stem, biases, LRN and true 5x5; torchvision's is `googlenet-torchvision`",
        papers.GOING_DEEPER,
    ),
    _googlenet(
        "googlenet-separable",
        "separable",
        training.GOOGLENET,
        "separable stem, which the 2.7K parameters and 34M operations of Table 1 imply",
        papers.GOING_DEEPER,
    ),
    _googlenet(
        "googlenet-torchvision",
        "torchvision",
        training.GOOGLENET_TORCHVISION,
        "torchvision's: batch norm, no LRN, 3x3 in place of 5x5, 2x2 pool4, dropout 0.2",
        papers.GOING_DEEPER,
    ),
    _googlenet(
        "bn-googlenet",
        "batch-norm",
        training.BN_GOOGLENET,
        "googlenet with batch norm in place of biases and LRN; 5x5 kept; a row of Table 3",
        papers.RETHINKING,
    ),
    _row(
        "bn-inception",
        papers.BATCH_NORM,
        "bn_inception",
        224,
        "as figure 5 prints its filters, 608 wide in 4c and 4d; TF-slim's Inception v2 is 576",
        training.BN_INCEPTION,
        (
            (
                "version",
                "paper (default); dense-stem; caffe, the port with convolution biases; tf-slim",
            ),
        ),
    ),
    _row(
        "inception-v2",
        papers.RETHINKING,
        "inception_v3",
        299,
        "a reconstruction: the widths inside modules are unpublished, taken from inception-v3",
        training.INCEPTION_V2,
        (
            ("aux", _ONE_AUX),
            ("stem", "3x3 (default), three layers as in Table 1; 7x7, one layer (section 10)"),
            ("modules_17x17", "5 (default), as in Table 1; 4, as in every release of v3"),
        ),
        version="v2",
    ),
    _row(
        "inception-v3",
        papers.RETHINKING,
        "inception_v3",
        299,
        "as TF-slim, Keras, torchvision and timm have it: 5x5 and 4 modules at 17x17, undrawn",
        training.INCEPTION_V3,
        (("aux", _ONE_AUX),),
        version="v3",
    ),
    _row(
        "inception-v4",
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "TF-slim and timm have the same network; the head that aux adds is TF-slim's",
        training.INCEPTION_V4,
        (("aux", _ONE_AUX),),
        network="inception-v4",
    ),
    _row(
        "inception-resnet-v1",
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "as drawn; facenet's port adds a sixth C block and a bottleneck",
        training.INCEPTION_RESNET,
        (_SCALE,),
        network="inception-resnet-v1",
    ),
    _row(
        "inception-resnet-v2",
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "as released (TF-slim, Keras, timm); the paper draws `inception-resnet-v2-paper`",
        training.INCEPTION_RESNET_V2,
        (("aux", _ONE_AUX), _SCALE),
        network="inception-resnet-v2",
    ),
    _row(
        "inception-resnet-v2-paper",
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "as drawn, with 1152 and 2144 for the impossible 1154 and 2048; nobody released it",
        training.INCEPTION_RESNET,
        (_SCALE,),
        network="inception-resnet-v2-paper",
    ),
    _module("inception-module", True, "one module of row 3a's widths, figure 2(b), on 28x28x192"),
    _module("inception-module-naive", False, "the same without 1x1 reductions, figure 2(a)"),
)
