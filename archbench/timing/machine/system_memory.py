"""Memory of the machine, as far as this process may use it."""

import psutil

from archbench.timing.machine.cgroups import memory_left_bytes, memory_limit_bytes


def memory_bytes() -> int:
    """Return the bytes of memory that the machine has, or a cgroup's limit if that is smaller."""
    total, limit = int(psutil.virtual_memory().total), memory_limit_bytes()
    return total if limit is None else min(total, limit)


def available_bytes() -> int:
    """Return the memory that is free now, without anything being written to disk."""
    free, left = int(psutil.virtual_memory().available), memory_left_bytes()
    return free if left is None else min(free, left)
