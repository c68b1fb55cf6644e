"""A process and its descendants: their ids, and their processor time."""

import os
import sys
from collections import defaultdict
from contextlib import suppress
from typing import Any

import psutil


def runs(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def born_s(pid: int) -> float:
    """Return the start time of a process, as the system counts it; 0 where it has ended."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def below(pid: int, since_s: float) -> list[psutil.Process]:
    """List the descendants of a process, parents before their children.

    Windows still names a parent that has ended, so that its children are found as well; elsewhere
    they get another parent.

    Args:
        pid: of the process, which may have ended.
        since_s: start of the process. Older children belong to an earlier process of the same id.
    """
    started_by: dict[int, list[psutil.Process]] = defaultdict(list)
    for process in psutil.process_iter(["ppid"]):
        started_by[process.info["ppid"]].append(process)
    found: list[psutil.Process] = []
    left = [(pid, since_s)]
    while left:
        parent, parent_s = left.pop(0)
        for process in started_by.pop(parent, []):
            with suppress(psutil.Error):  # it has ended meanwhile
                own_s = process.create_time()
                if own_s >= parent_s:
                    found.append(process)
                    left.append((process.pid, own_s))
    return found


def tree_s(root: int) -> float:
    """Return the processor time of a process and its descendants, ended descendants included.

    The system adds the time of an ended process to the parent that waited for it. Windows does not:
    there remember() keeps the time of a child that is about to be killed.
    """
    total = _ended_s if root == os.getpid() else 0.0
    for process in _tree(root):
        try:
            times: Any = os.times() if process.pid == os.getpid() else process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


_ended_s = 0.0  # processor time of killed children of this process, on Windows


def remember(pid: int) -> None:
    """Keep the processor time of a child that is about to be killed, where the system does not."""
    global _ended_s
    if sys.platform == "win32":
        _ended_s += tree_s(pid)


def pids(root: int) -> set[int]:
    """Return the ids of a process and its descendants."""
    return {process.pid for process in _tree(root)}


def _tree(root: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(root)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
