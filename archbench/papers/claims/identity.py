"""What the lecture notes say about blocks that are the identity.

The blocks are those of the shelf, 16 channels wide, in float64.
"""

import torch
import torch.nn.functional as F  # torch's own name for it
from torch import Tensor, nn

from archbench.networks.archs import resnet
from archbench.papers.claims.records import Case, Condition, Facts, Measurement, Seeds
from archbench.papers.claims.sampling import ROUNDING, SEED, seeded
from archbench.papers.networks import Networks

WIDTH = 16
BATCH = 8
GRID = 8
RUNNING_MEAN, RUNNING_VARIANCE = 0.3, 0.9  # as training might leave them
SHIFT = 0.1


def block(shortcut: bool = True) -> resnet.Block:
    """Build a basic block that keeps its input's shape, or its plain twin."""
    return resnet.block("basic", WIDTH, WIDTH, 1, "A" if shortcut else None, "1x1").double()


def bare_block(shortcut: bool = True) -> resnet.Block:
    """Build such a block without normalisation; its convolutions have a bias instead."""
    bare = block(shortcut)
    for name, module in list(bare.residual.named_children()):
        if isinstance(module, nn.Conv2d):
            conv = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
            bare.residual.set_submodule(name, conv.double())
        elif isinstance(module, nn.BatchNorm2d):
            bare.residual.set_submodule(name, nn.Identity())
    return bare


@torch.no_grad()
def zero(*layers: nn.Module) -> None:
    """Set all weights and biases of some layers to zero."""
    for layer in layers:
        for parameter in layer.parameters():
            parameter.zero_()


def last(block: resnet.Block, kind: type[nn.Module]) -> nn.Module:
    """Return the last layer of that kind in a block's branch."""
    return [layer for layer in block.residual if isinstance(layer, kind)][-1]


@torch.no_grad()
def change(block: nn.Module, x: Tensor) -> float:
    """Return the largest difference between what a block gives and what it is given."""
    return float((block(x) - x).abs().max())


def signed_noise() -> Tensor:
    """Draw an input of both signs."""
    return torch.randn(BATCH, WIDTH, GRID, GRID, dtype=torch.float64)


def zero_weights(networks: Networks) -> Facts:
    """Zero the last convolution of a block without normalisation."""
    with seeded(SEED):
        tried, x = bare_block(), signed_noise()
    zero(last(tried, nn.Conv2d))
    positive, signed = change(tried, x.relu()), change(tried, x)
    with torch.no_grad():
        from_relu = float((tried(x) - x.relu()).abs().max())
    tried.set_submodule("relu", nn.Identity())
    unrectified = change(tried, x)
    yield Case("for inputs that are not negative, such as a ReLU's", positive == 0)
    yield Case("for inputs of both signs, with the ReLU after the sum", signed == 0)
    yield Case("for any input, without the ReLU after the sum", unrectified == 0)
    yield Measurement("largest change for x >= 0", positive, 0.0)
    yield Measurement("largest difference from ReLU(x) for signed x", from_relu, 0.0)
    yield Measurement("largest change for signed x", signed, 1.0, relation=">=")
    yield Measurement("largest change for signed x, no ReLU after the sum", unrectified, 0.0)
    yield Seeds((SEED,))


def with_zero_convolutions() -> resnet.Block:
    """Build a normalised block whose convolutions are all zero."""
    zeroed = block()
    zero(*(layer for layer in zeroed.residual if isinstance(layer, nn.Conv2d)))
    return zeroed


def with_other_statistics(block: resnet.Block) -> resnet.Block:
    """Move the running statistics of a block's last normalisation, as training does."""
    norm = last(block, nn.BatchNorm2d)
    norm.get_buffer("running_mean").fill_(RUNNING_MEAN)
    norm.get_buffer("running_var").fill_(RUNNING_VARIANCE)
    return block


