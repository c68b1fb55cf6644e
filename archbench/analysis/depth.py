"""The depth of a network: the longest chain of convolution and linear layers behind its input.

Each tensor that depends on the network's input carries a number, as an attribute: the layers on the
longest chain from the input to this tensor. A tensor that does not depend on the input, such as a
weight, carries none.

A tensor of a subclass is often a new object around a tensor that is known. Its number is that of
the storage that it shows, which carries the number as well, or that of the tensors that it wraps.
"""

import weakref
from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, device, nn
from torch.nn import Parameter

from archbench.analysis.isolation.stand_ins import PLAIN
from archbench.analysis.rules import LAYERS, Product, Rule
from archbench.networks.tensors import operands, tensors_in

RECURRENT = (nn.RNNBase, nn.RNNCellBase)  # no operation inside them adds a layer

_NOT_MADE = -2  # stands for the depth of a tensor that no operation has made
_DEPTH = "_archbench_depth"  # layers between the network's input and a tensor, or its storage
_BASE = "_archbench_base"  # the tensor whose memory this view shows
_SEQUENCES = (list, tuple)
_NO_TENSORS = frozenset({bool, int, float, str, type(None)})  # types that are no tensor


class DepthCount:
    """The number of layers on the longest chain, counted operation by operation."""

    def __init__(self) -> None:
        self.longest = 0
        self.step = 1  # layers that a convolution or linear operation adds; 0 inside a single layer
        #: operands that no operation made which was seen, such as buffers, and their devices
        self.unknown: list[tuple[weakref.ref[Tensor], device]] = []
        #: id() of each parameter that no operation has read: noted here, in the one walk over
        #: operands that each operation pays for
        self.unread: set[int] = set()

    def add_operation(self, rule: Rule | None, args: Sequence[Any], kwargs: Any, out: Any) -> bool:
        """Carry the largest depth of the operands to the result; tell whether they have any.

        A convolution adds a layer. A matrix product adds one if exactly one of its factors depends
        on the network's input.
        """
        deepest = -1
        for value in (*args, *kwargs.values()) if kwargs else args:
            kind = type(value)
            if kind is Tensor:
                depth: int = getattr(value, _DEPTH, _NOT_MADE)
                if depth == _NOT_MADE:
                    depth = self._depth_of_stranger(value)
            elif kind is Parameter:
                self.unread.discard(id(value))
                depth = getattr(value, _DEPTH, -1)
            elif kind in _NO_TENSORS:
                continue
            elif kind is list or kind is tuple:
                depth = -1
                for item in value:
                    if type(item) not in _NO_TENSORS and isinstance(item, Tensor):
                        depth = max(depth, self._depth_of_operand(item))
            elif isinstance(value, Tensor):
                depth = self._depth_of_operand(value)
            else:
                continue
            if depth > deepest:
                deepest = depth
        if deepest < 0:
            _set_depth(out, deepest)
            return False
        if rule in LAYERS:
            deepest += self.step
        elif isinstance(rule, Product):
            factors = args[rule.first : rule.first + 2]  # packed weights are no tensors
            if sum(isinstance(one, Tensor) and _depth(one) >= 0 for one in factors) == 1:
                deepest += self.step
        if deepest > self.longest:
            self.longest = deepest
        if type(out) is Tensor:
            _set_own_depth(out, deepest)
            base = getattr(out, _BASE, None)
            if base is not None and out is args[0]:  # written through a view
                setattr(base, _DEPTH, deepest)
            return True
        for one in out if type(out) is tuple else (out,):
            if type(one) is Tensor:
                _set_own_depth(one, deepest)
            else:
                _set_depth(one, deepest)
        return True

    def _depth_of_operand(self, tensor: Tensor) -> int:
        """Return the depth of an operand, and note that it was read."""
        for one in (tensor, *_wrapped(tensor)):
            self.unread.discard(id(one))
        return self._depth_of_stranger(tensor)

    def _depth_of_stranger(self, tensor: Tensor) -> int:
        """Return the depth of an operand that is no result of an operation as it is."""
        if not is_known(tensor):
            self.unknown.append((weakref.ref(tensor), tensor.device))
        return _depth(tensor)

    def add_module(self, out: Any) -> None:
        """Add a layer to the result of a module that is a single layer."""
        for tensor in tensors_in(out):
            depth = _depth(tensor) + self.step
            if depth > 0:
                _set_depth(tensor, depth)
                self.longest = max(self.longest, depth)


def is_single_layer(module_class: type[nn.Module]) -> bool:
    """Tell whether a class declares itself to be a single layer, whatever it runs inside."""
    return getattr(module_class, "archbench_one_layer", False)


def start_at(inputs: Any, modules: Iterable[nn.Module]) -> None:
    """Give the tensors of the network's input the depth 0, and its buffers none."""
    for module in modules:
        for buffer in module._buffers.values():
            if buffer is not None:
                setattr(buffer, _DEPTH, -1)
    for tensor in tensors_in(inputs):
        _set_depth(tensor, 0)


def depth_of(value: Any) -> int:
    """Return the largest depth of the tensors in a value, 0 if none depends on the input."""
    return max((max(_depth(tensor), 0) for tensor in tensors_in(value)), default=0)


def is_known(tensor: Tensor) -> bool:
    """Tell whether a tensor was made by an operation of the pass, or is none of torch's own class.

    Parameters have a class of their own, and so have tensors that wrap others.
    """
    return (
        type(tensor) is not Tensor or hasattr(tensor, _DEPTH) or hasattr(_storage(tensor), _DEPTH)
    )


def _depth(tensor: Tensor) -> int:
    """Return the depth of a tensor, -1 if it does not depend on the input."""
    depth: int = getattr(tensor, _DEPTH, -1)
    if depth < 0 and type(tensor) is not Parameter:
        depth = getattr(_storage(tensor), _DEPTH, -1)
        for one in _wrapped(tensor):
            depth = max(depth, _depth(one))
    return depth


def _set_depth(value: Any, depth: int) -> None:
    """Give the tensors of a result their depth, and those that a tensor of a subclass wraps."""
    for tensor in operands(value):
        for one in (tensor, *_wrapped(tensor)):
            _set_own_depth(one, depth)


def _set_own_depth(tensor: Tensor, depth: int) -> None:
    setattr(tensor, _DEPTH, depth)
    try:  # noqa: SIM105  # suppress() takes longer, and each operation pays for it
        setattr(tensor.untyped_storage(), _DEPTH, depth)
    except NotImplementedError:  # it has none, as a sparse one
        pass


def _wrapped(tensor: Tensor) -> tuple[Tensor, ...]:
    """Return the tensors that a tensor of a subclass keeps as its attributes."""
    return () if type(tensor) in PLAIN else tuple(tensors_in(vars(tensor)))


def _storage(tensor: Tensor) -> object:
    """Return the storage of a tensor; the tensor if it has none, as a sparse one."""
    try:
        return tensor.untyped_storage()
    except NotImplementedError:
        return tensor


def note_base(viewed: Any, views: Any) -> None:
    """Remember the base of views, whose depth changes when an operation writes to a view."""
    base = getattr(viewed, _BASE, viewed)
    for view in views if isinstance(views, _SEQUENCES) else [views]:
        if isinstance(view, Tensor) and view is not base:
            setattr(view, _BASE, base)
