"""Every shape rule agrees with torch's own meta kernel, strides included, or leaves it to torch."""

from typing import Any

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from archbench.analysis.shapes import BLANKS

aten = torch.ops.aten
small = st.integers(1, 7)
dtypes = st.sampled_from([torch.float32, torch.float16, torch.float64])


def blank(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def agrees(operation: Any, *args: Any) -> bool:
    """Hold the rule's answer to torch's; tell whether it answered at all."""
    answer = BLANKS[operation](*args)
    if answer is None:
        return False
    expected = operation(*args)
    pairs = (
        zip(answer, expected, strict=True) if isinstance(answer, tuple) else [(answer, expected)]
    )
    for ours, theirs in pairs:
        assert ours.shape == theirs.shape
        assert ours.stride() == theirs.stride()
        assert (ours.dtype, ours.device) == (theirs.dtype, theirs.device)
    return True


def is_refused(operation: Any, *args: Any) -> bool:
    """Tell whether torch's kernel raises; then the rule must not have answered."""
    try:
        operation(*args)
    except (RuntimeError, ValueError, IndexError):
        return True
    return False


@settings(max_examples=300)
@given(
    axes=st.integers(1, 3), batch=small, groups=st.integers(1, 3), c_in=small, c_out=small,
    data=st.data(), bias=st.booleans(), dtype=dtypes,
)  # fmt: skip
def test_convolution(
    axes: int, batch: int, groups: int, c_in: int, c_out: int, data: Any, bias: bool, dtype: Any
) -> None:
    """Any dimension, stride, padding, dilation and grouping; sizes that do not fit are torch's.

    By hand: a kernel reaches over (k - 1)·d + 1 positions, of which there are n + 2·p. Kernels of
    older releases take what does not fit; in their networks conv2d() has refused it before.
    """
    size = data.draw(st.lists(st.integers(1, 12), min_size=axes, max_size=axes))
    kernel = data.draw(st.lists(st.integers(1, 4), min_size=axes, max_size=axes))
    one = data.draw(st.sampled_from([1, axes]))  # torch repeats a single number
    stride, padding, dilation = (
        data.draw(st.lists(st.integers(low, 3), min_size=one, max_size=one)) for low in (1, 0, 1)
    )
    x = blank(batch, c_in * groups, *size, dtype=dtype)
    weight = blank(c_out * groups, c_in, *kernel, dtype=dtype)
    b = blank(c_out * groups, dtype=dtype) if bias else None
    args = (x, weight, b, stride, padding, dilation, False, [0] * axes, groups)
    operation = aten.convolution.default
    reaches = [(k - 1) * d + 1 for k, d in zip(kernel, dilation * axes, strict=False)]
    if any(r > n + 2 * p for r, n, p in zip(reaches, size, padding * axes, strict=False)):
        assert BLANKS[operation](*args) is None
    else:
        assert agrees(operation, *args)


def test_convolution_leaves_what_does_not_fit_to_torch() -> None:
    """Wrong channels, other layouts and mixed dtypes are not answered."""
    rule = BLANKS[aten.convolution.default]
    tail = ([1, 1], [0, 0], [1, 1], False, [0, 0], 1)
    x, w = blank(1, 3, 8, 8), blank(4, 3, 3, 3)
    assert rule(x, w, None, *tail) is not None
    assert rule(blank(1, 5, 8, 8), w, None, *tail) is None
    assert rule(x.to(memory_format=torch.channels_last), w, None, *tail) is None
    assert rule(x, w.half(), None, *tail) is None
    assert rule(torch.empty(1, 3, 8, 8), torch.empty(4, 3, 3, 3), None, *tail) is None


@settings(max_examples=200)
@given(
    axes=st.integers(2, 3), size=st.lists(st.integers(1, 12), min_size=3, max_size=3),
    kernel=st.integers(1, 4), stride=st.integers(1, 4), padding=st.integers(0, 2),
    ceil=st.booleans(), given_stride=st.booleans(), batch=small, channels=small,
)  # fmt: skip
def test_pooling(
    axes: int, size: list[int], kernel: int, stride: int, padding: int, ceil: bool,
    given_stride: bool, batch: int, channels: int,
) -> None:  # fmt: skip
    """Maximum and average, rounding down or up, with or without a stride of its own."""
    x = blank(batch, channels, *size[:axes])
    strides = [stride] * axes if given_stride else []
    cases = [
        (aten.avg_pool2d.default if axes == 2 else aten.avg_pool3d.default,
         (x, [kernel] * axes, strides, [padding] * axes, ceil)),
    ]  # fmt: skip
    if axes == 2:
        args = (x, [kernel] * 2, strides, [padding] * 2, [1, 1], ceil)
        cases.append((aten.max_pool2d_with_indices.default, args))
    for operation, args in cases:
        if is_refused(operation, *args):
            assert BLANKS[operation](*args) is None
        else:
            assert agrees(operation, *args) or min(size[:axes]) < kernel


@given(st.lists(small, min_size=2, max_size=5), st.booleans(), dtypes)
def test_batch_norm_in_evaluation(shape: list[int], affine: bool, dtype: Any) -> None:
    """The input's shape; in training torch is asked."""
    channels = blank(shape[1], dtype=dtype)
    scale = (channels, channels) if affine else (None, None)
    args = (blank(*shape, dtype=dtype), *scale, channels, channels)
    assert agrees(aten.native_batch_norm.default, *args, False, 0.1, 1e-5)
    assert BLANKS[aten.native_batch_norm.default](*args, True, 0.1, 1e-5) is None


@given(st.lists(small, min_size=1, max_size=4), st.data())
def test_layer_norm(shape: list[int], data: Any) -> None:
    """Over any number of last axes."""
    axes = data.draw(st.integers(1, len(shape)))
    scale = blank(*shape[-axes:])
    assert agrees(aten.native_layer_norm.default, blank(*shape), shape[-axes:], scale, scale, 1e-5)


@given(st.lists(small, min_size=1, max_size=4), st.data())
def test_joining_two_tensors(shape: list[int], data: Any) -> None:
    """Equal shapes, a broadcast operand, or a number."""
    other = [data.draw(st.sampled_from([1, n])) for n in shape]
    for operation in (aten.add.Tensor, aten.mul.Tensor, aten.sub.Tensor, aten.div.Tensor):
        assert agrees(operation, blank(*shape), blank(*shape))
        assert agrees(operation, blank(*shape), blank(*other))
        assert agrees(operation, blank(*other), blank(*shape))
        assert agrees(operation, blank(*shape), 2)
        assert not agrees(operation, blank(*shape), blank(*shape, dtype=torch.float64))
        assert not agrees(operation, blank(*shape, dtype=torch.int64), 2)


@given(st.lists(small, min_size=1, max_size=4), st.data())
def test_cat(shape: list[int], data: Any) -> None:
    """Along any axis, counted from either end; what cannot be joined is torch's."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    tensors = []
    for _ in range(data.draw(st.integers(1, 4))):
        own = list(shape)
        own[axis] = data.draw(small)
        tensors.append(blank(*own))
    assert agrees(aten.cat.default, tensors, axis)
    if len(shape) > 1:
        wrong = list(shape)
        wrong[(axis + 1) % len(shape)] += 1
        assert BLANKS[aten.cat.default]([tensors[0], blank(*wrong)], axis) is None


@given(st.lists(small, min_size=1, max_size=4), st.data(), st.booleans())
def test_mean(shape: list[int], data: Any, keepdim: bool) -> None:
    """Over any axes, kept or not."""
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), min_size=1, max_size=3))
    assume(len({axis % len(shape) for axis in axes}) == len(axes))
    assert agrees(aten.mean.dim, blank(*shape), axes, keepdim)


@given(small, small, small, small)
def test_products(n: int, k: int, m: int, batch: int) -> None:
    """mm, addmm with a transposed weight, and bmm; factors that do not fit are torch's."""
    assert agrees(aten.mm.default, blank(n, k), blank(k, m))
    assert agrees(aten.addmm.default, blank(m), blank(n, k), blank(m, k).t())
    assert agrees(aten.bmm.default, blank(batch, n, k), blank(batch, k, m))
    assert BLANKS[aten.mm.default](blank(n, k), blank(k + 1, m)) is None
    assert BLANKS[aten.bmm.default](blank(batch, n, k), blank(batch + 1, k, m)) is None
    assert BLANKS[aten.addmm.default](blank(m + 1), blank(n, k), blank(k, m)) is None


@given(st.lists(small, min_size=1, max_size=4), st.data())
def test_padding(shape: list[int], data: Any) -> None:
    """Any widths that are not negative."""
    axes = data.draw(st.integers(1, len(shape)))
    widths = data.draw(st.lists(st.integers(0, 3), min_size=2 * axes, max_size=2 * axes))
    assert agrees(aten.constant_pad_nd.default, blank(*shape), widths)
    assert BLANKS[aten.constant_pad_nd.default](blank(*shape), [-1, 0]) is None


@given(st.lists(small, min_size=4, max_size=4), small, small)
def test_adaptive_pooling(shape: list[int], height: int, width: int) -> None:
    """To any grid."""
    assert agrees(aten._adaptive_avg_pool2d.default, blank(*shape), [height, width])


@given(st.lists(small, min_size=1, max_size=4))
def test_point_wise_operations(shape: list[int]) -> None:
    """Every remaining rule keeps the shape."""
    extra = {
        aten._softmax.default: (-1, False),
        aten.hardtanh.default: (0.0, 6.0),
        aten.hardtanh_.default: (0.0, 6.0),
        aten.pow.Tensor_Scalar: (0.75,),
    }
    keeping = {id(BLANKS[aten.relu.default]), id(BLANKS[aten.relu_.default])}
    operations = [operation for operation, rule in BLANKS.items() if id(rule) in keeping]
    assert len(operations) > 15
    for operation in operations:
        assert agrees(operation, blank(*shape), *extra.get(operation, ()))


@given(shape=st.lists(small, min_size=1, max_size=4), data=st.data(), dtype=dtypes)
def test_prelu(shape: list[int], data: Any, dtype: Any) -> None:
    """One slope, one a channel, or slopes that do not fit, which torch refuses or spreads."""
    x = blank(*shape, dtype=dtype)
    slopes = [data.draw(st.sampled_from([1, n, 3])) for n in shape]
    slope = blank(*slopes, dtype=dtype)
    if any(w not in (1, n) for w, n in zip(slopes, shape, strict=True)):
        assert BLANKS[aten._prelu_kernel.default](x, slope) is None
    else:
        assert agrees(aten._prelu_kernel.default, x, slope)
    assert BLANKS[aten._prelu_kernel.default](x, blank(*slopes, 1, dtype=dtype)) is None


def test_every_rule_is_held_to_torch_above() -> None:
    """No rule may be added without its test: this list is the tests' own."""
    tested = [
        "convolution",
        "native_batch_norm",
        "native_layer_norm",
        "_prelu_kernel",
        "cat",
        "max_pool2d_with_indices",
        "avg_pool2d",
        "avg_pool3d",
        "_adaptive_avg_pool2d",
        "mean",
        "addmm",
        "mm",
        "bmm",
        "constant_pad_nd",
        "add",
        "sub",
        "mul",
        "div",
    ]
    keeping = {id(BLANKS[aten.relu.default]), id(BLANKS[aten.relu_.default])}
    others = [op for op, rule in BLANKS.items() if id(rule) not in keeping]
    assert sorted(op._schema.name.removeprefix("aten::") for op in others) == sorted(tested)
