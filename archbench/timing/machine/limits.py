"""A limit on a worker's memory: a model that is too large for the machine ends as an error.

Without a limit the system would write memory to disk, which takes minutes, and then kill some
process, perhaps another one.
"""

from typing import Any

import psutil
import torch

from archbench.timing.machine.system_memory import available_bytes

# of the granted memory: the allocator reserves more than it hands out, and only what it hands out
# is compared with a limit
HEADROOM = 1.25
KEPT_FREE = 0.05  # of the available memory, for everything else that runs


def limit_memory(device: torch.device, limit_bytes: int | None, cuda: Any = torch.cuda) -> None:
    """Limit the memory of this process; beyond the limit torch's allocator raises.

    On the CPU of a Linux system the limit is the available memory. On CUDA it is `limit_bytes`, or
    all of the device's memory for None. `cuda` is torch.cuda, or a test's substitute.
    """
    if device.type == "cpu":  # a CUDA context reserves more than it ever takes
        _limit_cpu_memory()
    elif device.type == "cuda" and limit_bytes is not None:
        index = cuda.current_device() if device.index is None else device.index
        total = cuda.get_device_properties(index).total_memory
        cuda.set_per_process_memory_fraction(min(1.0, HEADROOM * limit_bytes / total), index)


def can_limit() -> bool:
    """Tell whether this system can limit the memory of a process: of those with wheels, Linux."""
    return hasattr(psutil, "RLIMIT_DATA")


def _limit_cpu_memory() -> None:
    if not can_limit():
        return
    process: Any = psutil.Process()  # whose stubs know the platform that they are read on
    system: Any = psutil
    _, hard = process.rlimit(system.RLIMIT_DATA)
    limit = int(process.memory_info().data + available_bytes() * (1 - KEPT_FREE))
    if hard != system.RLIM_INFINITY:
        limit = min(limit, hard)
    process.rlimit(system.RLIMIT_DATA, (limit, hard))
