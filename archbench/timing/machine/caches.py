"""How large the last cache before the memory is."""

from contextlib import suppress
from pathlib import Path

import torch

from archbench.timing.machine.system_files import text_of

CPU = Path("/sys/devices/system/cpu")
UNKNOWN_BYTES = 64 * 2**20  # where the system does not tell: more than most have


def last_cache_bytes(device: torch.device) -> int:
    """Return the size of a GPU's L2, or of the CPU's largest cache."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).L2_cache_size)
    sizes = []
    for path in CPU.glob("cpu0/cache/index*/size"):
        with suppress(ValueError):  # an empty file, or one that cannot be read
            sizes.append(_bytes(text_of(path).strip()))
    return max(sizes, default=UNKNOWN_BYTES)


def _bytes(text: str) -> int:
    """Return the number of bytes in a size as Linux writes it: "2048K", "32M".

    >>> _bytes("2048K")
    2097152
    """
    factors = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(text.rstrip("KMG")) * factors.get(text[-1], 1)
