"""The bytes that a convolution kernel of oneDNN holds, by the layout that it computes in.

The most bytes that are held at once in one pass count, the result included. The lower bound has the
copies of operands. The upper bound adds the buffers of threads: their sizes depend on how oneDNN
divides the work among threads and caches.

Sources: ideep's convolution_forward, convolution_backward_data and convolution_backward_weights
for the copies; init_scratchpad() of oneDNN's kernels in src/cpu/x64, and
src/cpu/gemm_convolution_utils.cpp, for the buffers.
"""

from math import prod

import torch

from archbench.analysis.memory.byte_range import ByteRange, exactly, highest
from archbench.analysis.memory.convolution import Convolution, up
from archbench.analysis.memory.convolution_kernels import Kernel, Pass
from archbench.units import Shape

PAGE = 4096  # buffers begin at whole pages of bytes, and some hold whole pages of numbers
SMALL = 1024  # bytes for each thread: alignment, a padded bias and the like
MEETING = 3 * PAGE  # bytes for each thread: where threads wait for one another
FLOAT = 4  # bytes of a sum in single precision
WIDEST = 64  # channels in a block of weights, at most
FITTING_COLUMNS = 2**18  # bytes: any processor's cache takes them, so they are unfolded at once


def kernel_bytes(c: Convolution, kernel: Kernel, computed: Pass) -> ByteRange:
    """Return the most bytes that a kernel holds at once in a pass."""
    if computed == "to_weights":
        return _to_weights(c, kernel)
    forward = computed == "forward"
    source, to = (c.x, c.out) if forward else (c.out, c.x)
    result = c.plain(to)
    match kernel.layout:
        case "columns":
            return _columns(c, forward, result)
        case "given":
            return _rows(c, forward).plus(result)
        case "rows":
            copies = 2 if to[1] == 1 or prod(to[2:]) == 1 else 3  # both formats may be the same
            moments = _rows(c, forward).plus(c.plain(source) + result), exactly(copies * result)
            return highest(*moments)
        case _:
            return _in_blocks(c, kernel, source, to)


def _in_blocks(c: Convolution, kernel: Kernel, source: Shape, to: Shape) -> ByteRange:
    """Return the bytes of a kernel that copies source, weights and result into blocks."""
    read = 0 if kernel.plain_source else c.blocked(source, kernel.block)
    copy = c.blocked(to, kernel.block)
    buffer, threads = _one_by_one_buffer(c, kernel.block, to), _threads()
    busy = min(threads, c.x[0])
    computing = exactly(read + _block_weights(c, kernel) + copy).plus(
        busy * buffer, threads * buffer
    )
    return highest(computing.plus(0, threads * SMALL + PAGE), exactly(copy + c.plain(to)))


def _to_weights(c: Convolution, kernel: Kernel) -> ByteRange:
    """Return the bytes of gradients to weights and bias, in oneDNN's layout and in torch's."""
    own, bias, threads = c.plain(c.weight), FLOAT * c.out[1], _threads()
    small = 2 * bias + threads * (SMALL + bias) + (threads > 1) * threads * MEETING
    match kernel.layout:
        case "plain":
            return exactly((3 if c.channels_last else 2) * own).plus(0, 2 * bias)
        case "columns":
            sums = threads * 4 * FLOAT * prod(c.weight)
            most = 2 * own + threads * _largest_columns(c) + sums + small
            return exactly(own + max(own, c.columns)).plus(0, most)
        case "given":
            inputs, outputs = c.per_group
            blocks = (up(outputs, 16), up(inputs, 16), *c.weight[2:])
            weights = c.groups * c.plain(blocks)
            return exactly(3 * own).plus(0, weights + _sum_buffers(c, weights, 16) + small)
        case _:
            weights = _block_weights(c, kernel)
            read = 0 if kernel.plain_source else c.blocked(c.x, kernel.block)
            operands = read + c.blocked(c.out, kernel.block)
            return exactly(weights + max(operands, own)).plus(
                0, _sum_buffers(c, weights, kernel.block) + small
            )


def _sum_buffers(c: Convolution, weights: int, block: int) -> int:
    """Return at most the bytes of buffers in which threads add up gradients to the weights.

    For bfloat16 the sums are in single precision, and each thread copies its sample transposed.
    """
    threads = _threads()
    gathered = threads * _one_by_one_buffer(c, WIDEST, c.x)
    if c.dtype.itemsize == FLOAT:
        added = threads > 1 and not _computes_own_gradients(c, block)
        return gathered + added * (threads + c.pointwise) * weights
    sample = c.blocked((1, *c.x[1:]), WIDEST) + c.blocked((1, *c.out[1:]), WIDEST)
    return gathered + threads * (2 * weights + 2 * sample)


