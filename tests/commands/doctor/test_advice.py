"""What to change on a machine: a sentence for each trouble, and none where there is none."""

from dataclasses import replace

import pytest

from archbench.commands.doctor.advice import advice
from archbench.timing.machine.disturbances import BusyProcess, CpuLoad, DeviceWatch
from archbench.timing.machine.records import Environment

QUIET = Environment(
    python="3.12.3",
    torch="2.13.0+cu128",
    system="Linux x86_64",
    processor="Xeon",
    cores=16,
    threads=8,
    device="cuda:0",
    device_name="H100",
    physical_cores=8,
    governor="performance",
    turbo=False,
    torch_debug=False,
    blas="MKL 2024.2",
    flush_denormal=False,
    persistence=True,
)
COOL = DeviceWatch(9, 1980, 1980.0, 2619, 2619.0, 41, 120.5, ("gpu_idle",), (), ())
ADVICE = {
    "more threads than cores": (
        {"environment": replace(QUIET, threads=16)},
        ["16 threads on 8 physical cores", "--threads 8"],
    ),
    "more threads than the quota": (
        {"environment": replace(QUIET, quota_cores=2.5)},
        ["8 threads and the container grants 2.5 cores", "--threads 2"],
    ),
    "quota of half a core": (
        {"environment": replace(QUIET, quota_cores=0.5)},
        ["grants 0.5 cores", "--threads 1"],
    ),
    "quota smaller than the visible cores": (
        {"environment": replace(QUIET, quota_cores=8.0)},
        ["sees 16 cores and grants 8 cores", "--cpuset-cpus"],
    ),
    "governor": (
        {"environment": replace(QUIET, governor="powersave")},
        ["'powersave'", "cpupower frequency-set -g performance"],
    ),
    "another system": (
        {"environment": replace(QUIET, system="Darwin arm64", device="cpu")},
        ["as alike on Darwin as on Linux", "Gate times on Linux"],
    ),
    "turbo": ({"environment": replace(QUIET, turbo=True)}, ["turbo is on", "no_turbo"]),
    "neighbours": (
        {
            "environment": QUIET,
            "load": CpuLoad(1.25, 0.0),
            "busiest": [BusyProcess(7, "clang", 0.9), BusyProcess(8, "firefox", 0.31)],
        },
        ["1.25 cores busy (clang 0.90, firefox 0.31)", "End them"],
    ),
    "hidden neighbours": (
        {"environment": QUIET, "load": CpuLoad(1.25, None)},
        ["none of which is visible", "measure later"],
    ),
    "steal": (
        {"environment": QUIET, "load": CpuLoad(0.0, 0.25)},
        ["takes 0.25 cores away", "archbench compare"],
    ),
    "memory": (
        {"environment": QUIET, "available_bytes": 300 * 2**20},
        ["300 MiB of memory is left", "End other programs"],
    ),
    "debug build": (
        {"environment": replace(QUIET, torch_debug=True)},
        ["torch 2.13.0+cu128 is a debug build", "Install a release"],
    ),
    "eigen": (
        {"environment": replace(QUIET, blas="Eigen")},
        ["multiplies matrices by Eigen", "Install a release"],
    ),
    "no blas": (
        {"environment": replace(QUIET, blas=None)},
        ["names no BLAS library", "Install a release"],
    ),
    "denormals": (
        {"environment": replace(QUIET, flush_denormal=True)},
        ["1.2e-38", "torch.set_flush_denormal()"],
    ),
    "no watch": (
        {"environment": QUIET, "no_watch": "nvidia-ml-py is not installed"},
        ["cuda:0 are not watched: nvidia-ml-py is not installed", "archbench[gpu]"],
    ),
    "persistence": (
        {"environment": replace(QUIET, persistence=False)},
        ["persistence mode of cuda:0 is off", "nvidia-smi -pm 1"],
    ),
    "heat": (
        {
            "environment": QUIET,
            "watch": replace(COOL, reasons=("hw_thermal_slowdown",), temperature_max_c=91),
        },
        ["(hw_thermal_slowdown) at 91 °C", "cool"],
    ),
    "others on the device": (
        {"environment": QUIET, "watch": replace(COOL, pids_before=(11, 12))},
        ["compute on cuda:0 (pid 11, 12)", "End them"],
    ),
}


@pytest.mark.parametrize("case", ADVICE, ids=str)
def test_each_trouble_has_one_sentence_with_its_value_and_what_to_do(case: str) -> None:
    """And no other trouble is made up beside it."""
    arguments, parts = ADVICE[case]
    (sentence,) = advice(**arguments)
    for part in parts:
        assert part in sentence
    assert sentence.endswith(".")


def test_where_nothing_is_wrong_nothing_is_said() -> None:
    """Nor where nothing is known; nor about CUDA on a machine that measures on the CPU."""
    calm = CpuLoad(0.05, 0.0)
    assert advice(QUIET, calm, [BusyProcess(1, "sshd", 0.03)], 2**34, COOL) == ()
    silent = replace(QUIET, persistence=None, governor=None, turbo=None, torch_debug=None)
    assert advice(silent) == ()
    bare = Environment("3", "2", "s", "p", None, 64, "cpu", "p", blas="MKL 2024.2")
    assert advice(bare, CpuLoad(None, None), no_watch="nvidia-ml-py is not installed") == ()
