"""Run a network once and write down every operation, in the module that ran it.

A dispatch mode sees each operation with its shapes; a watch on each module's forward() knows which
module is running. On the meta device nothing is computed and no weight is needed.
"""

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import GeneratorType
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

from archbench.analysis.records import Bucket, OperationCount
from archbench.analysis.rules import (
    CONVOLUTIONS,
    Product,
    Rule,
    free,
    is_higher_order,
    name_of,
    rule_for,
)
from archbench.analysis.shapes import BLANKS
from archbench.analysis.tensor_swap import (
    fresh_copy,
    own_device,
    quiet_surroundings,
    swapped_tensors,
)
from archbench.networks.blank import META
from archbench.networks.tensors import tensors_in
from archbench.private_torch import DispatchMode
from archbench.units import Shape

Result = TypeVar("Result")
Inputs = tuple[tuple[Any, ...], dict[str, Any]]  # what forward() is called with

_DEPTH = "_archbench_depth"  # layers between the network's input and this tensor
_BASE = "_archbench_base"  # the tensor whose memory this view shows
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)
_SEQUENCES = (list, tuple)
_PLAIN = frozenset({bool, int, float, str, type(None), list, tuple})  # not tensors, at a glance


class ForwardFailed(Exception):
    """The network's own forward() raised; `__cause__` is what it raised."""

    def __init__(self, path: str, type_name: str, shapes: Sequence[Shape]) -> None:
        super().__init__(path, type_name, shapes)
        self.path = path
        self.type = type_name
        self.shapes = shapes


@dataclasses.dataclass(slots=True)
class Visit:
    """What happened in one module path, its children left out."""

    path: str
    type: str
    calls: int = 0
    output_shape: Shape | None = None  #: batch included; of the first tensor of the first call
    input_shape: Shape | None = None  #: likewise, of a top-level module
    macs: int = 0
    activations: int = 0
    depth: int | None = None  #: of a top-level module: layers between its input and its output
    operations: int = 0  #: that move data; only where traffic is asked for, as the next
    bytes_moved: int = 0


@dataclasses.dataclass(slots=True)
class Tally:
    """How often one operation ran, and what its rule made of it."""

    rule: Rule | None
    views: bool = False  #: the operation returns its first operand's memory
    calls: int = 0
    macs: int = 0

    @property
    def bucket(self) -> Bucket:
        """Say which of the three buckets the operation falls into."""
        if self.rule is None:
            return "unknown"
        return "zero" if self.rule is free else "counted"


@dataclasses.dataclass(slots=True)
class Trace:
    """One forward pass: the visits in the order of first calls, and all operations."""

    paths: dict[nn.Module, list[str]]  #: of every module that was there to run
    visits: dict[str, Visit]
    operations: tuple[OperationCount, ...]
    depth: int
    device: str
    note: str = ""


Traffic = Callable[[Any, Sequence[Any], Any, Any], int]  # of operation, args, kwargs and result


def trace(
    model: nn.Module,
    make_inputs: Callable[[torch.device], Inputs],
    traffic: Traffic | None = None,
) -> Trace:
    """Run the model once in evaluation mode, without gradients, and leave it as it was.

    It runs on the meta device; a model that reads tensor values cannot, and runs on its own
    device instead, which the trace's note says.

    Args:
        model: any module, on any device; one with lazy parameters is analysed on a copy.
        make_inputs: gives the arguments of forward() on a device.
        traffic: tells how many bytes an operation reads and writes, to be summed up as well.

    Raises:
        ForwardFailed: forward() raised, on the model's own device too where it has one.
    """
    paths = paths_of(model)
    result, note = on_meta_or_own(
        paths, lambda device: _trace_on(device, model, paths, make_inputs, traffic)
    )
    result.note = note
    return result


def on_meta_or_own(
    modules: Iterable[nn.Module], run: Callable[[torch.device], Result]
) -> tuple[Result, str]:
    """Run on the meta device; where the network cannot, on its own, and say why.

    Raises:
        ForwardFailed: it failed on both, or has no device of its own.
    """
    try:
        return run(META), ""
    except ForwardFailed as on_meta:
        device = own_device(modules)
        if device == META:
            raise
        reason = str(on_meta.__cause__).strip().split("\n")[0]
    return run(device), f"ran on {device}, because it cannot run without values: {reason}"


