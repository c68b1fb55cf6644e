"""What a container may use: the limits of the control groups that a process is in.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/; a limit of any group above
binds as well.
"""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")
UNLIMITED_BYTES = 2**60  # the first version writes a number near 2**63 where there is no limit


def quota_cores(root: Path = ROOT) -> float | None:
    """Return the cores' worth of processor time that a cgroup grants; None without a limit.

    Args:
        root: folder with proc/ and sys/ in it.
    """
    quotas = []
    for group in _groups(root, "cpu"):
        quota, period = _words(group / "cpu.max", 2) or ("max", "")
        if quota == "max":
            quota = (_words(group / "cpu.cfs_quota_us", 1) or ("-1",))[0]
            period = (_words(group / "cpu.cfs_period_us", 1) or ("",))[0]
        if quota.isdigit() and period.isdigit() and int(period):
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit_bytes(root: Path = ROOT) -> int | None:
    """Return the memory that a cgroup grants; None without a limit."""
    limits = []
    for group in _groups(root, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            (word,) = _words(group / name, 1) or ("max",)
            if word.isdigit() and int(word) < UNLIMITED_BYTES:
                limits.append(int(word))
    return min(limits, default=None)


def memory_left_bytes(root: Path = ROOT) -> int | None:
    """Return what of that is not taken yet; None without a limit.

    Files that were read lately are kept in what is taken, and given up when it is needed.
    """
    left = []
    for group in _groups(root, "memory"):
        for limit_name, taken_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            (limit,) = _words(group / limit_name, 1) or ("max",)
            (taken,) = _words(group / taken_name, 1) or ("",)
            if limit.isdigit() and taken.isdigit() and int(limit) < UNLIMITED_BYTES:
                left.append(int(limit) - int(taken) + _kept_files_bytes(group))
    return max(0, min(left)) if left else None


def _kept_files_bytes(group: Path) -> int:
    for line in _text(group / "memory.stat").splitlines():
        name, _, number = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file") and number.isdigit():
            return int(number)
    return 0


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders of this process's groups and of all above them, both versions.

    A container may show the path that its host sees, with no such folder inside: the folders that
    are missing are those of the host, and the container's own is the top.
    """
    mounts = root / "sys" / "fs" / "cgroup"
    for line in _text(root / "proc" / "self" / "cgroup").splitlines():
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


def _words(path: Path, count: int) -> tuple[str, ...] | None:
    words = tuple(_text(path).split())
    return words if len(words) == count else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
