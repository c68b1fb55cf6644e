"""Where a measurement was made."""

import os
import platform
from pathlib import Path

import torch

from archbench.records.environments import Environment


def environment(device: torch.device) -> Environment:
    """Describe this machine, as far as it decides how fast a network runs."""
    processor = _processor()
    name = processor
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
    elif device.type != "cpu":
        name = device.type
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        system=f"{platform.system()} {platform.machine()}",
        processor=processor,
        cores=_cores(),
        threads=torch.get_num_threads(),
        device=str(device),
        device_name=name,
    )


def _processor() -> str:
    """Name the processor; platform.processor() is empty on Linux."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _cores() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()
