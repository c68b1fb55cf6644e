"""One input of a network, without its values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from archbench.record import Record
from archbench.units import Shape

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class TensorSpec(Record):
    """One input: its name, dtype ('float32') and shape without the batch."""

    name: str
    dtype: str
    shape: Shape
