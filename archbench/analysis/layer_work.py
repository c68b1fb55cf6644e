"""The work of one layer in a forward pass."""

from dataclasses import dataclass

from archbench.record import Record


@dataclass(frozen=True, slots=True)
class LayerWork(Record):
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
