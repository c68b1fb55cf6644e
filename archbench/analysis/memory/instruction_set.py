"""The instruction set that oneDNN chooses its kernels by.

It is the highest one that the processor has and the variable ONEDNN_MAX_CPU_ISA (or
DNNL_MAX_CPU_ISA) allows. torch's own kernels follow ATEN_CPU_CAPABILITY instead;
torch.backends.cpu.get_cpu_capability() shows only that.

torch has no call that returns oneDNN's choice. The rules here are those of oneDNN's
src/cpu/x64/cpu_isa_traits.cpp, init_max_cpu_isa() and mayiuse().
"""

import os
import platform
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

import torch

InstructionSet = Literal[
    "SSE41",
    "AVX",
    "AVX2",
    "AVX2_VNNI",
    "AVX2_VNNI_2",
    "AVX512_CORE",
    "AVX512_CORE_VNNI",
    "AVX512_CORE_BF16",
    "AVX512_CORE_FP16",
    "AVX512_CORE_AMX",
    "AVX512_CORE_AMX_FP16",
]

CPUINFO = Path("/proc/cpuinfo")
X86 = ("x86_64", "amd64", "x86-64")

# The processor's flags that each set needs, without underscores: torch and Linux place these
# differently ("avx512_bw", "avx512bw").
_AVX2 = frozenset({"sse41", "avx", "avx2"})
_CORE = _AVX2 | {"avx512f", "avx512bw", "avx512vl", "avx512dq"}
_BF16 = _CORE | {"avx512vnni", "avx512bf16"}
_FP16 = _BF16 | {"avxvnni", "avx512fp16"}
_AMX = _FP16 | {"amxtile", "amxint8", "amxbf16"}
NEEDS: dict[str, frozenset[str]] = {
    "SSE41": frozenset({"sse41"}),
    "AVX": frozenset({"sse41", "avx"}),
    "AVX2": _AVX2,
    "AVX2_VNNI": _AVX2 | {"avxvnni"},
    "AVX2_VNNI_2": _AVX2 | {"avxvnni", "avxvnniint8", "avxneconvert"},
    "AVX512_CORE": _CORE,
    "AVX512_CORE_VNNI": _CORE | {"avx512vnni"},
    "AVX512_CORE_BF16": _BF16,
    "AVX512_CORE_FP16": _FP16,
    "AVX512_CORE_AMX": _AMX,
    "AVX512_CORE_AMX_FP16": _AMX | {"amxfp16"},
}
ALIASES: dict[str, InstructionSet] = {
    "AVX10_1_512": "AVX512_CORE_FP16",
    "AVX10_1_512_AMX": "AVX512_CORE_AMX",
    "AVX10_1_512_AMX_FP16": "AVX512_CORE_AMX_FP16",
}

# Each of these changes the choice of kernels in a way that no rule here knows.
OTHER_CHOICES = ("CPU_ISA_HINTS", "DEFAULT_FPMATH_MODE")


def instruction_set() -> InstructionSet | None:
    """Return the set that oneDNN uses in this process; None where it is not known.

    The set is cached, as oneDNN keeps its own from the first kernel on.
    """
    return _of_this_process(tuple(sorted(_variables(os.environ).items())))


def onednn_version() -> str | None:
    """Return the version of oneDNN that torch was built with; None without one.

    >>> onednn_version() is None or onednn_version()[0].isdigit()
    True
    """
    if not torch.backends.mkldnn.is_available():
        return None
    found = re.search(r"(?:MKL-DNN|oneDNN) v([\d.]+)", torch.__config__.show())
    return found.group(1) if found else None


def choose(flags: Iterable[str], variables: Mapping[str, str]) -> InstructionSet | None:
    """Return the highest set that a processor has and that the environment allows.

    Args:
        flags: of the processor, named as by Linux or by torch.
        variables: the environment.

    >>> choose(["sse4_1", "avx", "avx2"], {})
    'AVX2'
    >>> choose(["sse4_1", "avx", "avx2"], {"ONEDNN_MAX_CPU_ISA": "sse41"})
    'SSE41'
    """
    settings = _variables(variables)
    if any(name in settings for name in OTHER_CHOICES):
        return None
    limit = settings.get("MAX_CPU_ISA", "").upper()
    name = ALIASES.get(limit, limit)
    has = {flag.replace("_", "") for flag in flags}
    if name.startswith("AVX10_2") or "avx102" in has:
        return None
    allowed = NEEDS.get(name)  # another name allows all
    usable = has if allowed is None else has & allowed
    found = [each for each in get_args(InstructionSet) if NEEDS[each] <= usable]
    return found[-1] if found else None


def processor_flags() -> tuple[str, ...]:
    """Return the flags of an x86-64 processor; empty where they cannot be read.

    torch asks the processor itself, Linux shows the flags that its kernel knows. torch before 2.10
    does not return all flags.
    """
    ask = getattr(torch.cpu, "get_capabilities", None)
    if ask is not None:
        return tuple(name for name, there in ask().items() if there is True)
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    line = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return tuple(line.partition(":")[2].split())


@lru_cache(maxsize=1)
def is_intel() -> bool:
    """Tell whether the processor is Intel's; False where the system does not tell."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = platform.processor()  # on Windows it ends with the vendor
    return "GenuineIntel" in text


def _variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return oneDNN's variables without their prefix; ONEDNN_ goes before DNNL_, empty is unset."""
    names = ("MAX_CPU_ISA", *OTHER_CHOICES)
    both = {
        name: variables.get(f"ONEDNN_{name}") or variables.get(f"DNNL_{name}") for name in names
    }
    return {name: value for name, value in both.items() if value}


@lru_cache(maxsize=8)
def _of_this_process(variables: tuple[tuple[str, str], ...]) -> InstructionSet | None:
    if platform.machine().lower() not in X86:
        return None
    return choose(processor_flags(), {f"ONEDNN_{name}": value for name, value in variables})
