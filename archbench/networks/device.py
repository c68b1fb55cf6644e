"""Devices as users name them."""

import torch

from archbench.errors import DeviceUnavailable


def check_device(name: str) -> torch.device:
    """Return the device of that name; "auto" is the accelerator if there is one, else the CPU.

    Raises:
        DeviceUnavailable: the name is not a device, or this machine has none like it.
    """
    accelerator = torch.accelerator.current_accelerator() if _has_accelerator() else None
    if name == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceUnavailable(f"'{name}' is not a device", _HINT) from None
    if device.type == "cpu":
        return device
    count = torch.accelerator.device_count() if accelerator else 0
    if accelerator is None or device.type != accelerator.type:
        raise DeviceUnavailable(f"this machine has no '{device.type}' device", "try -d cpu")
    if (device.index or 0) >= count:
        raise DeviceUnavailable(f"there is no '{name}': this machine has {count}", _HINT)
    return device


_HINT = "one of auto, cpu, cuda, cuda:1 or mps"


def _has_accelerator() -> bool:
    return hasattr(torch, "accelerator") and torch.accelerator.is_available()
