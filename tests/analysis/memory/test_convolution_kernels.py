"""The kernels that oneDNN is expected to choose, beside those that it says it has chosen."""

import os
import subprocess
import sys

import pytest
import torch

from archbench.analysis.memory.convolution import Convolution, convolution_of
from archbench.analysis.memory.convolution_kernels import VERSIONS, Kernel, Pass, kernels
from archbench.analysis.memory.instruction_set import (
    InstructionSet,
    choose,
    onednn_version,
    processor_flags,
)

# input channels, output channels, size, kernel, stride, padding, dilation, groups, dtype
SHAPES = {
    "first layer": (3, 24, 20, 3, 1, 1, 1, 1, "float32"),
    "few channels": (12, 32, 20, 3, 1, 1, 1, 1, "float32"),
    "usual": (32, 64, 20, 3, 1, 1, 1, 1, "float32"),
    "strided": (32, 64, 20, 3, 2, 1, 1, 1, "float32"),
    "pointwise, strided": (48, 64, 20, 1, 2, 0, 1, 1, "float32"),
    "remainder": (48, 64, 21, 1, 2, 0, 1, 1, "float32"),
    "depthwise": (48, 48, 20, 3, 1, 1, 1, 48, "float32"),
    "depthwise, 5x5": (48, 48, 20, 5, 1, 2, 1, 48, "float32"),
    "groups of 16": (48, 48, 20, 3, 1, 1, 1, 3, "float32"),
    "groups of 4": (32, 32, 20, 3, 1, 1, 1, 8, "float32"),
    "groups of 10": (20, 40, 20, 3, 1, 1, 1, 2, "float32"),
    "dilated": (32, 32, 20, 3, 1, 2, 2, 1, "float32"),
    "padded 1x1": (32, 64, 20, 1, 1, 1, 1, 1, "float32"),
    "bfloat16": (32, 64, 20, 3, 1, 1, 1, 1, "bfloat16"),
    "bfloat16, few": (3, 24, 20, 3, 1, 1, 1, 1, "bfloat16"),
    "bfloat16, strided": (32, 64, 20, 3, 2, 1, 1, 1, "bfloat16"),
}
PASSES: dict[str, Pass] = {
    "forward_training": "forward",
    "backward_data": "to_input",
    "backward_weights": "to_weights",
}

CHILD = """
import sys, torch
for line in sys.stdin:
    c, o, size, k, s, p, d, g, dtype = line.split()
    c, o, size, k, s, p, d, g = map(int, (c, o, size, k, s, p, d, g))
    dtype = getattr(torch, dtype)
    x = torch.ones(4, c, size, size, dtype=dtype, requires_grad=True)
    w = torch.ones(o, c // g, k, k, dtype=dtype, requires_grad=True)
    print("next", flush=True)
    torch.conv2d(x, w, None, s, p, d, g).sum().backward()
"""


def convolution(c: int, o: int, size: int, k: int, s: int, p: int, d: int, g: int, dtype: str):  # type: ignore[no-untyped-def]
    x = torch.empty(4, c, size, size, dtype=getattr(torch, dtype), device="meta")
    w = torch.empty(o, c // g, k, k, dtype=x.dtype, device="meta")
    out = torch.conv2d(x, w, None, s, p, d, g)
    return convolution_of((x, w), tuple(out.shape), ([s, s], [p, p], [d, d], False, [0, 0], g))


def chosen(line: str) -> tuple[Pass, Kernel]:
    """Read a line of oneDNN: "...,convolution,jit:avx2,forward_training,src:f32:a:blocked:...".

    Formats name the dimensions from the outermost on: abcd is plain, acdb channels last, aBcd8b in
    blocks of 8 channels.
    """
    fields = line.split(",")
    at = fields.index("convolution")
    computed = PASSES[fields[at + 2]]
    formats = {part.split(":")[0]: part.split(":")[4] for part in fields[at + 3].split()}
    source, to = formats["src"], formats["dst"]
    if computed == "to_input":
        source, to = to, source
    blocks = {name: int(text[4:-1]) for name, text in formats.items() if text[:4] == "aBcd"}
    block = max(blocks.get("src", 0), blocks.get("dst", 0))
    if block:
        return computed, Kernel("blocks", block, plain_source="src" not in blocks)
    if formats["src"] == "acdb":
        return computed, Kernel("rows")
    return computed, Kernel("columns" if "gemm" in fields[at + 1] else "plain")


@pytest.mark.parametrize("name", ["AVX2", "AVX512_CORE", "AVX512_CORE_BF16", "AVX512_CORE_FP16"])
def test_onednn_chooses_an_expected_kernel(name: InstructionSet) -> None:
    """Every pass of every shape is looked at. For usual shapes exactly one kernel is expected."""
    if choose(processor_flags(), {"ONEDNN_MAX_CPU_ISA": name}) != name:
        pytest.skip(f"this processor lacks {name}")
    if onednn_version() not in VERSIONS:
        pytest.skip(f"the kernels of oneDNN {onednn_version()} are not known")
    done = subprocess.run(
        [sys.executable, "-c", CHILD],
        input="".join(" ".join(map(str, shape)) + "\n" for shape in SHAPES.values()),
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": name, "ONEDNN_VERBOSE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    seen = 0
    for (what, shape), text in zip(SHAPES.items(), done.stdout.split("next\n")[1:], strict=True):
        c: Convolution = convolution(*shape)
        for line in text.splitlines():
            if ",exec," in line and ",convolution," in line:
                computed, kernel = chosen(line)
                expected = kernels(c, computed, name)
                assert kernel in expected, (what, line)
                assert len(expected) == 1 or what not in ("usual", "strided", "bfloat16")
                seen += 1
    assert seen >= 36  # 12 shapes of single precision in three passes, 13 on several threads


def test_no_kernel_is_expected_where_nobody_looked() -> None:
    """Other instruction sets, an unknown one, and half precision where it has no instructions."""
    usual, half = (convolution(*SHAPES[name]) for name in ("usual", "bfloat16"))
    sets: tuple[InstructionSet | None, ...] = ("SSE41", "AVX", "AVX2_VNNI_2", None)
    for unknown in sets:
        assert kernels(usual, "forward", unknown) == ()
        assert kernels(half, "forward", unknown) == ()
    assert kernels(half, "forward", "AVX2") == ()
    assert kernels(half, "forward", "AVX512_CORE_AMX") == ()
    assert kernels(usual, "forward", "AVX512_CORE_AMX") == (Kernel("blocks", 16),)
