"""The work of one layer in a forward pass."""

from dataclasses import dataclass

from archbench.record import Record


@dataclass(frozen=True, slots=True)
class LayerWork(Record):
    """The work of one module path in one forward pass, its children left out."""

    path: str  #: of the module; "" is the network itself
    type: str  #: its class
    macs: int  #: multiply-adds of convolutions, linear layers and matrix products
    bytes_moved: int  #: operands read and results written, once each
    operations: int  #: that move data
