"""The counts of one forward pass of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from archbench.networks.tensor_spec import TensorSpec
from archbench.record import Record, Row, as_json, frame_of
from archbench.units import Shape, counted, scaled, shape_for_people

if TYPE_CHECKING:
    import pandas

#: counts that are lower bounds if the analysis is incomplete; parameters are not among them
BOUNDED = frozenset({"macs", "flops", "activations", "depth"})
CONVENTION_NUMBER = 1  # of docs/conventions.md; counts under another number compare with nothing
CONVENTION = "macs: convolution, linear and matrix products; see docs/conventions.md"


@dataclass(frozen=True, slots=True)
class Totals(Record):
    """The counts of a whole network in one forward pass of the batch."""

    KEYS = (
        *("params", "trainable_params", "buffers", "macs", "flops", "activations", "depth"),
        "complete",
    )

    params: int  #: elements of all parameters, frozen ones included, each tensor once
    trainable_params: int
    buffers: int
    macs: int  #: multiply-adds of convolutions, linear layers and matrix products
    activations: int  #: output elements of those same operations
    depth: int  #: longest chain of convolution and linear layers
    complete: bool = True  #: False: MACs, activations and depth are lower bounds

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiply and an add for every MAC."""
        return 2 * self.macs

    @property
    def summary_line(self) -> str:
        """Parameters, MACs and depth: "11,689,512 params, 1.81 G MACs, 18 layers deep"."""
        sign = bound_sign(self.complete)
        depth = counted(self.depth, "layer")
        return f"{_params_and_macs(self)}, {sign}{depth} deep"


@dataclass(frozen=True, slots=True)
class StageCost(Record):
    """The counts of a top-level child and everything inside; "" is the network's own forward()."""

    KEYS = (
        *("name", "input_shape", "output_shape", "params", "macs", "activations", "depth"),
        "complete",
    )

    name: str
    output_shape: Shape | None
    params: int
    macs: int
    activations: int
    depth: int | None  #: layers on the longest chain inside; None if the stage is not called itself
    input_shape: Shape | None = None  #: of its first input tensor
    complete: bool = True  #: False: MACs, activations and depth are lower bounds

    @property
    def summary_line(self) -> str:
        """Name, output size, parameters and MACs."""
        size = shape_for_people(self.output_shape)
        return f"{self.name or '(itself)'}: {_params_and_macs(self)}, output {size or '-'}"

    def to_rows(self) -> list[Row]:
        """Return the counts as one row, shapes as (C, H, W) tuples."""
        return [self.values()]


@dataclass(frozen=True, slots=True)
class LayerCost(Record):
    """The counts of one module path, without its children."""

    path: str
    type: str
    output_shape: Shape | None  #: of the first tensor of the first call
    params: int
    macs: int
    activations: int
    calls: int
    trainable_params: int = 0
    buffers: int = 0
    complete: bool = True  #: False: MACs and activations are lower bounds

    @property
    def summary_line(self) -> str:
        """Path, type, output size, parameters and MACs."""
        size = shape_for_people(self.output_shape)
        path = self.path or "(itself)"
        return f"{path} ({self.type}): {_params_and_macs(self)}, output {size or '-'}"

    def to_rows(self) -> list[Row]:
        """Return the counts as one row, the shape as a (C, H, W) tuple."""
        return [self.values()]


def bound_sign(complete: bool) -> str:
    """Return the sign before a count that is only a lower bound."""
    return "" if complete else "≥ "


