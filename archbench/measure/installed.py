"""How much memory there is, as far as this process may use it."""

import psutil

from archbench.measure.cgroups import memory_limit_bytes


def memory_bytes() -> int:
    """Return the machine's memory, or what a cgroup grants of it."""
    return _granted(psutil.virtual_memory().total)


def available_bytes() -> int:
    """Return what can be had now without anything being written to disk."""
    return _granted(psutil.virtual_memory().available)


def _granted(size_bytes: int) -> int:
    limit = memory_limit_bytes()
    return size_bytes if limit is None else min(size_bytes, limit)
