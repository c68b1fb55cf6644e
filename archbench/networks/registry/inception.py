"""The rows of the Inception family."""

from types import MappingProxyType

from archbench.networks.registry import papers, training
from archbench.networks.registry.records import Architecture, Paper
from archbench.networks.registry.row import row

FAMILY = "inception"

_AUX = "true adds the heads of training; returns (logits, aux1, aux2) in both modes"
_ONE_AUX = "true adds the head of training; returns (logits, aux) in both modes"


def _googlenet(
    name: str, variant: str, conventions: training.Rows, differs: str, paper: Paper
) -> Architecture:
    aux = (("aux", _AUX),)
    return row(name, FAMILY, paper, "googlenet", 224, differs, conventions, aux, variant=variant)


def _module(name: str, reductions: bool, differs: str) -> Architecture:
    return Architecture(
        name,
        FAMILY,
        papers.GOING_DEEPER,
        "inception_module",
        MappingProxyType({"reductions": reductions}),
        (192, 28, 28),
        None,
        differs,
        training.MODULE,
    )


_SCALE = ("residual_scale", "one number for every sum; default 0.17, 0.10 and 0.20 in A, B and C")
_SCALE_RELEASED = (
    "residual_scale",
    "one number for every sum but the last; default 0.17, 0.10 and 0.20",
)

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
    row(
        "bn-inception",
        FAMILY,
        papers.BATCH_NORM,
        "bn_inception",
        224,
        "figure 5's filters, 608 wide in 4c and 4d, separable stem; ports have a dense one or 576",
        training.BN_INCEPTION,
        (
            (
                "version",
                "paper (default); dense-stem; caffe, the port with convolution biases; tf-slim",
            ),
        ),
    ),
    row(
        "inception-v2",
        FAMILY,
        papers.RETHINKING,
        "inception_v3",
        299,
        "a reconstruction, inner widths from v3; TF-slim's Inception v2 is `bn-inception`",
        training.INCEPTION_V2,
        (
            ("aux", _ONE_AUX),
            ("stem", "3x3 (default), three layers as in Table 1; 7x7, one layer (section 10)"),
            ("modules_17x17", "5 (default), as in Table 1; 4, as in every release of v3"),
        ),
        version="v2",
    ),
    row(
        "inception-v3",
        FAMILY,
        papers.RETHINKING,
        "inception_v3",
        299,
        "as TF-slim, Keras, torchvision and timm have it: 5x5 and 4 modules at 17x17, undrawn",
        training.INCEPTION_V3,
        (("aux", _ONE_AUX),),
        version="v3",
    ),
    row(
        "inception-v4",
        FAMILY,
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "TF-slim and timm have the same network; the head that aux adds is TF-slim's",
        training.INCEPTION_V4,
        (("aux", _ONE_AUX),),
        network="inception-v4",
    ),
    row(
        "inception-resnet-v1",
        FAMILY,
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "as drawn; facenet's port adds a sixth C block and a bottleneck",
        training.INCEPTION_RESNET,
        (_SCALE,),
        network="inception-resnet-v1",
    ),
    row(
        "inception-resnet-v2",
        FAMILY,
        papers.INCEPTION_V4,
        "inception_v4",
        299,
        "as released (TF-slim, Keras, timm); the paper draws `inception-resnet-v2-paper`",
        training.INCEPTION_RESNET_V2,
        (("aux", _ONE_AUX), _SCALE_RELEASED),
        network="inception-resnet-v2",
    ),
    row(
        "inception-resnet-v2-paper",
        FAMILY,
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
