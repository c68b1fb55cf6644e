"""Where a measurement was made: texts as machines print them, and what the fingerprint holds."""

import json
import subprocess
from dataclasses import fields, replace
from pathlib import Path

import pytest
import torch

from archbench.timing.machine import environment as gathered
from archbench.timing.machine.cgroups import memory_left_bytes, memory_limit_bytes, quota_cores
from archbench.timing.machine.environment import environment
from archbench.timing.machine.processor import (
    ENOUGH_BYTES,
    cpuinfo_text,
    governor,
    physical_cores,
    processor_name,
    turbo,
    vector_instructions,
)
from archbench.timing.machine.records import COMPARED, Environment
from archbench.timing.machine.repository import commit_and_state, parse_status
from archbench.timing.machine.torch_build import (
    build_facts,
    flushes_denormals,
    setting_facts,
    speed_variables,
)

CPU = torch.device("cpu")

XEON = """\
processor	: 0
vendor_id	: GenuineIntel
cpu family	: 6
model		: 143
model name	: Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz
cpu MHz		: {mhz}
flags		: fpu vme pse sse sse2 smep fma avx avx2 avx512f amx_tile hypervisor {more}
bugs		: spectre_v1 spectre_v2
"""
GRAVITON3 = """\
processor	: 0
BogoMIPS	: 2100.00
Features	: fp asimd evtstrm aes atomics fphp asimdhp sve asimdfhm svebf16 i8mm bf16 rng
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
CPU revision	: 1

processor	: 1
BogoMIPS	: 2100.00
CPU implementer	: 0x41
CPU part	: 0xd40
"""
TWO_KINDS = "CPU implementer : 0x41\nCPU part : 0xd0b\n\nCPU implementer : 0x51\nCPU part : 0x804\n"

MKL_BUILD = """\
PyTorch built with:
  - GCC 13.3
  - C++ Version: 202002
  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605 for Intel(R) 64 \
architecture applications
  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa71049cd69a3df32adcccb623b12cd7baa22)
  - OpenMP 201511 (a.k.a. OpenMP 4.5)
  - LAPACK is enabled (usually provided by MKL)
  - CPU capability usage: AVX512
  - Build settings: BLAS_INFO=mkl, BUILD_TYPE=Release, LAPACK_INFO=mkl, USE_MKL=ON, USE_MKLDNN=ON,
"""
OLD_MKL_BUILD = """\
  - Intel(R) Math Kernel Library Version 2019.0.3 Product Build 20190125 for Intel(R) 64
  - Intel(R) MKL-DNN v0.18.1 (Git Hash 7de7e5d02bf687f971e7668963649728356e0c20)
  - Build settings: BLAS=MKL, BUILD_TYPE=Release, USE_MKL=ON, USE_MKLDNN=ON,
"""
OPENBLAS_BUILD = """\
PyTorch built with:
  - GCC 13.3
  - OpenMP 201511 (a.k.a. OpenMP 4.5)
  - LAPACK is enabled (usually provided by MKL)
  - CPU capability usage: AVX512
  - Build settings: BLAS_INFO=open, BUILD_TYPE=Release, LAPACK_INFO=open, USE_MKL=OFF, USE_MKLDNN=0,
"""
ARM_BUILD = """\
  - Intel(R) MKL-DNN v3.1.1 (Git Hash 64f6bcbcbab628e96f33a62c3e975f8535a7bde4)
  - LAPACK is enabled (usually provided by MKL)
  - CPU capability usage: NO AVX
  - Build settings: BLAS_INFO=open, BUILD_TYPE=Release, USE_MKL=OFF, USE_MKLDNN=ON,
"""
EIGEN_BUILD = "  - Build settings: BLAS=MKL, USE_EIGEN_FOR_BLAS=ON, USE_MKL=OFF, USE_MKLDNN=OFF,\n"
MAC_BUILD = "  - Build settings: BLAS_INFO=accelerate, BUILD_TYPE=Release, USE_MKLDNN=OFF,\n"
OPENMP = "ATen/Parallel:\n\tat::get_num_threads() : 2\nATen parallel backend: OpenMP\n"

