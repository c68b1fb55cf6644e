"""How fast a machine can be at most, what each layer asks of it, and how long it took."""

from dataclasses import dataclass
from typing import Any, Literal

from archbench.analysis.layer_work import LayerWork
from archbench.record import Record, Row
from archbench.timing.ceilings import Ceilings
from archbench.units import counted, duration

Bound = Literal["compute", "memory", "launch"]


@dataclass(frozen=True, slots=True)
class LayerTime(Record):
    """A layer's work, its time, and the bound that the machine's ceilings set."""

    work: LayerWork  #: what it does
    time_s: float  #: its own time in one pass, its children left out: median
    bound_s: float  #: the least time in which this machine could do that work
    bound: Bound  #: which ceiling sets it

    @property
    def summary_line(self) -> str:
        """Path, time and the least time it could take."""
        sign = "" if self.work.complete else "≥ "
        path = self.work.path or "(itself)"
        return (
            f"{path}: {duration(self.time_s)}, least {sign}{duration(self.bound_s)} ({self.bound})"
        )

    def to_rows(self) -> list[Row]:
        """Return the layer as one row, as CSV has it behind the columns of its cell."""
        return [self.to_dict()]

    @property
    def intensity(self) -> float | None:
        """Floating-point operations per byte moved; None where nothing moves."""
        return 2 * self.work.macs / self.work.bytes_moved if self.work.bytes_moved else None

    @property
    def attained(self) -> float | None:
        """The share of what is attainable: 1 is at the bound, None where no time was seen."""
        return self.bound_s / self.time_s if self.time_s > 0 else None

    def to_dict(self) -> dict[str, Any]:
        """Return the layer under its JSON names."""
        return {
            **self.work.to_dict(),
            "time_s": self.time_s,
            "intensity_flops_per_byte": self.intensity,
            "bound_s": self.bound_s,
            "bound": self.bound if self.work.operations else None,
            "attained": self.attained,
        }


@dataclass(frozen=True, slots=True)
class Roofline(Record):
    """The layers of one cell under the machine's ceilings."""

    KEYS = ("whole_s", "sum_s", "ceilings", "layers")

    #: those that took part in the pass, in the order of their first call
    layers: tuple[LayerTime, ...]
    whole_s: float  #: the median time of a pass in which nothing was watched
    ceilings: Ceilings  #: of the machine

    @property
    def summary_line(self) -> str:
        """The number of layers, the time of all of them and that of an unwatched pass."""
        layers = counted(len(self.layers), "layer")
        return f"{layers}, {duration(self.sum_s)}; unwatched {duration(self.whole_s)}"

    def to_rows(self) -> list[Row]:
        """Return a row for each layer."""
        return [row for layer in self.layers for row in layer.to_rows()]

    @property
    def sum_s(self) -> float:
        """What the layers' own times add up to: more than the whole by what watching takes."""
        return sum(layer.time_s for layer in self.layers)