def _params_and_macs(counts: Totals | StageCost | LayerCost) -> str:
    """Write the parameters to the digit and the MACs with a prefix."""
    return f"{counts.params:,} params, {bound_sign(counts.complete)}{scaled(counts.macs)} MACs"


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: other types as their repr()."""
    return value if isinstance(value, str | int | float | None) else repr(value)


Bucket = Literal["counted", "zero", "other", "unknown"]
What = Literal["stages", "layers", "operations"]


@dataclass(frozen=True, slots=True)
class OperationCount(Record):
    """How often an operation ran, its MACs, and the bucket of its cost."""

    op: str  #: without its overload: "aten.convolution"
    calls: int
    macs: int
    bucket: Bucket
    kind: str = ""  #: of an operation in the bucket "other": "fourier transform"
    operations: int | None = None  #: floating-point operations of all calls, where a textbook says

    @property
    def summary_line(self) -> str:
        """Name, number of calls and cost."""
        costs = {
            "counted": f"{scaled(self.macs)} MACs",
            "zero": "0 MACs by convention",
            "other": self.kind,
            "unknown": "no rule",
        }
        return f"{self.op}: {counted(self.calls, 'call')}, {costs[self.bucket]}"

    def to_dict(self) -> dict[str, Any]:
        """Return the count under its JSON names; kind and operations of other work only."""
        counts = {"op": self.op, "calls": self.calls, "macs": self.macs, "bucket": self.bucket}
        other = {"kind": self.kind, "operations": self.operations}
        return counts | other if self.bucket == "other" else counts


@dataclass(frozen=True, slots=True)
class UnusedParams(Record):
    """Parameters that no operation read."""

    path: str  #: of a module none of whose parameters was read, or of one parameter: "conv.bias"
    params: int  #: their elements


@dataclass(frozen=True, slots=True)
class Profile(Record):
    """The exact analysis of one network at one input size.

    Shapes are without the batch; counts are for the whole batch.
    """

    model: str
    #: every tensor among the arguments of forward(); those that a function returned, and those
    #: inside lists, dicts and objects, have their whole shapes
    inputs: tuple[TensorSpec, ...]
    batch_size: int
    totals: Totals
    stages: tuple[StageCost, ...]
    layers: tuple[LayerCost, ...]
    operations: tuple[OperationCount, ...]
    uncalled: tuple[str, ...]  #: modules whose forward() was not called; their weights may be used
    device: str  #: "meta", or the own device of a model that reads tensor values
    note: str = ""  #: the reason why it ran on its own device
    convention: str = CONVENTION
    arguments: Mapping[str, Any] = field(default_factory=dict)  #: that the network was built with
    missed: tuple[str, ...] = ()  #: what the analysis did not see, beside operations without a rule
    #: parameters that count, though no operation read them; None if some operations were not seen
    unused_params: tuple[UnusedParams, ...] | None = ()
    #: the user's function that returned the inputs, "net.py:inputs"; empty where they are sizes or
    #: the caller's tensors
    input_function: str = ""
    #: sentences that a reader of the figures needs, without a full stop
    remarks: tuple[str, ...] = ()

    @property
    def summary_line(self) -> str:
        """Model and totals: "resnet18: 11,689,512 params, 1.81 G MACs, 18 layers deep"."""
        return f"{self.model}: {self.totals.summary_line}"

    @property
    def uncounted(self) -> tuple[OperationCount, ...]:
        """The operations that have no rule; if there are any, the MACs are a lower bound."""
        return tuple(op for op in self.operations if op.bucket == "unknown")

    @property
    def gaps(self) -> tuple[str, ...]:
        """Why the counts are lower bounds; empty if they are complete."""
        names = ", ".join(f"{op.op} ({op.calls}x)" for op in self.uncounted)
        return ((f"no rule for {names}",) if names else ()) + self.missed

    def stage(self, name: str) -> StageCost | None:
        """Return the stage of that name, or None where this network has none."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench summary -f json` prints, schema archbench.profile/1."""
        return {
            "schema": "archbench.profile/1",
            "model": self.model,
            "arguments": {name: _plain(value) for name, value in self.arguments.items()},
            "inputs": as_json(self.inputs),
            **({"input_function": self.input_function} if self.input_function else {}),
            "batch_size": self.batch_size,
            "totals": self.totals.to_dict(),
            "stages": as_json(self.stages),
            "layers": as_json(self.layers),
            "operations": as_json(self.operations),
            "uncounted": [{"op": op.op, "calls": op.calls} for op in self.uncounted],
            "missed": list(self.missed),
            **({"remarks": list(self.remarks)} if self.remarks else {}),
            "uncalled": list(self.uncalled),
            "unused_params": as_json(self.unused_params),
            "device": self.device,
            "note": self.note,
            "convention": self.convention,
        }

    def to_rows(self, what: What = "stages") -> list[Row]:
        """Return a row for each stage, layer or operation, shapes as (C, H, W) tuples."""
        parts: tuple[Record, ...] = getattr(self, what)
        return [row for part in parts for row in part.to_rows()]

    def to_frame(self, what: What = "stages") -> "pandas.DataFrame":
        """Return the stages, layers or operations as a data frame, shapes as (C, H, W) tuples."""
        return frame_of(self.to_rows(what))
