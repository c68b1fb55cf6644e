"""The time of every layer, noted as the network runs: no layer waits for the one before it.

The time between two marks belongs to the layer that runs between them, so that the layers' times
add up to the whole pass.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any, Protocol

from torch import nn

from archbench.timing.worker.clock import Call

LEAST_PASSES = 5


class Marker(Protocol):
    """Notes moments; the nanoseconds between them are known once the pass is over.

    An accelerator's stream is one: its events are queued between the kernels.
    """

    def mark(self) -> Any:
        """Note this moment."""
        ...

    def between_ns(self, first: Any, last: Any) -> float:
        """Return the time from one moment to another."""
        ...


class HostMarker:
    """Moments of the host's clock, for a device that is done when its call returns."""

    def __init__(self, now_ns: Callable[[], int]) -> None:
        self.mark = now_ns

    def between_ns(self, first: int, last: int) -> float:
        """Subtract."""
        return last - first


class LayerTimer:
    """Marks when each module is entered and left, while it is attached.

    Args:
        module: the network.
        paths: of the modules to time; the network itself, "", is always among them.
        marker: notes the moments.
    """

    def __init__(self, module: nn.Module, paths: Sequence[str], marker: Marker) -> None:
        self._marker = marker
        self._module = module
        self._paths = dict.fromkeys(["", *paths])
        self._marks: list[tuple[str | None, Any]] = []  # (path entered, or None for left; moment)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Attach hooks to the modules; afterwards the modules are as before."""
        hooks = []
        modules = dict(self._module.named_modules(remove_duplicate=False))
        seen: set[int] = set()
        for path in self._paths:
            module = modules.get(path)
            if module is None or id(module) in seen:  # a shared module gets one pair of hooks
                continue
            seen.add(id(module))
            hooks.append(module.register_forward_pre_hook(partial(self._mark, path)))
            hooks.append(module.register_forward_hook(partial(self._mark, None)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def read_ns(self) -> dict[str, float]:
        """Return each path's own time since the last reading, its children left out."""
        own: dict[str, float] = defaultdict(float)
        running: list[str] = []
        before: Any = None
        for path, moment in self._marks:
            if running:
                own[running[-1]] += self._marker.between_ns(before, moment)
            if path is None:
                running.pop()
            else:
                running.append(path)
            before = moment
        self._marks.clear()
        return own

    def _mark(self, path: str | None, *_hook_arguments: Any) -> None:
        self._marks.append((path, self._marker.mark()))


def layer_times(timer: LayerTimer, call: Call, wait: Call, passes: int) -> dict[str, int]:
    """Return the median of each layer's own nanoseconds over some passes, after one more."""
    times_ns: dict[str, list[float]] = defaultdict(list)
    with timer.attached():
        for number in range(max(LEAST_PASSES, passes) + 1):
            wait()
            call()
            wait()
            own = timer.read_ns()
            if number:
                for path, time_ns in own.items():
                    times_ns[path].append(time_ns)
    return {path: round(median(times)) for path, times in times_ns.items()}