def with_bn(networks: Networks) -> Facts:
    """Zero the convolutions of a normalised block, or its last scale and shift."""
    with seeded(SEED):
        x, scaled = signed_noise().relu(), with_other_statistics(block())
        zeroed, other = with_zero_convolutions(), with_other_statistics(with_zero_convolutions())
    fresh = change(zeroed.eval(), x)  # before training mode moves the statistics
    training = change(zeroed.train(), x)
    moved = change(other.eval(), x)
    zero(last(scaled, nn.BatchNorm2d))
    safe = max(change(scaled.eval(), x), change(scaled.train(), x))
    nn.init.constant_(last(scaled, nn.BatchNorm2d).get_parameter("bias"), SHIFT)
    shifted = change(scaled, x)
    yield Case("with zero weights in training mode", training == 0)
    yield Case("with zero weights and fresh running statistics", fresh == 0)
    yield Case("with zero weights and another running mean, in inference mode", moved == 0)
    yield Case("with the last scale and shift at zero, whatever the weights", safe == 0)
    yield Measurement("largest change, zero weights, training mode", training, 0.0)
    yield Measurement("largest change, zero weights, fresh running statistics", fresh, 0.0)
    yield Measurement("largest change, zero weights, running mean 0.3", moved, 0.316, 0.001)
    yield Measurement("largest change, scale and shift 0, either mode", safe, 0.0)
    yield Measurement("largest change, scale 0, shift 0.1", shifted, 0.1, ROUNDING)
    yield Seeds((SEED,))


@torch.no_grad()
def plain_block(networks: Networks) -> Facts:
    """Try whether a plain and a residual block without normalisation are the identity."""
    with seeded(SEED):
        plain, residual, x = bare_block(shortcut=False), bare_block(), signed_noise().relu()
    zero(plain, residual)
    lost, kept = float(plain(x).abs().max()), change(residual, x)
    delta_kernels(plain)
    copied = change(plain, x)
    yield Case("for weights of zero", lost == 0 and kept == 0)
    yield Case("for what the blocks can represent", copied != 0)
    yield Case("for what training finds", None)
    yield Measurement("largest output of the plain block, zero weights", lost, 0.0)
    yield Measurement("largest change by the residual block, zero weights", kept, 0.0)
    yield Measurement("largest change by the plain block, delta kernels, x >= 0", copied, 0.0)
    yield Condition(
        "for weights of zero, where the plain block loses the signal; it can "
        "represent the identity too, and what training finds was not tried"
    )
    yield Seeds((SEED,))


def delta_kernels(block: resnet.Block) -> None:
    """Let each convolution of a block copy every channel: 1 at its centre, 0 elsewhere."""
    zero(block)
    for layer in block.residual:
        if isinstance(layer, nn.Conv2d):
            nn.init.dirac_(layer.weight)


@torch.no_grad()
def whole_network(networks: Networks) -> Facts:
    """Zero the last scales of ResNet-20, and look for its stem's output before the pool."""
    with seeded(SEED):
        network = resnet.build(20).double()
        images = torch.randn(BATCH, 3, 32, 32, dtype=torch.float64)
    for module in network.modules():
        if isinstance(module, resnet.Block):
            zero(last(module, nn.BatchNorm2d))
    off, silent = {}, {}
    for mode in ("training", "inference"):
        network.train(mode == "training")
        stem, features = _ends(network, images)
        missing = features.shape[1] - stem.shape[1]
        copied = F.pad(stem[:, :, ::4, ::4], (0, 0, 0, 0, 0, missing))
        off[mode] = float((features - copied).abs().max())
        silent[mode] = int((features.amax(dim=(0, 2, 3)) == 0).sum())
    for mode, difference in off.items():
        yield Case(f"in {mode} mode", difference == 0)
        yield Measurement(f"largest difference, {mode} mode", difference, 0.0)
    for mode, channels in silent.items():
        yield Measurement(f"zero channels of 64, {mode} mode", channels, 48)
    yield Seeds((SEED,))


def _ends(network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a network's stem gives, and what its average pool gets."""
    ends: dict[str, Tensor] = {}
    stem, pool = network.get_submodule("conv1"), network.get_submodule("avgpool")
    hooks = (
        stem.register_forward_hook(lambda _module, _inputs, out: ends.update(stem=out)),
        pool.register_forward_pre_hook(lambda _module, inputs: ends.update(features=inputs[0])),
    )
    network(images)
    for hook in hooks:
        hook.remove()
    return ends["stem"], ends["features"]


EXPERIMENTS = {
    "identity.zero-weights": zero_weights,
    "identity.with-bn": with_bn,
    "identity.plain-block": plain_block,
    "identity.whole-network": whole_network,
}
