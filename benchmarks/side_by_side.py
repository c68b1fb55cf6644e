"""Time several things in turn, so that a noisy machine slows them all alike."""

import gc
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median


def in_turn(
    calls: Mapping[str, Callable[[], object]], rounds: int, seed: int = 0
) -> dict[str, list[float]]:
    """Run every call once per round, in random order; return the seconds of each."""
    rng = random.Random(seed)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name in rng.sample(list(calls), len(calls)):
            gc.collect()
            start = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - start)
    return times


def ratio(
    times: Mapping[str, list[float]], name: str, yardstick: str
) -> tuple[float, float, float]:
    """Return the median over rounds of time against yardstick, and the range it lies in."""
    ratios = sorted(a / b for a, b in zip(times[name], times[yardstick], strict=True))
    return median(ratios), ratios[0], ratios[-1]


def process(argv: list[str]) -> Callable[[], object]:
    """Make a call that runs a whole Python process to its end."""
    return lambda: subprocess.run(
        [sys.executable, *argv], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def peak_kib(argv: list[str]) -> int:
    """Run a Python process; return the most memory it held, in KiB."""
    code = (
        "import resource, subprocess, sys;"
        "subprocess.run([sys.executable, *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *argv], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


def added_kib(call: Callable[[], object]) -> int:
    """Run a call; return how far it raised this process's memory above what it held, in KiB.

    Linux only: the kernel's high-water mark is reset first, since it holds whatever building a
    network, or even the parent process, took before.
    """
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = _status_kib("VmRSS")
    call()
    return _status_kib("VmHWM") - before


def _status_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")