def materialised(
    device: torch.device, model: nn.Module, make_inputs: Callable[[torch.device], Inputs]
) -> nn.Module:
    """Copy a model and run it once, which gives lazy parameters their shape."""
    with quiet_surroundings():
        args, kwargs = make_inputs(device)
        try:
            twin = fresh_copy(model, on_meta=device == META)
            twin(*args, **kwargs)
        except (Exception, SystemExit) as error:
            raise ForwardFailed("", type(model).__name__, _shapes((args, kwargs))) from error
    return twin


def _trace_on(
    device: torch.device,
    model: nn.Module,
    paths: dict[nn.Module, list[str]],
    make_inputs: Callable[[torch.device], Inputs],
    traffic: Traffic | None,
) -> Trace:
    if any(isinstance(module, LazyModuleMixin) for module in paths):
        model = materialised(device, model, make_inputs)
        paths = paths_of(model)
    on_meta = device == META
    recorder = Recorder(on_meta, type(model).__name__, traffic)
    with swapped_tensors(paths, on_meta, lambda module: recorder.watch(module, paths[module])):
        args, kwargs = make_inputs(device)
        for tensor in tensors_in((args, kwargs)):
            setattr(tensor, _DEPTH, 0)
        try:
            with recorder:
                out = model(*args, **kwargs)
                if isinstance(out, GeneratorType):  # runs as it is read
                    deque(out, maxlen=0)
        except (Exception, SystemExit) as error:
            raise recorder.failure(error) from error
    return Trace(paths, recorder.visits, recorder.counts(), recorder.depth, str(device))


