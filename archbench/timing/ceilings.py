"""A machine's ceilings: its best measured rates, which `bench --layers` compares layers with."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.units import duration, memory, scaled


@dataclass(frozen=True, slots=True)
class Ceilings(Record):
    """A machine's best measured rates, in one precision."""

    fingerprint: str  #: of the environment it was measured in
    device: str  #: "cpu", "cuda"
    device_name: str  #: name of the processor or the accelerator
    precision: str  #: of the matrix product
    flops_per_s: float  #: of a large matrix product, two per multiply-add
    #: (bytes read and written, bytes per second) of copies, from small ones, which stay in a cache,
    #: to one that does not
    copies: tuple[tuple[int, float], ...]
    launch_s: float  #: the least time of any operation

    @property
    def summary_line(self) -> str:
        """The rates: "92.1 GFLOP/s in fp32; 10.2 GiB/s from memory, up to ... an operation"."""
        return (
            f"{scaled(self.flops_per_s)}FLOP/s in {self.precision}; "
            f"{memory(self.slowest_bytes_per_s)}/s from memory, "
            f"up to {memory(self.bytes_per_s(0))}/s from caches; "
            f"{duration(self.launch_s)} an operation"
        )

    def bytes_per_s(self, size: int) -> float:
        """Return the best rate of all copies of this size or larger; beyond the largest, its rate.

        A smaller copy is never slower: where it was measured so, it was disturbed.
        """
        return max(
            (rate for moved, rate in self.copies if moved >= size), default=self.slowest_bytes_per_s
        )

    @property
    def slowest_bytes_per_s(self) -> float:
        """The rate of the largest copy, which no cache holds: the rate of the memory."""
        return self.copies[-1][1]
