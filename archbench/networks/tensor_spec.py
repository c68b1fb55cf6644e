"""One input of a network, without its values."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.units import Shape


@dataclass(frozen=True, slots=True)
class TensorSpec(Record):
    """One input: its name, dtype ('float32') and shape without the batch."""

    name: str
    dtype: str
    shape: Shape