HERE = Environment(
    python="3.12.3",
    torch="2.13.0+cu128",
    system="Linux x86_64",
    processor="Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
    cores=16,
    threads=8,
    device="cuda:0",
    device_name="NVIDIA H100 80GB HBM3",
    physical_cores=8,
    quota_cores=8.0,
    vector_instructions=("avx2", "avx512f"),
    memory_bytes=2**37,
    governor="performance",
    turbo=False,
    torch_build="CUDA 12.8",
    torch_git="cf30153c4c",
    torch_debug=False,
    blas="MKL 2024.2",
    variables={"OMP_NUM_THREADS": "8", "OMP_PROC_BIND": "true"},
    device_memory_bytes=80 * 2**30,
    driver="570.124",
    power_limit_w=700.0,
    persistence=True,
    commit="94c27a7",
    dirty=False,
)


@pytest.mark.parametrize(
    ("text", "name", "vector"),
    [
        (
            XEON.format(mhz="2600.0", more=""),
            "Intel(R) Xeon(R) Platinum 8481C CPU @ 2.70GHz",
            ("amx_tile", "avx", "avx2", "avx512f", "fma", "sse", "sse2"),
        ),
        (
            GRAVITON3,
            "Arm Neoverse-V1",
            ("asimd", "asimdfhm", "asimdhp", "bf16", "fphp", "i8mm", "sve", "svebf16"),
        ),
        (TWO_KINDS, "Arm Cortex-A76, Arm 0x51 part 0x804", None),
        ("processor : 0\ncpu : POWER9, altivec supported\n", "POWER9, altivec supported", None),
    ],
    ids=["xeon", "graviton3", "two kinds", "power"],
)
def test_a_processor_by_name_and_instructions(text, name, vector) -> None:
    """As /proc/cpuinfo of x86, Arm and POWER tells them."""
    assert processor_name(text) == name
    assert vector_instructions(text) == vector


def test_without_cpuinfo_python_names_the_processor(tmp_path: Path) -> None:
    """There is always a name, and never an empty one."""
    assert cpuinfo_text(tmp_path) == ""
    assert processor_name("").strip()
    assert vector_instructions("") is None


def test_a_new_kernel_and_another_clock_rate_leave_the_processor_as_it_is() -> None:
    """Flags about bugs and power come and go; those of vectors are the processor's own."""
    before, after = XEON.format(mhz="2600.0", more=""), XEON.format(mhz="799.1", more="ibrs pti")
    assert vector_instructions(before) == vector_instructions(after)
    assert processor_name(before) == processor_name(after)


def test_of_many_cores_the_first_are_read_and_no_line_in_part(tmp_path: Path) -> None:
    """A part number that is cut off would name another processor."""
    write(tmp_path, "proc/cpuinfo", GRAVITON3 * 200)
    text = cpuinfo_text(tmp_path)
    assert ENOUGH_BYTES - 100 < len(text) < ENOUGH_BYTES
    assert text.endswith("\n")
    assert processor_name(text) == "Arm Neoverse-V1"


