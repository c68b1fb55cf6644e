"""One input of a network, without its values."""

from dataclasses import dataclass

from archbench.record import Record
from archbench.units import Shape, shape_for_people

DTYPES = frozenset(
    "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 bool complex64".split()
)


@dataclass(frozen=True, slots=True)
class TensorSpec(Record):
    """One input of a network."""

    OMITTED = ("batched",)

    name: str  #: of the argument of forward()
    dtype: str  #: "float32"
    shape: Shape  #: without the batch
    batched: bool = (
        True  #: False: the tensor has this shape whatever the batch is, as a graph's has
    )

    @property
    def summary_line(self) -> str:
        """Name, type and shape: "x float32 224×224×3"."""
        return f"{self.name} {self.dtype} {shape_for_people(self.shape)}"

    def of_batch(self, batch_size: int) -> Shape:
        """Return the shape of the tensor at a batch size."""
        return (batch_size, *self.shape) if self.batched else self.shape
