"""A limit on a worker's memory: what is too large for the machine ends as an error, not as a crawl.

Without it the system would write memory to disk, which takes minutes, and then kill some process,
perhaps another one.
"""

from typing import Any

import psutil
import torch

from archbench.timing.machine.installed import available_bytes

HEADROOM = 1.25  # of what was asked for: the allocator reserves more than it hands out, and what it
# hands out is judged
KEPT_FREE = 0.05  # of what is available, for everything else that runs


def limit_memory(device: torch.device, limit_bytes: int | None, cuda: Any = torch.cuda) -> None:
    """Let this process take no more memory than there is, or than it is granted.

    What torch's allocator cannot get then is out of memory by its own account. On the CPU the limit
    is what is available now, on Linux; on CUDA it is the one that was asked for.

    Args:
        device: that it computes on.
        limit_bytes: granted on an accelerator; None for all of it.
        cuda: torch.cuda, or what stands for it.
    """
    if device.type == "cpu":  # a CUDA context reserves more than it ever takes
        _limit_data()
    elif device.type == "cuda" and limit_bytes is not None:
        index = cuda.current_device() if device.index is None else device.index
        total = cuda.get_device_properties(index).total_memory
        cuda.set_per_process_memory_fraction(min(1.0, HEADROOM * limit_bytes / total), index)


def can_limit() -> bool:
    """Tell whether this system can bound the memory of a process: of those with wheels, Linux."""
    return hasattr(psutil, "RLIMIT_DATA")


def _limit_data() -> None:
    if not can_limit():
        return
    process: Any = psutil.Process()  # whose stubs know the platform that they are read on
    system: Any = psutil
    _, hard = process.rlimit(system.RLIMIT_DATA)
    limit = int(process.memory_info().data + available_bytes() * (1 - KEPT_FREE))
    if hard != system.RLIM_INFINITY:
        limit = min(limit, hard)
    process.rlimit(system.RLIMIT_DATA, (limit, hard))
