"""The kernels that oneDNN may choose for a convolution, by the processor's instruction set.

oneDNN tries its kernels in a fixed order and takes the first that accepts the shapes (its lists:
src/cpu/cpu_convolution*_list.cpp). Where several kernels are possible, the rules below return all
of them; where nobody has looked, none.

Found with ONEDNN_VERBOSE=1 under each value of ONEDNN_MAX_CPU_ISA, which prints the kernel and the
layouts of its operands. tests/analysis/memory/test_convolution_kernels.py asks oneDNN again.
"""

from dataclasses import dataclass
from typing import Literal

import torch

from archbench.analysis.memory.convolution import Convolution
from archbench.analysis.memory.instruction_set import InstructionSet

Pass = Literal["forward", "to_input", "to_weights"]


@dataclass(frozen=True, slots=True)
class Kernel:
    """The layout that a kernel computes in."""

    #: "blocks": channels in groups of `block`, rounded up to whole groups. "rows": channels last,
    #: copied from torch's plain format and back. "columns": the plain format, with the input
    #: unfolded. "given": torch's channels-last format. "plain": the plain format, without any copy.
    layout: Literal["blocks", "rows", "columns", "given", "plain"]
    block: int = 0  #: channels in a block
    #: whether the input is read from the plain format, as by kernels for few channels
    plain_source: bool = False


ROWS, COLUMNS, GIVEN, PLAIN = Kernel("rows"), Kernel("columns"), Kernel("given"), Kernel("plain")

VERSIONS = ("3.12.0",)  # of oneDNN, whose kernels these are
AVX2_SETS: tuple[InstructionSet, ...] = ("AVX2", "AVX2_VNNI")
WITHOUT_BF16: tuple[InstructionSet, ...] = ("AVX512_CORE", "AVX512_CORE_VNNI")
WITH_BF16: tuple[InstructionSet, ...] = ("AVX512_CORE_BF16", "AVX512_CORE_FP16")
# Tiles compute numbers of one and two bytes only: single precision runs as without them.
WITH_TILES: tuple[InstructionSet, ...] = ("AVX512_CORE_AMX", "AVX512_CORE_AMX_FP16")


def kernels(c: Convolution, computed: Pass, isa: InstructionSet | None) -> tuple[Kernel, ...]:
    """Return the kernels that may compute one pass of a convolution; none where no rule exists."""
    avx512 = (*WITHOUT_BF16, *WITH_BF16)
    match c.dtype:
        case torch.float32 if isa in (*AVX2_SETS, *avx512, *WITH_TILES):
            return _given(c) if c.channels_last else _single(c, computed, _register(isa))
        case torch.bfloat16 if isa in WITH_BF16 and c.channels_last:
            return _given(c) if c.groups == 1 or computed != "to_weights" else ()
        case torch.bfloat16 if isa in avx512 and not c.channels_last:
            return _bfloat16(c, computed, isa in WITH_BF16)
        case torch.float16 if isa == "AVX512_CORE_FP16":
            return _float16(c, computed)
    return ()


def _register(isa: InstructionSet) -> int:
    """Return how many single-precision numbers a vector register holds."""
    return 8 if isa in AVX2_SETS else 16


def _single(c: Convolution, computed: Pass, register: int) -> tuple[Kernel, ...]:
    """Single precision, plain format. `register` is how many numbers a vector register holds."""
    few = c.groups == 1 and c.weight[1] < register
    if c.irregular:
        plain = (Kernel("blocks", register, plain_source=True),) if few else ()
        strided = (ROWS,) if computed == "to_input" and c.strided else ()
        block = _common_block(c, register, 4) or 8
        return (*_blocks(register, block, 8), *plain, *strided, COLUMNS)
    if c.groups > 1 and not c.depthwise:
        return _single_groups(c, computed, register)
    match computed:
        case "forward":
            return (Kernel("blocks", register, plain_source=few and not c.one_by_one),)
        case "to_input":
            return (ROWS,) if c.strided and not c.depthwise else _blocks(register)
        case "to_weights" if c.depthwise:
            return _depthwise_to_weights(c, register)
        case "to_weights":
            return _dense_to_weights(c, register)


def _depthwise_to_weights(c: Convolution, register: int) -> tuple[Kernel, ...]:
    if all(size == 3 for size in c.weight[2:]):
        return _blocks(register)
    return (*_blocks(register), COLUMNS)


def _dense_to_weights(c: Convolution, register: int) -> tuple[Kernel, ...]:
    channels = c.weight[1]
    if register == 8:
        return (Kernel("blocks", 8, plain_source=channels == 3 and not c.pointwise),)
    if channels >= register:
        return _blocks(register)
    if c.pointwise:
        return (*_blocks(8, register), Kernel("blocks", register, plain_source=True))
    if channels in (1, 3):
        return (Kernel("blocks", register, plain_source=True),)
    return _blocks(8)  # the kernel for AVX2


def _single_groups(c: Convolution, computed: Pass, register: int) -> tuple[Kernel, ...]:
    """Groups of channels, each computed by itself: a block holds channels of one group."""
    smallest = 4 if register == 16 and computed != "to_weights" else 8
    block = _common_block(c, register, smallest)
    if computed == "to_input" and c.strided:
        return (*_blocks(block or 8), ROWS, COLUMNS)
    if block:
        return _blocks(block)
    if computed == "forward" and c.weight[1] <= 3 and c.per_group[1] % 8 == 0:
        return (Kernel("blocks", 8, plain_source=True), COLUMNS)
    return (COLUMNS,)


def _given(c: Convolution) -> tuple[Kernel, ...]:
    """Channels-last format."""
    if c.irregular or c.groups > 1:
        return (GIVEN, COLUMNS)
    return (GIVEN,)


def _bfloat16(c: Convolution, computed: Pass, instructions: bool) -> tuple[Kernel, ...]:
    """Plain format on AVX-512, with or without instructions for bfloat16."""
    few = c.groups == 1 and c.weight[1] < 16
    plain = (Kernel("blocks", 16, plain_source=True),) if few else ()
    if c.irregular or c.groups > 1:
        block = _common_block(c, 16, 4)
        strided = (ROWS,) if computed == "to_input" and c.strided else ()
        return (*_blocks(block or 16), *plain, *strided, COLUMNS)
    match computed:
        case "forward":
            return (Kernel("blocks", 16, plain_source=few and not c.one_by_one),)
        case "to_input" if c.strided:
            return (ROWS,) if instructions else (*_blocks(16), COLUMNS)
        case "to_input":
            return _blocks(16)
        case "to_weights":
            return (*_blocks(16), *plain, COLUMNS) if few else _blocks(16)


def _float16(c: Convolution, computed: Pass) -> tuple[Kernel, ...]:
    """On AVX-512 with instructions for half precision."""
    if computed == "to_weights":
        return (PLAIN,)
    if c.channels_last:
        return (GIVEN,)
    return (ROWS, *_blocks(16)) if c.irregular else (ROWS,)


def _common_block(c: Convolution, largest: int, smallest: int) -> int:
    """Return the largest block that divides the channels of a group; 0 if there is none."""
    if c.depthwise:
        return largest
    for block in (16, 8, 4):
        if smallest <= block <= largest and not any(n % block for n in c.per_group):
            return block
    return 0


def _blocks(*sizes: int) -> tuple[Kernel, ...]:
    return tuple(Kernel("blocks", size) for size in dict.fromkeys(sizes))
