"""What a container may use: the limits of the control groups that a process is in.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/; a limit of any group above
binds as well.
"""

from collections.abc import Iterator
from pathlib import Path

from archbench.timing.machine.system_files import ROOT, text_of

UNLIMITED_BYTES = 2**60  # the first version writes a number near 2**63 where there is no limit
MEMORY_FILES = (  # (limit, what is taken) in the second and in the first version
    ("memory.max", "memory.current"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes"),
)


def quota_cores(root: Path = ROOT) -> float | None:
    """Return the cores' worth of processor time that a cgroup grants; None without a limit."""
    quotas = []
    for group in _groups(root, "cpu"):
        quota, _, period = text_of(group / "cpu.max").strip().partition(" ")
        if quota in ("", "max"):  # the first version has a file for each
            quota = text_of(group / "cpu.cfs_quota_us").strip()
            period = text_of(group / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit_bytes(root: Path = ROOT) -> int | None:
    """Return the memory that a cgroup grants; None without a limit."""
    return min((limit for _, limit, _ in _memory_limits(root)), default=None)


def memory_left_bytes(root: Path = ROOT) -> int | None:
    """Return the part of that memory that is not taken yet; None without a limit.

    Linux counts files that were read lately as taken, and gives them up when memory is needed.
    """
    left = []
    for group, limit, taken_name in _memory_limits(root):
        taken = text_of(group / taken_name).strip()
        if taken.isdigit():
            left.append(limit - int(taken) + _cached_files_bytes(group))
    return max(0, min(left)) if left else None


def _memory_limits(root: Path) -> Iterator[tuple[Path, int, str]]:
    """Yield the groups that have a limit: (folder, limit, name of the file of what is taken)."""
    for group in _groups(root, "memory"):
        for limit_name, taken_name in MEMORY_FILES:
            limit = text_of(group / limit_name).strip()
            if limit.isdigit() and int(limit) < UNLIMITED_BYTES:
                yield group, int(limit), taken_name


def _cached_files_bytes(group: Path) -> int:
    for line in text_of(group / "memory.stat").splitlines():
        name, _, number = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and number.isdigit():
            return int(number)
    return 0


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups and of all groups above, in both versions.

    A container may show the path that its host sees, and have no such folder inside. The folders
    that are missing are then the host's, and the container's own is the top.
    """
    mounts = root / "sys" / "fs" / "cgroup"
    for line in text_of(root / "proc" / "self" / "cgroup").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            tops = [mounts, mounts / "unified"]
        elif controller in controllers.split(","):
            tops = [mounts / controllers, mounts / controller]
        else:
            continue
        relative = Path(path.strip().lstrip("/"))
        for top in tops:
            yield from (top / above for above in (relative, *relative.parents))