def write(root: Path, name: str, text: str) -> None:
    """Put a file where a system would have it."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


V1_PATHS = "4:memory:/docker/f00\n2:cpu,cpuacct:/docker/f00\n0::/\n"
CGROUPS = {
    "none": ({}, None, None),
    "v2, unlimited": (
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
        None,
        None,
    ),
    "v2, in a container": (
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "150000 100000\n",
            "sys/fs/cgroup/memory.max": "2147483648\n",
        },
        1.5,
        2**31,
    ),
    "v2, the group above is narrower": (
        {
            "proc/self/cgroup": "0::/user.slice/run.scope\n",
            "sys/fs/cgroup/user.slice/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/user.slice/run.scope/cpu.max": "400000 100000\n",
            "sys/fs/cgroup/user.slice/run.scope/memory.max": "max\n",
            "sys/fs/cgroup/user.slice/memory.max": "1073741824\n",
        },
        2.0,
        2**30,
    ),
    "v1": (
        {
            "proc/self/cgroup": V1_PATHS,
            "sys/fs/cgroup/cpu,cpuacct/docker/f00/cpu.cfs_quota_us": "50000\n",
            "sys/fs/cgroup/cpu,cpuacct/docker/f00/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/docker/f00/memory.limit_in_bytes": "536870912\n",
        },
        0.5,
        2**29,
    ),
    "v1, the host's path is not there": (
        {
            "proc/self/cgroup": V1_PATHS,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
        },
        3.0,
        2**29,
    ),
    "v1, unlimited": (
        {
            "proc/self/cgroup": V1_PATHS,
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
        None,
        None,
    ),
    "nonsense": (
        {"proc/self/cgroup": "what\n0::/\n", "sys/fs/cgroup/cpu.max": "1000 0\n"},
        None,
        None,
    ),
}


@pytest.mark.parametrize("case", CGROUPS, ids=str)
def test_what_a_container_grants(case: str, tmp_path: Path) -> None:
    """Quota in cores and memory in bytes, of both versions; None without a limit."""
    files, cores, memory = CGROUPS[case]
    for name, text in files.items():
        write(tmp_path, name, text)
    assert quota_cores(tmp_path) == cores
    assert memory_limit_bytes(tmp_path) == memory


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ({}, None),
        ({"memory.max": "max\n", "memory.current": "5000\n"}, None),
        ({"memory.max": "9000\n", "memory.current": "5000\n"}, 4000),
        (
            {
                "memory.max": "9000\n",
                "memory.current": "5000\n",
                "memory.stat": "anon 1\ninactive_file 1500\n",
            },
            5500,
        ),
        ({"memory.max": "4000\n", "memory.current": "5000\n"}, 0),
        ({"memory.limit_in_bytes": "9000\n", "memory.usage_in_bytes": "8000\n"}, 1000),
        ({"memory.limit_in_bytes": str(2**63 - 4096), "memory.usage_in_bytes": "8000"}, None),
    ],
)
def test_what_a_cgroup_has_left_is_its_limit_without_what_is_taken(
    tmp_path: Path, files: dict[str, str], left: int | None
) -> None:
    """Files that are merely kept at hand are not taken."""
    write(tmp_path, "proc/self/cgroup", "0::/\n")
    for name, text in files.items():
        write(tmp_path, f"sys/fs/cgroup/{name}", text)
    assert memory_left_bytes(tmp_path) == left


def test_physical_cores_are_those_behind_the_visible_ones(tmp_path: Path) -> None:
    """Four logical cores on two physical ones, of which a process may have three or one."""
    for core, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        name = f"sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list"
        write(tmp_path, name, f"{siblings}\n")
    assert physical_cores((0, 1, 2, 3), tmp_path) == 2
    assert physical_cores((0, 2), tmp_path) == 1


@pytest.mark.parametrize(
    ("files", "governed", "rises"),
    [
        ({}, None, None),
        (
            {"cpufreq/policy0/scaling_governor": "powersave\n", "cpufreq/boost": "1\n"},
            "powersave",
            True,
        ),
        (
            {
                "cpufreq/policy0/scaling_governor": "performance\n",
                "cpufreq/policy1/scaling_governor": "powersave\n",
                "cpufreq/policy2/scaling_governor": "powersave\n",
                "intel_pstate/no_turbo": "1\n",
            },
            "performance/powersave",
            False,
        ),
        ({"intel_pstate/no_turbo": "0\n", "cpufreq/boost": ""}, None, True),
        ({"cpufreq/boost": "0\n"}, None, False),
    ],
    ids=["virtual machine", "amd", "intel, mixed", "intel, turbo", "amd, no boost"],
)
def test_what_governs_the_clock(files, governed, rises, tmp_path: Path) -> None:
    """Where Linux shows it; None elsewhere."""
    for name, text in files.items():
        write(tmp_path, f"sys/devices/system/cpu/{name}", text)
    assert governor(tmp_path) == governed
    assert turbo(tmp_path) is rises


@pytest.mark.parametrize(
    ("config", "blas", "onednn"),
    [
        (MKL_BUILD, "MKL 2024.2", "3.12.0"),
        (OLD_MKL_BUILD, "MKL 2019.0.3", "0.18.1"),
        (OPENBLAS_BUILD, "OpenBLAS", None),
        (ARM_BUILD, "OpenBLAS", "3.1.1"),
        (EIGEN_BUILD, "Eigen", None),
        (MAC_BUILD, "Accelerate", None),
        ("", None, None),
    ],
    ids=["mkl", "old mkl", "openblas", "arm", "eigen", "mac", "nothing"],
)
def test_the_libraries_torch_was_built_with(config, blas, onednn) -> None:
    """As torch.__config__ tells them; "usually provided by MKL" is no MKL."""
    assert build_facts(config, OPENMP) == {"blas": blas, "onednn": onednn, "parallel": "OpenMP"}


def test_variables_that_change_speed_are_kept_and_places_are_not() -> None:
    """Of a preloaded library the name, of caches and homes nothing."""
    variables = {
        "OMP_PROC_BIND": "true",
        "KMP_AFFINITY": "granularity=fine",
        "LD_PRELOAD": "/opt/me/libtcmalloc.so.4:/usr/lib/libiomp5.so",
        "NVIDIA_TF32_OVERRIDE": "0",
        "TORCHINDUCTOR_MAX_AUTOTUNE": "1",
        "TORCHINDUCTOR_CACHE_DIR": "/home/me/cache",
        "TORCH_HOME": "/home/me",
        "CUDA_HOME": "/usr/local/cuda",
        "CUDA_CACHE_PATH": "/home/me",
        "NVIDIA_VISIBLE_DEVICES": "all",
        "OMPI_COMM_WORLD_RANK": "0",
        "PATH": "/bin",
        "SECRET_TOKEN": "x",
    }
    assert speed_variables(variables) == {
        "KMP_AFFINITY": "granularity=fine",
        "LD_PRELOAD": "libtcmalloc.so.4 libiomp5.so",
        "NVIDIA_TF32_OVERRIDE": "0",
        "OMP_PROC_BIND": "true",
        "TORCHINDUCTOR_MAX_AUTOTUNE": "1",
    }


def test_flushing_of_denormals_is_seen() -> None:
    """Torch can set it and not be asked for it."""
    assert not flushes_denormals()
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush denormals")
    try:
        assert flushes_denormals()
    finally:
        torch.set_flush_denormal(False)
    assert not flushes_denormals()


def test_settings_are_read_under_their_old_names_and_their_new_ones() -> None:
    """Once a precision was set by the new name, torch 2.9 and later raise at the old one."""
    assert setting_facts(cuda=False).keys().isdisjoint({"tf32_matmul", "cudnn_benchmark"})
    assert setting_facts(cuda=True)["tf32_matmul"] is False
    if not hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        pytest.skip("this torch has the old names only")
    before = torch.backends.cuda.matmul.fp32_precision
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    try:
        assert setting_facts(cuda=True)["tf32_matmul"] is True
    finally:
        torch.backends.cuda.matmul.fp32_precision = before


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("# branch.oid 94c27a7\n# branch.head main\n", ("94c27a7", False)),
        ("# branch.oid 94c27a7\n# branch.ab +1 -0\n1 .M N... 100644 a.py\n", ("94c27a7", True)),
        ("# branch.oid (initial)\n# branch.head main\n1 A. N... a.py\n", (None, None)),
        ("", (None, None)),
    ],
    ids=["clean", "changed", "no commit yet", "nothing"],
)
def test_the_commit_and_whether_files_changed(text, state) -> None:
    """As git prints them for programs."""
    assert parse_status(text) == state


def test_outside_of_a_repository_and_without_git_there_is_no_commit(tmp_path, monkeypatch) -> None:
    """Unknown, and no error."""
    assert commit_and_state(tmp_path) == (None, None)
    monkeypatch.setenv("PATH", "")
    assert commit_and_state(Path(__file__).parent) == (None, None)


def test_a_repository_that_takes_too_long_is_unknown(monkeypatch) -> None:
    """It is not waited for."""

    def slow(*args, timeout, **kwargs):
        raise subprocess.TimeoutExpired("git", timeout)

    monkeypatch.setattr(subprocess, "run", slow)
    assert commit_and_state() == (None, None)


def test_this_machine_is_described_without_empty_texts_or_zeros() -> None:
    """What is not known is None."""
    here = environment(CPU)
    assert here.device == "cpu"
    assert here.device_name == here.processor
    assert here.threads == torch.get_num_threads()
    assert here.cores >= 1
    for field in fields(here):
        value = getattr(here, field.name)
        assert value != ""
        if not isinstance(value, bool):
            assert value != 0, field.name
    assert environment(CPU).fingerprint == here.fingerprint


def test_another_system_is_described_too(monkeypatch) -> None:
    """Without /proc and /sys, without git, without an own version: unknown, and no error."""
    nothing = {"cpuinfo_text": "", "governor": None, "turbo": None, "quota_cores": None}
    for name, value in nothing.items():
        monkeypatch.setattr(gathered, name, lambda *args, value=value: value)
    monkeypatch.setattr(gathered, "visible_cores", lambda: None)
    monkeypatch.setenv("PATH", "")
    here = environment(CPU)
    assert (here.cores, here.vector_instructions, here.commit) == (None, None, None)
    assert Environment.from_dict(here.to_dict()) == here


def test_an_environment_survives_json() -> None:
    """With its fingerprint, whatever it knows; keys of other versions do not disturb it."""
    bare = Environment("3.11.7", "2.13.0", "Darwin arm64", "Apple M2", None, 4, "cpu", "Apple M2")
    for env in (HERE, bare, environment(CPU)):
        document = json.loads(json.dumps(env.to_dict()))
        assert document["fingerprint"] == env.fingerprint
        again = Environment.from_dict({**document, "weather": "fair"})
        assert again == env
        assert again.fingerprint == env.fingerprint
    assert Environment.from_dict({**eight_keys(), "threads": 2}).quota_cores is None


def eight_keys() -> dict[str, object]:
    """What archbench 0.1.0 wrote of an environment."""
    keys = "python torch system processor cores threads device device_name".split()
    return {key: HERE.to_dict()[key] for key in keys}


OTHER = {
    "system": "Linux aarch64",
    "processor": "AMD EPYC 9B14",
    "vector_instructions": ("avx2",),
    "cores": 8,
    "physical_cores": 16,
    "quota_cores": None,
    "threads": 4,
    "python": "3.13.0",
    "torch": "2.13.1+cu128",
    "torch_build": "CUDA 13.0",
    "torch_git": "0000000000",
    "torch_debug": True,
    "parallel": "native",
    "cpu_capability": "AVX2",
    "blas": "OpenBLAS",
    "onednn": "3.7.1",
    "float32_matmul_precision": "high",
    "tf32_matmul": True,
    "tf32_cudnn": True,
    "cudnn_benchmark": True,
    "deterministic": True,
    "flush_denormal": True,
    "variables": {"OMP_NUM_THREADS": "8", "OMP_PROC_BIND": "false"},
    "device": "cpu",
    "device_name": "NVIDIA H200",
    "device_memory_bytes": 40 * 2**30,
    "power_limit_w": 350.0,
    "driver": "580.1",
    "cuda": "13.0",
    "cudnn": "91002",
    "mig": True,
}
SAME = {
    "python": "3.12.9",
    "device": "cuda:1",
    "governor": "powersave",
    "turbo": True,
    "memory_bytes": 2**36,
    "interop_threads": 4,
    "compute_capability": "9.1",
    "persistence": False,
    "archbench": "9.9",
    "commit": "0000000",
    "dirty": True,
    "variables": {"CUDA_VISIBLE_DEVICES": "3", "OMP_PROC_BIND": "true"},
}


def test_every_field_is_either_compared_or_not() -> None:
    """A new field cannot be forgotten here."""
    assert set(OTHER) == set(COMPARED)
    assert set(OTHER) | set(SAME) == {field.name for field in fields(Environment)}


@pytest.mark.parametrize("field", OTHER, ids=str)
def test_what_changes_speed_changes_the_fingerprint_and_is_named(field: str) -> None:
    """One field at a time, with both values."""
    other = replace(HERE, **{field: OTHER[field]})
    assert other.fingerprint != HERE.fingerprint
    ((name, mine, theirs),) = HERE.differences(other)
    assert name == field
    assert mine != theirs
    assert other.differences(HERE) == [(field, theirs, mine)]


def test_differences_come_in_order_with_ours_first() -> None:
    """That of the list of what is compared; each with what counts of it."""
    other = replace(HERE, device="cpu", threads=4, python="3.13.0", quota_cores=None)
    assert HERE.differences(other) == [
        ("quota_cores", 8.0, None),
        ("threads", 8, 4),
        ("python", "3.12", "3.13"),
        ("device", "cuda", "cpu"),
    ]


@pytest.mark.parametrize("field", SAME, ids=str)
def test_what_jitters_or_only_names_leaves_the_fingerprint(field: str) -> None:
    """Clock, memory, commit, patch release, which of equal cards."""
    other = replace(HERE, **{field: SAME[field]})
    assert other != HERE
    assert other.fingerprint == HERE.fingerprint
    assert HERE.differences(other) == []


def test_a_fingerprint_is_twelve_digits_and_stays_what_it_is() -> None:
    """Stored ones stay comparable: it changes only with the list of what is compared."""
    assert HERE.fingerprint == "ae894e891058"
