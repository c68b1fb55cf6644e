"""The rules by which operations that are matrix products cost MACs, from shapes alone.

analysis/operators.csv says which operation has which rule. docs/conventions.md has the reasons.

One multiply and one add together are one MAC. Biases, padding and masks change nothing: padded
positions and causally masked scores are counted in full, as the papers do.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

from torch import Tensor


class Cost(NamedTuple):
    """The cost of one call."""

    macs: int
    activations: int  #: output elements of its products


Kwargs = Mapping[str, Any]
Rule = Callable[[Sequence[Any], Kwargs, Any], Cost]  # arguments of the call, its result -> cost
NO_COST = Cost(0, 0)


def convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a convolution of any dimension, dilation, grouping and direction.

    A grouped weight already holds c_in / groups, so groups need no case. A transposed convolution
    spreads every *input* position over its kernel, so the elements of its input count.

    >>> import torch
    >>> x, w = torch.empty(1, 192, 28, 28), torch.empty(64, 192, 1, 1)
    >>> convolution((x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1), {}, torch.empty(1, 64, 28, 28))
    Cost(macs=9633792, activations=50176)
    """  # noqa: E501  # a doctest cannot break its line
    x, weight = args[0], args[1]
    transposed = len(args) > 6 and args[6] is True
    return Cost((x if transposed else out).numel() * prod(weight.shape[1:]), out.numel())


def time_first_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost conv_tbc, whose weight is (kernel, c_in, c_out)."""
    return Cost(out.numel() * prod(args[1].shape[:2]), out.numel())


def transposed_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost an operation that is transposed by its name (cuDNN's, MIOpen's)."""
    return Cost(args[0].numel() * prod(args[1].shape[1:]), out.numel())


@dataclass(frozen=True, slots=True)
class Product:
    """The rule of a matrix product whose factors are arguments number `first` and the next.

    Every output element sums over the left factor's last dimension. Factors may be batched.
    """

    first: int

    def __call__(self, args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
        """Cost the product."""
        return Cost(out.numel() * args[self.first].size(-1), out.numel())


def batch_summed_product(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost addbmm, which adds the products of a batch into one matrix."""
    batch, _, inner = args[1].shape
    return Cost(out.numel() * inner * batch, out.numel())


def attention(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost fused attention as the two products that it stands for: q·kᵀ and scores·v.

    Shapes (..., heads, length, width), with grouped keys counted as the query's heads need them.
    """
    query, key, value = args[0], args[1], args[2]
    scores = prod(query.shape[:-1]) * key.shape[-2]
    result = prod(query.shape[:-1]) * value.shape[-1]
    return Cost(scores * query.shape[-1] + result * key.shape[-2], scores + result)


def mkldnn_recurrent_layer(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost one direction of one LSTM layer on the CPU: input and hidden products at every step."""
    x, w_input, w_hidden = args[0], args[1], args[2]
    return _steps(x.numel() // x.shape[-1], [w_input, w_hidden])


def cudnn_recurrent(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a whole recurrent network on CUDA; its weights come flat, layer by layer."""
    x, weights = args[0], args[1]
    return _steps(x.numel() // x.shape[-1], [w for w in weights if w.dim() == 2])


def _steps(rows: int, matrices: Sequence[Tensor]) -> Cost:
    """Cost one product per matrix for every row, a row being one time step of one sample."""
    return Cost(rows * sum(w.numel() for w in matrices), rows * sum(w.shape[0] for w in matrices))


def attention_backward(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost the backward pass of fused attention as four products.

    They are the gradients of values, probabilities, queries and keys. Scores that a kernel computes
    anew, to save memory, are not counted twice.
    """
    _, query, key, value = args[:4]
    scores = prod(query.shape[:-1]) * key.shape[-2]
    made = sum(gradient.numel() for gradient in out[:3] if gradient is not None)
    return Cost(2 * scores * (query.shape[-1] + value.shape[-1]), scores + made)


def trilinear(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost the operation of nn.Bilinear: x1 by the weight, then that by x2.

    Its arguments are three factors, the dimensions in which each is 1, and those that are summed.
    """
    factors, ones = args[:3], args[3:6]
    sizes: dict[int, int] = {}
    for factor, missing in zip(factors, ones, strict=True):
        left = iter(factor.shape)
        for axis in range(factor.dim() + len(missing)):
            if axis not in missing:
                sizes[axis] = next(left)
    whole = prod(sizes.values())
    first = next((axis for axis in args[6] if axis in ones[2]), args[6][0])
    return Cost(whole + whole // sizes[first], out.numel() + whole // sizes[first])


class GroupedProduct(Product):
    """The rule of products of groups of rows, such as each expert's tokens, by its own matrix.

    Two matrices are cut along the dimension that is summed, so that each column is used once.
    """

    __slots__ = ()

    def __call__(self, args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
        """Cost all the products."""
        left, right = args[self.first], args[self.first + 1]
        if left.dim() == 2 and right.dim() == 2:
            return Cost(left.numel() * right.shape[-1], out.numel())
        return Cost(out.numel() * left.shape[-1], out.numel())


def deformable_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost torchvision's deform_conv2d as a convolution; the shifts are look-ups."""
    return Cost(out.numel() * prod(args[1].shape[1:]), out.numel())


def packed_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a quantised convolution, whose weight an object holds."""
    return convolution((args[0], args[1].unpack()[0]), kwargs, out)


def packed_transposed_convolution(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost a quantised transposed convolution, whose weight an object holds."""
    return transposed_convolution((args[0], args[1].unpack()[0]), kwargs, out)


def euclidean_distance(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost the distances of all rows as the product that yields them: rows x rows x features."""
    return Cost(out.numel() * args[0].shape[-1], out.numel())


def distance(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost distances by a norm: those of norm 2 as euclidean_distance(), others are no product."""
    return euclidean_distance(args, kwargs, out) if args[2] == 2 else NO_COST


def free(args: Sequence[Any], kwargs: Kwargs, out: Any) -> Cost:
    """Cost an operation that is zero by convention."""
    return NO_COST


RULES: dict[str, Rule] = {
    "attention": attention,
    "attention backward": attention_backward,
    "batch summed product": batch_summed_product,
    "convolution": convolution,
    "deformable convolution": deformable_convolution,
    "distance": distance,
    "euclidean distance": euclidean_distance,
    "grouped product": GroupedProduct(0),
    "packed convolution": packed_convolution,
    "packed transposed convolution": packed_transposed_convolution,
    "product 0": Product(0),
    "product 1": Product(1),
    "recurrent layer": mkldnn_recurrent_layer,
    "recurrent network": cudnn_recurrent,
    "time first convolution": time_first_convolution,
    "transposed convolution": transposed_convolution,
    "trilinear": trilinear,
}

#: rules of operations that are a layer, whatever their operands are
LAYERS = frozenset(
    {
        trilinear,
        *(convolution, time_first_convolution, transposed_convolution),
        *(deformable_convolution, packed_convolution, packed_transposed_convolution),
    }
)
