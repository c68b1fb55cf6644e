"""The processor: its name, cores, instructions and how its clock is governed."""

import importlib
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

from archbench.timing.machine.system_files import ROOT, first_line

# A dozen cores of /proc/cpuinfo are enough. Linux asks each core for its clock as the file is read:
# with hundreds of cores that takes longer than all the rest.
ENOUGH_BYTES = 2**15

ARM_CORES = {  # the cores of servers, and of a Raspberry Pi 4 and 5; Linux tells only the numbers
    ("0x41", "0xd08"): "Arm Cortex-A72",
    ("0x41", "0xd0b"): "Arm Cortex-A76",
    ("0x41", "0xd0c"): "Arm Neoverse-N1",
    ("0x41", "0xd40"): "Arm Neoverse-V1",
    ("0x41", "0xd49"): "Arm Neoverse-N2",
    ("0x41", "0xd4f"): "Arm Neoverse-V2",
}  # source: util-linux, sys-utils/lscpu-arm.c

# Beginnings of the flags that libraries choose their kernels by. A new kernel of Linux adds flags
# about bugs and power: they must not make the same machine another one.
VECTOR_X86 = ("sse", "ssse", "avx", "amx", "fma", "f16c")
VECTOR_ARM = ("asimd", "sve", "sme", "i8mm", "bf16", "fphp")


def processor_name(cpuinfo: str) -> str:
    """Return the processor's name; "unknown" where neither /proc/cpuinfo nor Python knows it."""
    for key in ("model name", "cpu model", "cpu"):  # x86, MIPS, POWER
        name = _values(cpuinfo, key)
        if name:
            return name[0]
    cores = dict.fromkeys(
        zip(_values(cpuinfo, "CPU implementer"), _values(cpuinfo, "CPU part"), strict=False)
    )
    if cores:  # a phone has several kinds
        return ", ".join(ARM_CORES.get(core, f"Arm {core[0]} part {core[1]}") for core in cores)
    return (
        _sysctl_name()
        or _registry_name()
        or platform.processor()
        or platform.machine()
        or "unknown"
    )


def vector_instructions(cpuinfo: str) -> tuple[str, ...] | None:
    """Return the instruction sets by which libraries choose matrix kernels, sorted.

    >>> vector_instructions("flags : fpu avx2 sse4_1 pti")
    ('avx2', 'sse4_1')
    """
    for key, beginnings in (("flags", VECTOR_X86), ("Features", VECTOR_ARM)):
        flags = _values(cpuinfo, key)
        if flags:
            return tuple(sorted(f for f in set(flags[0].split()) if f.startswith(beginnings)))
    return None


def visible_cores() -> tuple[int, ...] | None:
    """Return the numbers of the logical cores this process may run on."""
    cores = movable_cores()
    count = os.cpu_count()
    if cores is None and count is not None:
        return tuple(range(count))
    return cores


def movable_cores() -> tuple[int, ...] | None:
    """Return the cores that compute_on() can choose from; None on macOS, which has no such call."""
    process: Any = psutil.Process()
    if not hasattr(process, "cpu_affinity"):
        return None
    return tuple(sorted(process.cpu_affinity()))


def compute_on(core: int) -> None:
    """Keep this process to one core from now on."""
    process: Any = psutil.Process()
    process.cpu_affinity([core])


def physical_cores(visible: Iterable[int] | None, root: Path = ROOT) -> int | None:
    """Count the physical cores of some logical ones; all of the machine where Linux shows none."""
    siblings = set()
    for core in visible or ():
        topology = root / "sys" / "devices" / "system" / "cpu" / f"cpu{core}" / "topology"
        text = first_line(topology / "core_cpus_list", topology / "thread_siblings_list")
        if text is None:
            return psutil.cpu_count(logical=False)
        siblings.add(text)
    return len(siblings) or psutil.cpu_count(logical=False)


def governor(root: Path = ROOT) -> str | None:
    """Return the governor of the clock rates; virtual machines do not show it."""
    folder = root / "sys" / "devices" / "system" / "cpu" / "cpufreq"
    lines = {first_line(path) for path in folder.glob("policy*/scaling_governor")}
    return "/".join(sorted(line for line in lines if line)) or None


def turbo(root: Path = ROOT) -> bool | None:
    """Tell whether the clock may rise above its nominal rate."""
    folder = root / "sys" / "devices" / "system" / "cpu"
    off = first_line(folder / "intel_pstate" / "no_turbo")
    if off in ("0", "1"):
        return off == "0"
    on = first_line(folder / "cpufreq" / "boost")
    return on == "1" if on in ("0", "1") else None


def cpuinfo_text(root: Path = ROOT) -> str:
    """Return the beginning of /proc/cpuinfo; empty where there is none."""
    try:
        with (root / "proc" / "cpuinfo").open("rb") as file:
            text = file.read(ENOUGH_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return text if len(text) < ENOUGH_BYTES else text[: text.rfind("\n") + 1]


def _values(cpuinfo: str, key: str) -> list[str]:
    """Return the values of one key, in order, one for each core that has it."""
    pairs = (line.partition(":") for line in cpuinfo.splitlines())
    return [value.strip() for name, _, value in pairs if name.strip() == key and value.strip()]


def _sysctl_name() -> str | None:
    """Return the name that macOS knows; platform.processor() has the instruction set only."""
    if platform.system() != "Darwin":
        return None
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=1, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None


def _registry_name() -> str | None:
    """Return the name that Windows knows; platform.processor() has numbers only."""
    if platform.system() != "Windows":
        return None
    registry: Any = importlib.import_module("winreg")
    place = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"
    try:
        with registry.OpenKey(registry.HKEY_LOCAL_MACHINE, place) as key:
            return str(registry.QueryValueEx(key, "ProcessorNameString")[0]).strip() or None
    except OSError:
        return None
