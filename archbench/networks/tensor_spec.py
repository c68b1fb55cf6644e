"""One input of a network, without its values."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archbench.units import Shape

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input: its name, dtype ('float32') and shape without the batch."""

    name: str
    dtype: str
    shape: Shape

    def to_dict(self) -> dict[str, Any]:
        """Return the input as the JSON contract names it."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}
