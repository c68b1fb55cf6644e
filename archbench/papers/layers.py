"""What a built network's layers say of themselves."""

from fractions import Fraction
from typing import Any, NamedTuple

from torch import nn

from archbench.networks.archs.resnet import Block


def convolutions(module: nn.Module) -> tuple[nn.Conv2d, ...]:
    """Return the convolutions inside a module, in the order in which it holds them."""
    return tuple(layer for layer in module.modules() if isinstance(layer, nn.Conv2d))


def kernel(layer: nn.Module) -> str:
    """Write a layer's kernel: "7x7"."""
    height, width = _pair(layer.kernel_size)
    return f"{height}x{width}"


def stride(layer: nn.Module) -> int:
    """Return a layer's stride, which is the same in both directions."""
    height, width = _pair(layer.stride)
    assert height == width
    return height


def _pair(size: Any) -> tuple[int, int]:
    height, width = size if isinstance(size, tuple) else (size, size)
    return height, width


def channels(layer: nn.Conv2d) -> int:
    """Return the filters of a convolution."""
    return layer.out_channels


def rate(layer: nn.Dropout) -> Fraction:
    """Return the share that a dropout drops."""
    return Fraction(str(layer.p))


def kept(layer: nn.Dropout) -> Fraction:
    """Return the share that a dropout keeps."""
    return 1 - rate(layer)


def repeats(stage: nn.Sequential) -> int:
    """Return how many modules stand in a row."""
    return len(stage)


def blocks(network: nn.Module) -> tuple[Block, ...]:
    """Return the blocks of a residual or plain network, in the order of its stages."""
    return tuple(module for module in network.modules() if isinstance(module, Block))


def projections(network: nn.Module) -> int:
    """Count the convolutions on a network's shortcuts."""
    shortcuts = (block.shortcut for block in blocks(network))
    return sum(len(convolutions(shortcut)) for shortcut in shortcuts if shortcut is not None)


class Parameters(NamedTuple):
    """The numbers of a module's parameters by their purpose."""

    weights: int  #: weights of convolutions and linear layers, and slopes of activations
    biases: int  #: biases of convolutions and linear layers
    norms: int  #: scales and shifts of batch normalisation


def parameters(module: nn.Module) -> Parameters:
    """Count a module's parameters, each kind by itself."""
    weights = biases = norms = 0
    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            if isinstance(layer, nn.BatchNorm2d):
                norms += parameter.numel()
            elif name == "bias":
                biases += parameter.numel()
            else:
                weights += parameter.numel()
    return Parameters(weights, biases, norms)
