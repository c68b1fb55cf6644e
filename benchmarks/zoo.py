"""Networks of torchvision, where it can be imported; its compiled operations are not needed."""

from typing import Any

import torch
from torch import nn


def import_torchvision() -> Any:
    """Import torchvision's Python definitions; None where they do not fit this torch.

    Some peers import torchvision too, and fail where its compiled part is missing: this goes first.
    """
    register = torch.library.register_fake

    def skipping(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(operation, str) and operation.startswith("torchvision::"):
            return lambda function: function
        return register(operation, *args, **kwargs)

    torch.library.register_fake = skipping
    try:
        import torchvision
    except (ImportError, RuntimeError):
        return None
    finally:
        torch.library.register_fake = register
    return torchvision


def torchvision_model(name: str, device: str = "meta") -> nn.Module | None:
    """Build a torchvision network without weights; None where torchvision does not fit."""
    torchvision = import_torchvision()
    if torchvision is None:
        return None
    with torch.device(device):
        model: nn.Module = torchvision.models.get_model(name, weights=None)
    return model.eval()


def densenet201() -> nn.Module | None:
    """Build the network that has the most layers of those that peers are tried on."""
    return torchvision_model("densenet201")
