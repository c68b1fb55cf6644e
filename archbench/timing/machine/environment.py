"""The environment of a measurement, gathered from Python, torch, the system and the driver."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from archbench.timing.machine.cgroups import quota_cores
from archbench.timing.machine.nvml_devices import driver_facts
from archbench.timing.machine.processor import (
    cpuinfo_text,
    governor,
    physical_cores,
    processor_name,
    turbo,
    vector_instructions,
    visible_cores,
)
from archbench.timing.machine.records import Environment
from archbench.timing.machine.repository import commit_and_state
from archbench.timing.machine.system_memory import memory_bytes
from archbench.timing.machine.torch_build import (
    build_facts,
    setting_facts,
    speed_variables,
    version_facts,
)


def environment(device: torch.device) -> Environment:
    """Return all that decides how fast a network runs on a device.

    It takes some hundredths of a second. The process that measures calls it, with its settings; on
    CUDA that makes a context.
    """
    cpuinfo = cpuinfo_text()
    processor = processor_name(cpuinfo)
    visible = visible_cores()
    commit, dirty = commit_and_state()
    facts: dict[str, Any] = {"device_name": processor}
    if device.type == "cuda":
        facts |= _cuda_facts(device)
    elif device.type != "cpu":
        facts["device_name"] = device.type
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        system=f"{platform.system()} {platform.machine()}",
        processor=processor,
        vector_instructions=vector_instructions(cpuinfo),
        cores=None if visible is None else len(visible),
        physical_cores=physical_cores(visible),
        quota_cores=quota_cores(),
        memory_bytes=memory_bytes(),
        governor=governor(),
        turbo=turbo(),
        threads=torch.get_num_threads(),
        interop_threads=torch.get_num_interop_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        device=str(device),
        variables=speed_variables(os.environ),
        archbench=_own_version(),
        commit=commit,
        dirty=dirty,
        **version_facts(),
        **build_facts(torch.__config__.show(), torch.__config__.parallel_info()),
        **setting_facts(cuda=device.type == "cuda"),
        **facts,
    )


def _cuda_facts(device: torch.device) -> dict[str, Any]:
    """Return the facts of a device that torch knows, and those that only NVML knows."""
    properties = torch.cuda.get_device_properties(device)
    cudnn = torch.backends.cudnn.version()
    return {
        "device_name": properties.name,
        "device_memory_bytes": properties.total_memory,
        "compute_capability": f"{properties.major}.{properties.minor}",
        "cuda": torch.version.cuda,
        "cudnn": None if cudnn is None else str(cudnn),
        **driver_facts(str(getattr(properties, "uuid", "")) or None),
    }


def _own_version() -> str | None:
    try:
        return version("archbench")
    except PackageNotFoundError:  # run from a folder in which it was not installed
        return None