def paths_of(model: nn.Module) -> dict[nn.Module, list[str]]:
    """Return every path of every module; a shared module has several."""
    paths: dict[nn.Module, list[str]] = {}

    def walk(module: nn.Module, path: str, above: tuple[nn.Module, ...]) -> None:
        paths.setdefault(module, []).append(path)
        for name, child in _children(module):
            if child not in above:  # a child that points back at its parent
                walk(child, f"{path}.{name}" if path else name, (*above, child))

    walk(model, "", (model,))
    return paths


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield all children; unlike named_children(), one registered twice under both names."""
    for name, child in module._modules.items():
        if child is not None:
            yield name, child


def _shapes(value: Any) -> list[Shape]:
    return [tuple(tensor.shape) for tensor in tensors_in(value)]


def _depth_of(value: Any) -> int:
    return max((getattr(tensor, _DEPTH, 0) for tensor in tensors_in(value)), default=0)


def _note_base(viewed: Any, views: Any) -> None:
    base = getattr(viewed, _BASE, viewed)
    for view in views if isinstance(views, _SEQUENCES) else [views]:
        if isinstance(view, Tensor) and view is not base:
            setattr(view, _BASE, base)


class Recorder(DispatchMode):
    """Writes down operations while it is active, and calls of the modules it watches."""

    def __init__(self, on_meta: bool, root_type: str, traffic: Traffic | None = None) -> None:
        super().__init__()
        self._root_type = root_type
        self._traffic = traffic
        self.visits: dict[str, Visit] = {}
        self.depth = 0
        self._running: list[Visit] = []
        self._blanks = BLANKS if on_meta else {}
        self._tally: dict[Any, Tally] = {}
        self._step = 1  # layers that a convolution or linear operation adds; 0 inside a named one
        self._failed: tuple[BaseException, ForwardFailed] | None = None

    # -- operations ------------------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        tally = self._tally.get(func)
        if tally is None and is_higher_order(func):
            tally = self._tally[func] = Tally(None)  # it runs whole networks, out of our sight
        elif tally is None:
            rule = rule_for(func)
            if rule is None:  # under inference_mode torch hands over what it takes apart elsewhere
                with self:
                    out = func.decompose(*args, **(kwargs or {}))
                if out is not NotImplemented:
                    return out
            tally = self._tally[func] = Tally(rule, func.is_view)
        out = None
        if not kwargs:
            kwargs = {}
            blank = self._blanks.get(func)
            if blank is not None:
                out = blank(*args)
        if out is None:
            out = func(*args, **kwargs)
        tally.calls += 1
        rule = tally.rule
        if rule is not None and rule is not free:
            macs, activations = rule(args, kwargs, out)
            tally.macs += macs
            visit = self._running[-1] if self._running else self._outside()
            visit.macs += macs
            visit.activations += activations
        if self._traffic is not None:
            moved = self._traffic(func, args, kwargs, out)
            visit = self._running[-1] if self._running else self._outside()
            visit.bytes_moved += moved
            visit.operations += moved > 0
        if tally.views and args:
            _note_base(args[0], out)
        self._deepen(rule, args, kwargs, out)
        return out

    def _deepen(self, rule: Rule | None, args: Sequence[Any], kwargs: Any, out: Any) -> None:
        """Carry the number of layers so far from the operands to the result.

        A tensor that does not depend on the network's input, such as a weight, carries none. A
        product is a layer when just one of its factors depends on the input.
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
            return
        if rule in CONVOLUTIONS:
            deepest += self._step
        elif isinstance(rule, Product):
            left, right = args[rule.first], args[rule.first + 1]
            if hasattr(left, _DEPTH) != hasattr(right, _DEPTH):
                deepest += self._step
        if deepest > self.depth:
            self.depth = deepest
        if type(out) is Tensor:
            setattr(out, _DEPTH, deepest)
            base = getattr(out, _BASE, None)
            if base is not None and out is args[0]:  # written through a view
                setattr(base, _DEPTH, deepest)
        elif isinstance(out, _SEQUENCES):
            for tensor in out:
                if isinstance(tensor, Tensor):
                    setattr(tensor, _DEPTH, deepest)

    def counts(self) -> tuple[OperationCount, ...]:
        """Return every operation that ran, overloads together, in the order of first calls."""
        merged: dict[str, OperationCount] = {}
        for func, tally in self._tally.items():
            name, calls, macs = name_of(func), tally.calls, tally.macs
            if name in merged:
                calls, macs = calls + merged[name].calls, macs + merged[name].macs
            merged[name] = OperationCount(name, calls, macs, tally.bucket)
        return tuple(merged.values())

    # -- modules ---------------------------------------------------------------------------------

    def watch(self, module: nn.Module, paths: Sequence[str]) -> None:
        """Follow a module's forward(), also when it is called without its hooks."""
        inner = module.forward
        kind = type(module)
        named = getattr(kind, "archbench_one_layer", False)
        whole = named or issubclass(kind, _RECURRENT)  # what it runs inside is not a layer

        def forward(*args: Any, **kwargs: Any) -> Any:
            path = paths[0] if len(paths) == 1 else self._choose(paths)
            visit = self.visits.get(path)
            if visit is None:
                visit = self.visits[path] = Visit(path, kind.__name__)
            visit.calls += 1
            before = self._step
            if whole:
                self._step = 0
            self._running.append(visit)
            try:
                out = inner(*args, **kwargs)
            except (Exception, SystemExit) as error:
                self._note_failure(error, visit, (args, kwargs))
                raise
            finally:
                self._running.pop()
                self._step = before
            if named:
                self._add_layer(out)
            if visit.calls == 1:
                self._note_output(visit, (args, kwargs), out)
            return out

        forward.__wrapped__ = inner  # type: ignore[attr-defined]  # keeps its signature
        module.__dict__["forward"] = forward

    def _outside(self) -> Visit:
        """Return the root's row: its hooks, and all of a scripted model, run in no forward()."""
        return self.visits.setdefault("", Visit("", self._root_type))

    def _choose(self, paths: Sequence[str]) -> str:
        """Choose the path of a shared module that lies in the module which calls it."""
        for visit in reversed(self._running):
            prefix = f"{visit.path}." if visit.path else ""
            for path in paths:
                if path.startswith(prefix):
                    return path
        return paths[0]

    def _add_layer(self, out: Any) -> None:
        for tensor in tensors_in(out):
            depth = getattr(tensor, _DEPTH, -1) + self._step
            if depth > 0:
                setattr(tensor, _DEPTH, depth)
                self.depth = max(self.depth, depth)

    def _note_output(self, visit: Visit, inputs: Any, out: Any) -> None:
        first = out if isinstance(out, Tensor) else next(tensors_in(out), None)
        if first is not None:
            visit.output_shape = tuple(first.shape)
        if visit.path and "." not in visit.path:
            given = next(tensors_in(inputs), None)
            if given is not None:
                visit.input_shape = tuple(given.shape)
            visit.depth = _depth_of(out) - _depth_of(inputs)

    def _note_failure(self, error: BaseException, visit: Visit, inputs: Any) -> None:
        """Remember the innermost module that an exception left."""
        if self._failed is None or self._failed[0] is not error:
            self._failed = error, ForwardFailed(visit.path, visit.type, _shapes(inputs))

    def failure(self, error: BaseException) -> ForwardFailed:
        """Return where an exception that left the whole network came from."""
        if self._failed is not None and self._failed[0] is error:
            return self._failed[1]
        return ForwardFailed("", "", [])
