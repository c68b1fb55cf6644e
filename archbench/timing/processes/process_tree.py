"""A process and all that it started: who they are, and what they took of the processor."""

import os
import sys
from collections import defaultdict
from contextlib import suppress
from typing import Any

import psutil


def runs(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and was not waited for yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def born_s(pid: int) -> float:
    """Return when a process was started, as the system counts it; 0 where it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def below(pid: int, since_s: float) -> list[psutil.Process]:
    """List what descends from a process, parents before their children.

    Windows still names a parent that has ended, so that its children are found as well; elsewhere
    they are handed to another parent.

    Args:
        pid: of the process, which may have ended.
        since_s: when it was started. What is older was started by another process of that number.
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
    """Sum the processor time of a process and of its descendants, ended descendants included.

    A process that was waited for leaves its time to the one that waited. On Windows it leaves it
    to nobody: there the time of a child is kept by remember(), when it is ended.
    """
    total = _ended_s if root == os.getpid() else 0.0
    for process in _tree(root):
        try:
            times: Any = os.times() if process.pid == os.getpid() else process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


_ended_s = 0.0  # processor time of children of this process that were ended, on Windows


def remember(pid: int) -> None:
    """Keep the processor time of a child that is about to be ended, where the system does not."""
    global _ended_s
    if sys.platform == "win32":
        _ended_s += tree_s(pid)


def pids(root: int) -> set[int]:
    """Return the numbers of a process and of all below it."""
    return {process.pid for process in _tree(root)}


def _tree(root: int) -> list[psutil.Process]:
    try:
        top = psutil.Process(root)
        return [top, *top.children(recursive=True)]
    except psutil.Error:
        return []
