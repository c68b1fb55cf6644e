"""The memory that half-precision matrix products on the CPU take besides their operands.

Single precision goes to BLAS, which allocates nothing through torch. Two-byte types go to oneDNN
where the processor has AVX-512 (ATen/native/mkldnn/Matmul.cpp, use_mkldnn_bf16_matmul()), which
copies parts of both operands for each thread and sums up in single precision (init_scratchpad() in
src/cpu/x64/matmul/brgemm_matmul_utils.cpp). How large the parts are is not known, only a bound.
"""

from typing import Any, get_args

import torch
from torch import Tensor

from archbench.analysis.memory.byte_range import NOTHING, ByteRange, at_least
from archbench.analysis.memory.convolution import up
from archbench.analysis.memory.convolution_kernels import VERSIONS, WITH_BF16, WITHOUT_BF16
from archbench.analysis.memory.instruction_set import (
    InstructionSet,
    instruction_set,
    onednn_version,
)

FLOAT = 4  # bytes of a sum
SHARE = 3 * 2**17  # bytes that one thread copies at most
SMALL = 2**15  # bytes that one thread takes in any case

# torch multiplies two-byte types itself on these.
LOWER: tuple[InstructionSet, ...] = get_args(InstructionSet)[:4]


def product(args: tuple[Any, ...], out: Tensor) -> ByteRange:
    """(matrix, matrix), or (sum, matrix, matrix): a product of two-byte numbers."""
    a, b = (t for t in args if isinstance(t, Tensor) and t.dim() == out.dim())
    if out.dtype.itemsize != 2:
        return NOTHING
    isa, version = instruction_set(), onednn_version()
    if isa in LOWER:
        return NOTHING
    if isa not in (*WITHOUT_BF16, *WITH_BF16) or version not in VERSIONS:
        return at_least(0, f"half-precision product by oneDNN {version} on {isa or 'this CPU'}")
    m, k = a.shape[-2:]
    n = b.shape[-1]
    copied = out.dtype.itemsize * up(k, 32) * (up(n, 32) + m)
    threads = torch.get_num_threads() * (min(copied, SHARE) + SMALL)
    return ByteRange(0, (FLOAT + out.dtype.itemsize) * out.numel() + threads)
