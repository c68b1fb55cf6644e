"""The computed memory of a network, and how far the figure can be relied on."""

from dataclasses import dataclass
from typing import Any

from archbench.networks.ways import Mode
from archbench.record import Record
from archbench.units import memory

PROMISED = 0.1  # a complete estimate is no further below the measured peak than this share of it


@dataclass(frozen=True, slots=True)
class MemoryEstimate(Record):
    """The memory of one call, in bytes: a forward pass without gradients, or a training step.

    A training step is one after the first: forward, loss, backward and optimizer, which has its
    state by then; no gradient is kept from the step before. Every figure counts what torch's
    allocator hands out; what a process needs besides (code, the CUDA context, memory that the
    allocator caches) is not in it.

    Kernels take memory of their own, which depends on the processor. The peak counts as much of it
    as is certain: it is a lower bound. Where the upper bound is close to it the estimate is
    complete; elsewhere reports write "≥" before the peak.
    """

    KEYS = (
        *("model", "mode", "batch_size", "dtype", "device", "optimizer"),
        *("weights_bytes", "buffers_bytes", "inputs_bytes", "optimizer_bytes", "gradients_bytes"),
        *("activations_peak_bytes", "activations_peak_high_bytes", "peak_bytes", "peak_high_bytes"),
        *("complete", "unknown", "note"),
    )

    model: str
    mode: Mode
    batch_size: int
    dtype: str  #: of the first input: "float32"
    device: str  #: whose kernels and allocator: "cpu", "cuda"
    optimizer: str | None  #: None at inference
    weights_bytes: int  #: all parameters, frozen ones included; what is shared, once
    buffers_bytes: int
    inputs_bytes: int
    optimizer_bytes: int  #: its state, alive between steps
    gradients_bytes: int  #: of the parameters, all together at the end of the backward pass
    #: most bytes alive at once that were not alive before the call: outputs, tensors saved for the
    #: backward pass, gradients, temporaries of operations and of the optimizer
    activations_peak_bytes: int
    activations_peak_high_bytes: int | None  #: its upper bound; None where no bound is known
    unknown: tuple[str, ...] = ()  #: why no upper bound is known: "convolution by SlowTranspose2d"
    note: str = ""  #: the reason why it ran elsewhere than on the meta device

    @property
    def summary_line(self) -> str:
        """Model, batch and peak; the peak of an incomplete estimate is a lower bound."""
        sign = "" if self.complete else "≥ "
        way = f"{self.model}, batch {self.batch_size}, {self.mode}"
        return f"{way}: peak {sign}{memory(self.peak_bytes)}, weights {memory(self.weights_bytes)}"

    @property
    def complete(self) -> bool:
        """Whether the peak is known to within a tenth; if not, it is a lower bound."""
        high = self.activations_peak_high_bytes
        return high is not None and high * (1 - PROMISED) <= self.activations_peak_bytes

    @property
    def peak_bytes(self) -> int:
        """The peak of the allocator during the call, weights included."""
        return self._before_bytes + self.activations_peak_bytes

    @property
    def peak_high_bytes(self) -> int | None:
        """The upper bound of the allocator's peak; None where no upper bound is known."""
        high = self.activations_peak_high_bytes
        return None if high is None else self._before_bytes + high

    @property
    def _before_bytes(self) -> int:
        return self.weights_bytes + self.buffers_bytes + self.inputs_bytes + self.optimizer_bytes

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate under its JSON names."""
        return Record.to_dict(self) | {"unknown": "; ".join(self.unknown)}
