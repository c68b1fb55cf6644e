"""The best that a machine was seen to do: what `bench --layers` holds layers to."""

from dataclasses import dataclass

from archbench.record import Record


@dataclass(frozen=True, slots=True)
class Ceilings(Record):
    """The best that a machine was seen to do, in one precision."""

    fingerprint: str  #: of the environment it was measured in
    device: str  #: "cpu", "cuda"
    device_name: str  #: for people
    precision: str  #: of the product
    flops_per_s: float  #: of a large matrix product, two per multiply-add
    #: (bytes read and written, bytes per second) of copies, from small ones that stay in a cache to
    #: one that does not
    copies: tuple[tuple[int, float], ...]
    launch_s: float  #: the least time of any operation

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
