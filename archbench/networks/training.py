"""The training step that is both estimated and measured: its loss, its optimizers, its order.

Written once, so that an estimate and a measurement of memory or time are of the same step.
"""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from archbench.errors import ArchbenchError, nearest
from archbench.networks.tensors import tensors_in
from archbench.networks.ways import OPTIMIZERS

# So small that the steps of a network without settled statistics stay finite; neither memory nor
# time depends on it.
LEARNING_RATE = 1e-5
MOMENTUM = 0.9  # as all the papers of the shelf that name one
DEFAULT_OPTIMIZER = "momentum"


def loss_of(out: Any) -> Tensor:
    """Make one number of a network's output: the sum of the means of its floating-point tensors.

    They may lie in tuples, lists, dicts or objects. A loss that needs targets would keep a few
    more numbers per class; this one exists for every network.

    Raises:
        ArchbenchError: no output is floating-point, or none depends on a trainable parameter.
    """
    means = [tensor.mean() for tensor in tensors_in(out) if tensor.is_floating_point()]
    loss = sum(means[1:], means[0]) if means else None
    if loss is None or not loss.requires_grad:
        what = "no output is floating-point" if loss is None else "no output has a gradient"
        raise ArchbenchError(
            f"this network cannot be trained: {what}", "without training there is still inference"
        )
    return loss


def optimizer_for(name: str, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Make one of OPTIMIZERS, in torch's own implementation for where the parameters are.

    Args:
        name: "sgd" holds no state; "momentum" one tensor for each parameter; "adam" two.
        parameters: frozen ones may be among them; they get neither gradient nor state.

    Raises:
        ArchbenchError: there is no optimizer of that name.
    """
    if name == "sgd":
        return torch.optim.SGD(parameters, lr=LEARNING_RATE)
    if name == "momentum":
        return torch.optim.SGD(parameters, lr=LEARNING_RATE, momentum=MOMENTUM)
    if name == "adam":
        return torch.optim.Adam(parameters, lr=LEARNING_RATE)
    hint = f"{nearest(name, OPTIMIZERS)}one of {', '.join(OPTIMIZERS)}"
    raise ArchbenchError(f"there is no optimizer '{name}'", hint)


def forward_backward(forward: Callable[[], Any]) -> Tensor:
    """Run a network and back; the output itself is let go of before the way back."""
    loss = loss_of(forward())
    loss.backward()
    return loss


def training_step(forward: Callable[[], Any], optimizer: torch.optim.Optimizer) -> None:
    """Take one step: forward, loss, backward, optimizer. Between steps no gradient is kept."""
    forward_backward(forward)
    optimizer.step()
    optimizer.zero_grad()
