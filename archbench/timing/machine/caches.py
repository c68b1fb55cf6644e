"""How large the last cache before the memory is."""

from pathlib import Path

import torch

UNKNOWN_BYTES = 64 * 2**20  # taken where the system does not tell: more than most have


def last_cache_bytes(device: torch.device, root: Path = Path("/sys/devices/system/cpu")) -> int:
    """Return the size of a GPU's L2, or of the CPU's largest cache."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).L2_cache_size)
    sizes = []
    for path in root.glob("cpu0/cache/index*/size"):
        try:
            sizes.append(_bytes(path.read_text(encoding="ascii").strip()))
        except (OSError, ValueError):
            continue
    return max(sizes, default=UNKNOWN_BYTES)


def _bytes(text: str) -> int:
    """Read what Linux writes: "2048K", "32M".

    >>> _bytes("2048K")
    2097152
    """
    factors = {"K": 2**10, "M": 2**20, "G": 2**30}
    return int(text.rstrip("KMG")) * factors.get(text[-1], 1)
