"""How fast a machine can be at most, what each layer asks of it, and how long it took."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Bound = Literal["compute", "memory", "launch"]


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What one module path does itself in one forward pass, its children left out.

    Args:
        path: of the module; "" is the network itself.
        type: its class.
        macs: multiply-adds of convolutions, linear layers and matrix products.
        bytes_moved: operands read and results written, once each.
        operations: that move data.
    """

    path: str
    type: str
    macs: int
    bytes_moved: int
    operations: int


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The best that a machine was seen to do, in one precision.

    Args:
        fingerprint: of the environment it was measured in.
        device: "cpu", "cuda".
        device_name: for people.
        precision: of the product.
        flops_per_s: of a large matrix product, two per multiply-add.
        copies: (bytes read and written, bytes per second) of copies, from small ones that stay in a
            cache to one that does not.
        launch_s: the least time of any operation.
    """

    fingerprint: str
    device: str
    device_name: str
    precision: str
    flops_per_s: float
    copies: tuple[tuple[int, float], ...]
    launch_s: float

    def bytes_per_s(self, size: int) -> float:
        """Return the best rate of a copy that moved as much or more, or else of the largest.

        What is smaller is never slower to copy: where it came out so, it was disturbed.
        """
        return max(
            (rate for moved, rate in self.copies if moved >= size), default=self.slowest_bytes_per_s
        )

    @property
    def slowest_bytes_per_s(self) -> float:
        """The rate of the largest copy, which no cache holds: that of the memory."""
        return self.copies[-1][1]

    def to_dict(self) -> dict[str, Any]:
        """Return the ceilings under their JSON names."""
        return {**asdict(self), "copies": [list(pair) for pair in self.copies]}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "Ceilings":
        """Read what to_dict() wrote."""
        copies = tuple((int(size), float(rate)) for size, rate in found["copies"])
        return cls(**{**found, "copies": copies})


@dataclass(frozen=True, slots=True)
class LayerTime:
    """A layer's work, its time, and the bound that the machine's ceilings set.

    Args:
        work: what it does.
        time_s: its own time in one pass, its children left out: median.
        bound_s: the least time in which this machine could do that work.
        bound: which ceiling sets it.
    """

    work: LayerWork
    time_s: float
    bound_s: float
    bound: Bound

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
            **asdict(self.work),
            "time_s": self.time_s,
            "intensity_flops_per_byte": self.intensity,
            "bound_s": self.bound_s,
            "bound": self.bound if self.work.operations else None,
            "attained": self.attained,
        }


@dataclass(frozen=True, slots=True)
class Roofline:
    """The layers of one cell under the machine's ceilings.

    Args:
        layers: those that took part in the pass, in the order of their first call.
        whole_s: the median time of a pass in which nothing was watched.
        ceilings: of the machine.
    """

    layers: tuple[LayerTime, ...]
    whole_s: float
    ceilings: Ceilings

    @property
    def sum_s(self) -> float:
        """What the layers' own times add up to: more than the whole by what watching takes."""
        return sum(layer.time_s for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """Return the roofline under its JSON names."""
        return {
            "whole_s": self.whole_s,
            "sum_s": self.sum_s,
            "ceilings": self.ceilings.to_dict(),
            "layers": [layer.to_dict() for layer in self.layers],
        }