def _computes_own_gradients(c: Convolution, block: int) -> bool:
    """Tell whether each thread computes gradients of its own, so that none are added up.

    oneDNN compares the bytes that threads read with eight times the bytes that they add up:
    balance() in src/cpu/x64/jit_avx512_common_conv_kernel.cpp. The rule here keeps a distance from
    where the choice changes, and asks for enough blocks to divide evenly among threads.
    """
    inputs, outputs = c.per_group
    blocks = c.groups * (up(inputs, block) // block) * (up(outputs, block) // block)
    read = max(prod(c.x), prod(c.out))
    return blocks >= 8 * _threads() and 4 * prod(c.weight) >= read


def _one_by_one_buffer(c: Convolution, block: int, to: Shape) -> int:
    """Return the bytes of each thread's buffer in a kernel for 1×1 windows.

    A strided kernel gathers the positions that it reads of one sample. For bfloat16 the sums are in
    single precision.
    """
    if not c.one_by_one or c.groups > 1:
        return 0
    gathered = c.blocked((1, c.x[1], *c.out[2:]), block) if c.strided else 0
    summed = FLOAT * prod((up(to[1], block), *to[2:])) if c.dtype is torch.bfloat16 else 0
    return gathered + summed


def _rows(c: Convolution, forward: bool) -> ByteRange:
    """Return the bytes of weights and buffers of a kernel that computes in rows."""
    threads = _threads()
    copied = 0 if c.irregular else c.plain(c.weight)  # the reference kernel copies none
    weights = ByteRange(copied, _row_weights(c, forward))
    small = 3 * PAGE * (threads + 1) + SMALL * threads
    if forward or not c.strided:
        return weights.plus(0, small)
    # each thread pads the gradient of a sample, in whole pages of numbers
    reach = [(size - 1) // step for size, step in zip(c.weight[2:], c.stride, strict=True)]
    padded = prod(size + r for size, r in zip(c.out[2:], reach, strict=True))
    wider = prod(size + r + 1 for size, r in zip(c.out[2:], reach, strict=True))
    row = up(c.x[-1] * c.stride[-1] * c.x[1], PAGE)
    sums = FLOAT * WIDEST * c.x[-1]
    low = c.dtype.itemsize * up(c.out[1] * padded, PAGE) + 2 * PAGE
    high = c.dtype.itemsize * (up(c.out[1] * wider, PAGE) + row) + sums + 2 * PAGE
    if c.groups > 1 or c.irregular:
        low = 0
    return weights.plus(threads * low, threads * high + small)


def _row_weights(c: Convolution, forward: bool) -> int:
    """Return at most the bytes of weights in blocks of the computed channels."""
    pair = FLOAT // c.dtype.itemsize
    read, computed = c.per_group if forward else reversed(c.per_group)
    whole = max(up(computed, WIDEST), up(computed, 48))
    if c.groups > 1:
        return c.groups * c.plain((max(up(read, 16), pair), whole, *c.weight[2:]))
    return c.plain((read if pair == 1 else up(read, 16), whole, *c.weight[2:]))


def _columns(c: Convolution, forward: bool, result: int) -> ByteRange:
    """Return the bytes of a kernel that unfolds its input, the result included."""
    threads = _threads()
    copies = result * (1 if c.channels_last else 2)
    if forward and c.dtype is torch.float32 and _unfolds_at_once(c):
        return exactly(result + max(result, threads * c.columns)).plus(0, SMALL * threads)
    most = threads * _largest_columns(c) + c.plain(c.weight)
    return exactly(copies).plus(0, most)


def _unfolds_at_once(c: Convolution) -> bool:
    """Tell whether each thread unfolds a whole sample of a group at once.

    It does if the sample fits into a cache and there are enough samples for all threads.
    """
    enough = c.x[0] * c.groups >= _threads()
    return enough and c.columns <= FITTING_COLUMNS and not c.channels_last


def _largest_columns(c: Convolution) -> int:
    """Return at most the bytes of one thread: an unfolded sample, sums and a transposed copy."""
    inputs, outputs = c.per_group
    columns = inputs * prod(c.weight[2:]) * prod(c.out[2:])
    planes = 2 * inputs * prod(c.x[2:]) + outputs * prod(c.out[2:])
    return FLOAT * (columns + planes) + SMALL


def _block_weights(c: Convolution, kernel: Kernel) -> int:
    """Return the bytes of weights in blocks of output channels, and of input channels unless few.

    Two-byte channels stay in pairs, because one instruction multiplies two of them.
    """
    block, window = kernel.block, c.weight[2:]
    if c.depthwise:
        return c.plain((up(c.groups, block), 1, *window))
    inputs, outputs = c.per_group
    few = up(inputs, FLOAT // c.dtype.itemsize)
    whole = few if kernel.plain_source else up(inputs, block)
    return c.groups * c.plain((up(outputs, block), whole, *window))


def _threads() -> int:
    return torch.get_num_threads()
