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
