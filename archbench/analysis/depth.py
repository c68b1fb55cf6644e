"""The depth of a network: the longest chain of convolution and linear layers behind its input.

Each tensor that depends on the network's input carries a number, as an attribute: the layers on the
longest chain from the input to this tensor. A tensor that does not depend on the input, such as a
weight, carries none.
"""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from archbench.analysis.rules import LAYERS, Product, Rule
from archbench.networks.tensors import tensors_in

RECURRENT = (nn.RNNBase, nn.RNNCellBase)  # no operation inside them adds a layer

_DEPTH = "_archbench_depth"  # layers between the network's input and this tensor
_BASE = "_archbench_base"  # the tensor whose memory this view shows
_SEQUENCES = (list, tuple)
_PLAIN = frozenset({bool, int, float, str, type(None), list, tuple})  # types that are no tensor


class DepthCount:
    """The number of layers on the longest chain, counted operation by operation."""

    def __init__(self) -> None:
        self.longest = 0
        self.step = 1  # layers that a convolution or linear operation adds; 0 inside a single layer

    def add_operation(self, rule: Rule | None, args: Sequence[Any], kwargs: Any, out: Any) -> bool:
        """Carry the largest depth of the operands to the result; tell whether they have any.

        A convolution adds a layer. A matrix product adds one if exactly one of its factors depends
        on the network's input.
        """
        deepest = -1
        for value in (*args, *kwargs.values()) if kwargs else args:
            kind = type(value)
            if kind is Tensor or (kind not in _PLAIN and isinstance(value, Tensor)):
                deepest = max(deepest, getattr(value, _DEPTH, -1))
            elif kind is list or kind is tuple:
                for item in value:
                    if isinstance(item, Tensor):
                        deepest = max(deepest, getattr(item, _DEPTH, -1))
        if deepest < 0:
            return False
        if rule in LAYERS:
            deepest += self.step
        elif isinstance(rule, Product):
            left, right = args[rule.first], args[rule.first + 1]
            if hasattr(left, _DEPTH) != hasattr(right, _DEPTH):
                deepest += self.step
        if deepest > self.longest:
            self.longest = deepest
        if type(out) is Tensor:
            setattr(out, _DEPTH, deepest)
            base = getattr(out, _BASE, None)
            if base is not None and out is args[0]:  # written through a view
                setattr(base, _DEPTH, deepest)
        elif isinstance(out, _SEQUENCES):
            for tensor in out:
                if isinstance(tensor, Tensor):
                    setattr(tensor, _DEPTH, deepest)
        return True

    def add_module(self, out: Any) -> None:
        """Add a layer to the result of a module that is a single layer."""
        for tensor in tensors_in(out):
            depth = getattr(tensor, _DEPTH, -1) + self.step
            if depth > 0:
                setattr(tensor, _DEPTH, depth)
                self.longest = max(self.longest, depth)


def is_single_layer(module_class: type[nn.Module]) -> bool:
    """Tell whether a class declares itself to be a single layer, whatever it runs inside."""
    return getattr(module_class, "archbench_one_layer", False)


def start_at(inputs: Any) -> None:
    """Give the tensors of the network's input the depth 0."""
    for tensor in tensors_in(inputs):
        setattr(tensor, _DEPTH, 0)


def depth_of(value: Any) -> int:
    """Return the largest depth of the tensors in a value, 0 if none depends on the input."""
    return max((getattr(tensor, _DEPTH, 0) for tensor in tensors_in(value)), default=0)


def note_base(viewed: Any, views: Any) -> None:
    """Remember the base of views, whose depth changes when an operation writes to a view."""
    base = getattr(viewed, _BASE, viewed)
    for view in views if isinstance(views, _SEQUENCES) else [views]:
        if isinstance(view, Tensor) and view is not base:
            setattr(view, _BASE, base)
