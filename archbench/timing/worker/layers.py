"""The time of every layer, noted in passing: no layer waits for the one before it.

Whatever passes between two marks belongs to the layer that runs between them, so that the layers'
times add up to the whole pass.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, Protocol

from torch import nn

Call = Callable[[], object]

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


class LayerWatch:
    """Marks where each watched module begins and ends, while it is attached.

    Args:
        module: the network.
        paths: of the modules to watch; the network itself, "", is among them in any case.
        marker: notes the moments.
    """

    def __init__(self, module: nn.Module, paths: Sequence[str], marker: Marker) -> None:
        self._marker = marker
        self._module = module
        self._paths = dict.fromkeys(["", *paths])
        self._marks: list[tuple[str | None, Any]] = []  # (path entered, or None for left; moment)

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Watch; the module is as before afterwards."""
        hooks = []
        modules = dict(self._module.named_modules(remove_duplicate=False))
        seen: set[int] = set()
        for path in self._paths:
            module = modules.get(path)
            if module is None or id(module) in seen:  # a shared module is watched once
                continue
            seen.add(id(module))
            hooks.append(module.register_forward_pre_hook(self._entering(path)))
            hooks.append(module.register_forward_hook(self._leaving))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def take(self) -> dict[str, float]:
        """Return each path's own nanoseconds since the last time, and begin anew."""
        own: dict[str, float] = {}
        running: list[str] = []
        before: Any = None
        for path, moment in self._marks:
            if running:
                passed = self._marker.between_ns(before, moment)
                own[running[-1]] = own.get(running[-1], 0.0) + passed
            if path is None:
                running.pop()
            else:
                running.append(path)
            before = moment
        self._marks.clear()
        return own

    def _entering(self, path: str) -> Callable[..., None]:
        def enter(module: nn.Module, args: Any) -> None:
            self._marks.append((path, self._marker.mark()))

        return enter

    def _leaving(self, module: nn.Module, args: Any, out: Any) -> None:
        self._marks.append((None, self._marker.mark()))


def layer_times(watch: LayerWatch, call: Call, wait: Call, passes: int) -> dict[str, int]:
    """Return the median of each layer's own nanoseconds over some passes, after one more."""
    found: dict[str, list[float]] = {}
    with watch.attached():
        for number in range(max(LEAST_PASSES, passes) + 1):
            wait()
            call()
            wait()
            taken = watch.take()
            if number:
                for path, time in taken.items():
                    found.setdefault(path, []).append(time)
    return {path: round(median(times)) for path, times in found.items()}
