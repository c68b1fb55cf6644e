"""The work of one layer in a forward pass."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.units import memory, scaled


@dataclass(frozen=True, slots=True)
class LayerWork(Record):
    """The work of one module path in one forward pass, its children left out."""

    OMITTED = ("complete",)

    path: str  #: of the module; "" is the network itself
    type: str  #: its class
    macs: int  #: multiply-adds of convolutions, linear layers and matrix products
    bytes_moved: int  #: operands read and results written, once each
    operations: int  #: that move data
    complete: bool = True  #: False: an operation without a rule ran, and `macs` is a lower bound

    @property
    def summary_line(self) -> str:
        """Path, type, MACs and bytes."""
        sign = "" if self.complete else "≥ "
        work = f"{sign}{scaled(self.macs)} MACs, {memory(self.bytes_moved)} moved"
        return f"{self.path or '(itself)'} ({self.type}): {work}"
