"""oneDNN's instruction set, read from the processor's flags and the environment."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from archbench.analysis.memory import instruction_set as module
from archbench.analysis.memory.instruction_set import choose, instruction_set, onednn_version

HASWELL = "sse4_1 sse4_2 avx avx2 fma3"
ALDER_LAKE = f"{HASWELL} avx_vnni"
SIERRA_FOREST = f"{ALDER_LAKE} avx_vnni_int8 avx_ne_convert"
SKYLAKE = f"{HASWELL} avx512_f avx512_bw avx512_vl avx512_dq avx512_cd"
CASCADE_LAKE = f"{SKYLAKE} avx512_vnni"
GENOA = f"{CASCADE_LAKE} avx512_bf16"  # AMD's Zen 4: bfloat16, no half precision
GENOA_AS_LINUX_WRITES = (
    "fpu sse4_1 avx avx2 avx512f avx512dq avx512bw avx512vl avx512_bf16 avx512_vnni avx512cd"
)
SAPPHIRE_RAPIDS_WITHOUT_TILES = f"{GENOA} avx_vnni avx512_fp16"
SAPPHIRE_RAPIDS = f"{SAPPHIRE_RAPIDS_WITHOUT_TILES} amx_tile amx_int8 amx_bf16"
GRANITE_RAPIDS = f"{SAPPHIRE_RAPIDS} amx_fp16"


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("sse4_1", "SSE41"),
        ("sse4_1 avx", "AVX"),
        (HASWELL, "AVX2"),
        (ALDER_LAKE, "AVX2_VNNI"),
        (SIERRA_FOREST, "AVX2_VNNI_2"),
        (SKYLAKE, "AVX512_CORE"),
        (CASCADE_LAKE, "AVX512_CORE_VNNI"),
        (GENOA, "AVX512_CORE_BF16"),
        (GENOA_AS_LINUX_WRITES, "AVX512_CORE_BF16"),
        (SAPPHIRE_RAPIDS_WITHOUT_TILES, "AVX512_CORE_FP16"),
        (SAPPHIRE_RAPIDS, "AVX512_CORE_AMX"),
        (GRANITE_RAPIDS, "AVX512_CORE_AMX_FP16"),
        (f"{SKYLAKE} avx512_bf16", "AVX512_CORE"),  # the sets in between are needed too
        (f"{GENOA} avx512_fp16", "AVX512_CORE_BF16"),  # half precision needs avx_vnni
        (f"{GRANITE_RAPIDS} avx10_2", None),  # a later set, which nobody has looked at
        ("sse sse2", None),
        ("", None),
    ],
)
def test_the_highest_set_of_a_processor(flags: str, expected: str | None) -> None:
    """The expected sets follow mayiuse() in oneDNN's cpu_isa_traits.hpp."""
    assert choose(flags.split(), {}) == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "AVX2"),
        ({"ONEDNN_MAX_CPU_ISA": "avx512_core_bf16"}, "AVX512_CORE_BF16"),
        ({"DNNL_MAX_CPU_ISA": "Sse41"}, "SSE41"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2", "DNNL_MAX_CPU_ISA": "SSE41"}, "AVX2"),
        ({"ONEDNN_MAX_CPU_ISA": "", "DNNL_MAX_CPU_ISA": "SSE41"}, "SSE41"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX10_1_512"}, "AVX512_CORE_FP16"),
        ({"ONEDNN_MAX_CPU_ISA": "ALL"}, "AVX512_CORE_AMX"),
        ({"ONEDNN_MAX_CPU_ISA": "nonsense"}, "AVX512_CORE_AMX"),
        ({"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI_2"}, "AVX2_VNNI"),  # what the processor has of it
        ({"ATEN_CPU_CAPABILITY": "default"}, "AVX512_CORE_AMX"),  # of torch's own kernels
        ({"ONEDNN_CPU_ISA_HINTS": "PREFER_YMM"}, None),
        ({"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}, None),
    ],
)
def test_the_environment_lowers_it(variables: dict[str, str], expected: str | None) -> None:
    """Letter case does not matter. ONEDNN_ goes before DNNL_. An unknown name lowers nothing."""
    assert choose(SAPPHIRE_RAPIDS.split(), variables) == expected


def ask_again(monkeypatch: pytest.MonkeyPatch, machine: str) -> str | None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    for name in list(os.environ):
        if name.startswith(("ONEDNN_", "DNNL_")):
            monkeypatch.delenv(name)
    module._of_this_process.cache_clear()
    try:
        return instruction_set()
    finally:
        module._of_this_process.cache_clear()


def test_torch_is_asked_first_and_linux_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Old releases of torch do not tell; without either, and on other processors, none is known."""
    told = dict.fromkeys(GENOA.split(), True) | {"avx512_fp16": False, "cpu_name": "AMD EPYC"}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: told, raising=False)
    assert ask_again(monkeypatch, "AMD64") == "AVX512_CORE_BF16"
    assert ask_again(monkeypatch, "aarch64") is None
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    file = tmp_path / "cpuinfo"
    monkeypatch.setattr(module, "CPUINFO", file)
    assert ask_again(monkeypatch, "x86_64") is None
    file.write_text(f"processor : 0\nflags\t\t: {GENOA_AS_LINUX_WRITES}\nbugs : none\n")
    assert ask_again(monkeypatch, "x86_64") == "AVX512_CORE_BF16"


def test_a_later_change_of_the_environment_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Analysis in this process stands for workers, which get the environment as it is then."""
    if instruction_set() is None:
        pytest.skip("oneDNN's instruction set is not known on this machine")
    monkeypatch.delenv("ONEDNN_CPU_ISA_HINTS", raising=False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert instruction_set() == "SSE41"


def test_onednn_is_named_by_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under its old name and its new one; none where torch was built without it."""
    show = "PyTorch built with:\n  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa71)\n"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.__config__, "show", lambda: show)
    assert onednn_version() == "3.12.0"
    monkeypatch.setattr(torch.__config__, "show", lambda: show.replace("MKL-DNN", "oneDNN"))
    assert onednn_version() == "3.12.0"
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert onednn_version() is None


ISA = {  # the names that ONEDNN_VERBOSE=1 prints
    "SSE41": "Intel SSE4.1",
    "AVX2": "Intel AVX2",
    "AVX512_CORE": "Intel AVX-512 with AVX512BW, AVX512VL, and AVX512DQ extensions",
}


@pytest.mark.parametrize("name", ISA)
def test_onednn_says_the_same(name: str) -> None:
    """A fresh process each, as oneDNN reads the variable once."""
    if choose(module.processor_flags(), {"ONEDNN_MAX_CPU_ISA": name}) != name:
        pytest.skip(f"this processor lacks {name}")
    code = (
        "import torch; torch.conv2d(torch.ones(2, 16, 8, 8), torch.ones(16, 16, 3, 3))\n"
        "from archbench.analysis.memory.instruction_set import instruction_set\n"
        "print(instruction_set())"
    )
    variables = {"ONEDNN_MAX_CPU_ISA": name, "ONEDNN_VERBOSE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"cpu,isa:{ISA[name]}\n" in done.stdout
    assert done.stdout.endswith(f"\n{name}\n")
