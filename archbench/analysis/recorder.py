"""The recorder of a forward pass: its operations, and the modules that ran them.

A dispatch mode sees each operation with its shapes; a wrapper of each module's forward() tells
which module is running.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from archbench.analysis.depth import RECURRENT, DepthCount, depth_of, is_single_layer, note_base
from archbench.analysis.failure import ForwardFailed
from archbench.analysis.isolation.survivors import Survivors
from archbench.analysis.meta_failure import note_operation
from archbench.analysis.nested_products import cost_of_parts, holds_nested, placing_of_nested
from archbench.analysis.operators import (
    UNKNOWN,
    NoNumber,
    Placing,
    is_higher_order,
    name_of,
    placing_of,
)
from archbench.analysis.records import OperationCount
from archbench.analysis.rules import NO_COST, Cost, free
from archbench.analysis.shapes import BLANKS
from archbench.networks.tensors import shape_of, tensors_in
from archbench.private_torch import DispatchMode, asks_for_shape
from archbench.units import Shape

#: operation, args, kwargs, result -> bytes that the operation reads and writes
Traffic = Callable[[Any, Sequence[Any], Any, Any], int]


@dataclass(slots=True)
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
    operations: int = 0  #: operations that move data; only where traffic is counted
    bytes_moved: int = 0  #: likewise
    complete: bool = True  #: False: an operation without a rule ran in it

    def add(self, other: "Visit") -> None:
        """Add the calls of the same path in another thread."""
        self.calls += other.calls
        self.macs += other.macs
        self.activations += other.activations
        self.operations += other.operations
        self.bytes_moved += other.bytes_moved
        self.complete &= other.complete


@dataclass(slots=True)
class Tally:
    """How often one operation ran, and what it cost."""

    placing: Placing
    views: bool = False  #: the operation returns its first operand's memory
    calls: int = 0
    macs: int = 0
    operations: int | None = 0  #: of the bucket "other"; None where no textbook gives them

    def add(self, other: "Tally") -> None:
        """Add the calls of another thread."""
        self.calls += other.calls
        self.macs += other.macs
        self.operations = _sum(self.operations, other.operations)


class Recorder(DispatchMode):
    """Counts operations while it is active, and calls of the modules that it watches."""

    def __init__(self, on_meta: bool, root_type: str, traffic: Traffic | None = None) -> None:
        super().__init__()
        self.visits: dict[str, Visit] = {}  # in the order of first calls
        self.depth = DepthCount()
        self._add_depth = self.depth.add_operation
        self._root_type = root_type
        self._traffic = traffic
        self.survivors: Survivors | None = None  # the watch that every operation is reported to
        self.running: list[Visit] = []
        self._blanks = BLANKS if on_meta else {}
        self.tally: dict[Any, Tally] = {}
        self.gaps: dict[str, None] = {}  # what has a rule that could not be applied
        self._failed: tuple[BaseException, ForwardFailed] | None = None
        self._thread = get_ident()
        self._of_threads: dict[int, Recorder] = {}  # recorders of other threads, by their id
        self._settings = on_meta, root_type, traffic

    # -- operations ------------------------------------------------------------------------------

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        tally = self.tally.get(func)
        if tally is None:
            tally = _new_tally(func)
            if tally.placing is UNKNOWN and asks_for_shape(func):
                return func(*args, **(kwargs or {}))
            if tally.placing is UNKNOWN and holds_nested(args):
                tally.placing = placing_of_nested(func)
            elif tally.placing is UNKNOWN and not is_higher_order(func):
                with self:  # in inference mode torch dispatches operations that are composite
                    out = func.decompose(*args, **(kwargs or {}))
                if out is not NotImplemented:
                    return out
            self.tally[func] = tally
        out = None
        if not kwargs:
            kwargs = {}
            blank = self._blanks.get(func)
            if blank is not None:
                out = blank(*args)
        if out is None:
            try:
                out = func(*args, **kwargs)
            except Exception as error:
                note_operation(error, func)
                raise
        tally.calls += 1
        bucket, rule, work = tally.placing
        if bucket == "unknown":
            visit = self.running[-1] if self.running else self._root_visit()
            visit.complete = False
        elif work is not None:
            more = work.operations(name_of(func), args, out)
            tally.operations = _sum(tally.operations, more)
        elif rule is not None and rule is not free:
            try:
                macs, activations = rule(args, kwargs, out)
            except NoNumber:
                tally.placing, (macs, activations) = UNKNOWN, NO_COST
                (self.running[-1] if self.running else self._root_visit()).complete = False
            except Exception:
                if not holds_nested(args):
                    raise
                cost = cost_of_parts(rule, args, kwargs, out)
                macs, activations = self._add_gap(func) if cost is None else cost
            tally.macs += macs
            visit = self.running[-1] if self.running else self._root_visit()
            visit.macs += macs
            visit.activations += activations
        if self._traffic is not None:
            moved = self._traffic(func, args, kwargs, out)
            visit = self.running[-1] if self.running else self._root_visit()
            visit.bytes_moved += moved
            visit.operations += moved > 0
        if tally.views and args:
            note_base(args[0], out)
        on_input = self._add_depth(rule, args, kwargs, out)
        if self.survivors is not None:
            self.survivors.add_operation(func, args, kwargs, out, on_input)
        return out

    def _add_gap(self, func: Any) -> Cost:
        """Note a product of nested tensors whose lengths its rule cannot read; it costs nothing."""
        visit = self.running[-1] if self.running else self._root_visit()
        visit.complete = False
        self.gaps.setdefault(f"the products of nested tensors in {name_of(func)}")
        return NO_COST

    def counts(self) -> tuple[OperationCount, ...]:
        """Return every operation that ran, overloads together, in the order of first calls."""
        merged: dict[str, Tally] = {}
        for func, tally in self.tally.items():
            merged.setdefault(name_of(func), Tally(tally.placing)).add(tally)
        return tuple(_operation_count(name, tally) for name, tally in merged.items())

    # -- modules ---------------------------------------------------------------------------------

    def watch(self, module: nn.Module, paths: Sequence[str]) -> None:
        """Wrap a module's forward(), so that a call without hooks is recorded too."""
        inner, kind, thread = module.forward, type(module), self._thread
        main = self.visits, self.running, self.depth
        single = is_single_layer(kind)
        no_layers_inside = single or issubclass(kind, RECURRENT)

        def forward(*args: Any, **kwargs: Any) -> Any:
            here = self if get_ident() == thread else self._of_this_thread()
            visits, running, depth = (
                main if here is self else (here.visits, here.running, here.depth)
            )
            path = paths[0] if len(paths) == 1 else here.path_of_call(paths)
            visit = visits.get(path)
            if visit is None:
                visit = visits[path] = Visit(path, kind.__name__)
            visit.calls += 1
            before = depth.step
            if no_layers_inside:
                depth.step = 0
            enters = here is not self and not running
            if enters:
                here.__enter__()  # type: ignore[no-untyped-call]
            running.append(visit)
            try:
                out = inner(*args, **kwargs)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                self._note_failure(error, visit, (args, kwargs))
                raise
            finally:
                running.pop()
                if enters:
                    here.__exit__(None, None, None)  # type: ignore[no-untyped-call]
                depth.step = before
            if single:
                depth.add_module(out)
            if visit.calls == 1:
                _note_shapes(visit, (args, kwargs), out)
            return out

        forward.__wrapped__ = inner  # type: ignore[attr-defined]  # keeps its signature
        module.__dict__["forward"] = forward

    def _of_this_thread(self) -> "Recorder":
        """Return the recorder of a thread that forward() started: torch's modes are a thread's."""
        recorder = self._of_threads.get(get_ident())
        if recorder is None:
            recorder = self._of_threads[get_ident()] = Recorder(*self._settings)
            recorder.survivors = self.survivors
            recorder.depth.unread = self.depth.unread
        return recorder

    def devices_of_unseen(self) -> set[torch.device]:
        """Return where the operands lay that no seen operation made, and that are gone by now."""
        everyone = (self, *self._of_threads.values())
        unknown = (operand for one in everyone for operand in one.depth.unknown)
        return {device for operand, device in unknown if operand() is None}

    def add_threads(self, order: Iterable[str]) -> None:
        """Add what the recorders of other threads hold, to be called at the end of the pass.

        `order` has all paths: threads take turns as they like, and rows must not follow them.
        """
        others = self._of_threads.values()
        for path in order if others else ():
            for visit in (other.visits[path] for other in others if path in other.visits):
                mine = self.visits.setdefault(path, visit)
                if mine is not visit:
                    mine.add(visit)
        for other in others:
            self.gaps |= other.gaps
            self.depth.longest = max(self.depth.longest, other.depth.longest)
        tallies = [pair for other in others for pair in other.tally.items()]
        for func, tally in sorted(tallies, key=lambda pair: str(pair[0])):
            known = self.tally.setdefault(func, tally)
            if known is not tally:
                known.add(tally)

    def _root_visit(self) -> Visit:
        """Return the root's visit: its hooks, and all of a scripted model, run in no forward()."""
        return self.visits.setdefault("", Visit("", self._root_type))

    def path_of_call(self, paths: Sequence[str]) -> str:
        """Return the path of a shared module that lies in the module which calls it."""
        for visit in reversed(self.running):
            prefix = f"{visit.path}." if visit.path else ""
            for path in paths:
                if path.startswith(prefix):
                    return path
        return paths[0]

    # -- failures --------------------------------------------------------------------------------

    def _note_failure(self, error: BaseException, visit: Visit, inputs: Any) -> None:
        """Remember the innermost module that an exception left."""
        if self._failed is None or self._failed[0] is not error:
            self._failed = error, ForwardFailed(visit.path, visit.type, inputs)

    def failure(self, error: BaseException) -> ForwardFailed:
        """Return the failure behind an exception that left the whole network."""
        if self._failed is not None and self._failed[0] is error:
            return self._failed[1]
        return ForwardFailed("", "", ())


def _new_tally(func: Any) -> Tally:
    return Tally(placing_of(func), not is_higher_order(func) and func.is_view)


def _sum(known: int | None, more: int | None) -> int | None:
    return None if known is None or more is None else known + more


def _operation_count(name: str, tally: Tally) -> OperationCount:
    bucket, _, work = tally.placing
    if work is None:
        return OperationCount(name, tally.calls, tally.macs, bucket)
    return OperationCount(name, tally.calls, tally.macs, bucket, work.kind, tally.operations)


def _note_shapes(visit: Visit, inputs: Any, out: Any) -> None:
    """Note the shapes of a call and, for a top-level module, the layers inside."""
    first = out if isinstance(out, Tensor) else next(tensors_in(out), None)
    if first is not None:
        visit.output_shape = shape_of(first)
    if visit.path and "." not in visit.path:
        given = next(tensors_in(inputs), None)
        if given is not None:
            visit.input_shape = shape_of(given)
        visit.depth = depth_of(out) - depth_of(inputs)
