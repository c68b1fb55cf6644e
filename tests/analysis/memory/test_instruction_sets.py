"""Estimates of memory under every instruction set that this processor can stand for.

A process each, because oneDNN reads ONEDNN_MAX_CPU_ISA once.
"""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from archbench.analysis.memory.convolution_kernels import (
    AVX2_SETS,
    VERSIONS,
    WITH_BF16,
    WITHOUT_BF16,
)
from archbench.analysis.memory.instruction_set import (
    NEEDS,
    InstructionSet,
    choose,
    onednn_version,
    processor_flags,
)
from tests.kernel_networks import KERNELS
from tests.repository import ROOT

KNOWN = (*AVX2_SETS, *WITHOUT_BF16, *WITH_BF16)
MEASURED: tuple[InstructionSet, ...] = ("SSE41", "AVX2", "AVX512_CORE")
RARE: tuple[InstructionSet, ...] = ("AVX512_CORE_BF16", "AVX512_CORE_FP16")  # or a machine's own

# Whose upper bound is further than a tenth above the lower one: operands as small as these weigh
# no more than the buffers in which two threads add up gradients.
ADDED_UP = {("unfolded", "train"), ("pointwise", "train")}
WITHOUT_ONEDNN = {("half", "infer"), ("half", "train"), ("double", "infer"), ("double", "train")}


def results(variables: dict[str, str]) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernel_networks"],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    "name", [*MEASURED, *(pytest.param(name, marks=pytest.mark.slow) for name in RARE)]
)
def test_estimates_hold_under_an_instruction_set(name: InstructionSet) -> None:
    """Each is right to within a tenth, or a lower bound that says so; and which one is known."""
    if choose(processor_flags(), {"ONEDNN_MAX_CPU_ISA": name}) != name:
        missing = NEEDS[name] - {flag.replace("_", "") for flag in processor_flags()}
        pytest.skip(f"this processor lacks {', '.join(sorted(missing))}")
    if onednn_version() not in VERSIONS:
        pytest.skip(f"the kernels of oneDNN {onednn_version()} are not known")
    found = results({"ONEDNN_MAX_CPU_ISA": name, "OMP_NUM_THREADS": "2"})
    assert [(each["network"], each["mode"]) for each in found] == KERNELS
    assert [each for each in found if not each["holds"]] == []
    complete = {(each["network"], each["mode"]) for each in found if each["complete"]}
    expected = set(KERNELS) - ADDED_UP if name in KNOWN else WITHOUT_ONEDNN
    if name in (*WITHOUT_BF16, *WITH_BF16):
        expected -= {("half", "train")}
    assert complete == expected


def test_torchs_own_set_changes_no_estimate() -> None:
    """ATEN_CPU_CAPABILITY is of torch's kernels, which allocate the same under each."""
    found = results({"ATEN_CPU_CAPABILITY": "default", "OMP_NUM_THREADS": "2"})
    assert [each for each in found if not each["holds"]] == []
