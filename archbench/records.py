"""The facts that archbench makes, as frozen records; nothing here computes, prints or needs torch.

A value that does not exist is None, never 0. Counts are in units, times in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from archbench.units import Shape

if TYPE_CHECKING:
    import pandas

CONVENTION = "macs: convolution, linear and matrix products; see docs/conventions.md"


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a network was published."""

    short: str  # "Szegedy et al."
    authors: str
    title: str
    where: str  # "arXiv:1409.4842", else the conference
    year: int

    def __str__(self) -> str:
        """Cite it in one line."""
        return f"{self.short}, {self.title}, {self.where}"

    @property
    def dated(self) -> str:
        """Where it was published, and when."""
        year = str(self.year)
        return self.where if year in self.where else f"{self.where}, {year}"

    @property
    def url(self) -> str | None:
        """Its page, where it has a number on arXiv."""
        server, colon, number = self.where.partition(":")
        return f"https://arxiv.org/abs/{number}" if server == "arXiv" and colon else None


@dataclass(frozen=True, slots=True)
class PublishedError:
    """An error rate that someone prints, with what it holds for.

    Args:
        data: the data set and the part of it.
        top1_error_percent: of images whose class is not the first guess.
        top5_error_percent: of images whose class is not among the first five.
        views: how many crops of an image are looked at, and at how many scales.
        models: networks in the ensemble; 1 is the network alone.
        source: where it is printed.
    """

    data: str
    top1_error_percent: float | None
    top5_error_percent: float | None
    views: str
    models: int
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Return the figure under its JSON names."""
        return {
            "data": self.data,
            "top1_error_percent": self.top1_error_percent,
            "top5_error_percent": self.top5_error_percent,
            "views": self.views,
            "models": self.models,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Architecture:
    """One network of the shelf: a row of the registry.

    Args:
        name: what it is asked for by.
        family: what it is listed under.
        paper: where it was published.
        module: the file in archbench.archs that builds it.
        options: what this name passes to that file's build().
        input_shape: without the batch: (channels, height, width).
        num_classes: that it tells apart; None for a module by itself.
        differs: how it differs from what people meet elsewhere, or what of it is not published.
        errors: that were published for it; the first is the one to list.
        training: (what, how): initialisation, dropout, losses, as published.
        choices: (argument, what it takes) that users may pass to build().
    """

    name: str
    family: str
    paper: Paper
    module: str
    options: Mapping[str, Any]
    input_shape: Shape
    num_classes: int | None
    differs: str
    errors: tuple[PublishedError, ...] = ()
    training: tuple[tuple[str, str], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def year(self) -> int:
        """The year of its paper."""
        return self.paper.year

    def to_dict(self) -> dict[str, Any]:
        """Return the row as `archbench.list/1` prints it."""
        return {
            "name": self.name,
            "family": self.family,
            "year": self.year,
            "paper": str(self.paper),
            "input_shape": list(self.input_shape),
            "num_classes": self.num_classes,
            "differs": self.differs,
            "published_errors": [error.to_dict() for error in self.errors],
        }


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input: its name, dtype ('float32') and shape without the batch."""

    name: str
    dtype: str
    shape: Shape

    def to_dict(self) -> dict[str, Any]:
        """Return the input as the JSON contract names it."""
        return {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}


PaperRow = tuple[str | None, tuple[str | int | None, ...]]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """The columns that a paper's own table has beside sizes and costs.

    Args:
        source: the paper and its table.
        heading: what the paper calls the first column.
        columns: (key, title) in the paper's order; "input_shape", "output_shape" and "depth" stand
            where the computed ones belong.
        rows: stage name -> (the paper's label, None where it is the stage's name; the value of
            each other column, None where the paper has none).
        notes: sentences about where the network and the printed table differ.
    """

    source: str
    heading: str
    columns: tuple[tuple[str, str], ...]
    rows: Mapping[str, PaperRow]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """What a whole network holds and does in one forward pass of the batch."""

    params: int  # elements of all parameters, frozen ones included, each tensor once
    trainable_params: int
    buffers: int
    macs: int  # multiply-adds of convolutions, linear layers and matrix products
    activations: int  # output elements of those same operations
    depth: int  # longest chain of convolution and linear layers

    @property
    def flops(self) -> int:
        """Floating-point operations: a multiply and an add for every MAC."""
        return 2 * self.macs

    def to_dict(self) -> dict[str, int]:
        """Return the totals in the order of the JSON contract."""
        return {
            "params": self.params,
            "trainable_params": self.trainable_params,
            "buffers": self.buffers,
            "macs": self.macs,
            "flops": self.flops,
            "activations": self.activations,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True)
class StageCost:
    """A top-level child and everything inside it; "" is what the network does outside of them."""

    name: str
    output_shape: Shape | None
    params: int
    macs: int
    activations: int
    depth: int | None  # layers on the longest chain inside; None if the stage is not called itself
    input_shape: Shape | None = None  # of the first tensor that it is given

    def to_dict(self) -> dict[str, Any]:
        """Return the stage as the JSON contract names it."""
        return {
            "name": self.name,
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "params": self.params,
            "macs": self.macs,
            "activations": self.activations,
            "depth": self.depth,
        }


@dataclass(frozen=True, slots=True)
class LayerCost:
    """What one module path owns and does itself, without its children."""

    path: str
    type: str
    output_shape: Shape | None  # of the first tensor of the first call
    params: int
    macs: int
    activations: int
    calls: int

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as the JSON contract names it."""
        return {
            "path": self.path,
            "type": self.type,
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "params": self.params,
            "macs": self.macs,
            "activations": self.activations,
            "calls": self.calls,
        }


def _plain(value: Any) -> Any:
    """Keep what JSON has a form for, and write out the rest."""
    return value if isinstance(value, str | int | float | None) else repr(value)


Bucket = Literal["counted", "zero", "unknown"]


@dataclass(frozen=True, slots=True)
class OperationCount:
    """How often an operation ran, and in which of the three buckets its cost fell."""

    op: str  # without its overload: "aten.convolution"
    calls: int
    macs: int
    bucket: Bucket

    def to_dict(self) -> dict[str, Any]:
        """Return the operation as the JSON contract names it."""
        return {"op": self.op, "calls": self.calls, "macs": self.macs, "bucket": self.bucket}


@dataclass(frozen=True, slots=True)
class Profile:
    """The exact analysis of one network at one input size.

    Shapes are without the batch; counts are for the whole batch.
    """

    model: str
    inputs: tuple[TensorSpec, ...]
    batch_size: int
    totals: Totals
    stages: tuple[StageCost, ...]
    layers: tuple[LayerCost, ...]
    operations: tuple[OperationCount, ...]
    uncalled: tuple[str, ...]  # modules that never ran
    device: str  # "meta", or where a model ran that reads tensor values
    note: str = ""  # why it ran elsewhere
    convention: str = CONVENTION
    arguments: Mapping[str, Any] = field(default_factory=dict)  # that the network was built with

    @property
    def uncounted(self) -> tuple[OperationCount, ...]:
        """The operations that have no rule: the MACs are a lower bound if there are any."""
        return tuple(op for op in self.operations if op.bucket == "unknown")

    def stage(self, name: str) -> StageCost | None:
        """Return the stage of that name, or None where this network has none."""
        return next((stage for stage in self.stages if stage.name == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench summary -f json` prints, schema archbench.profile/1."""
        return {
            "schema": "archbench.profile/1",
            "model": self.model,
            "arguments": {name: _plain(value) for name, value in self.arguments.items()},
            "inputs": [spec.to_dict() for spec in self.inputs],
            "batch_size": self.batch_size,
            "totals": self.totals.to_dict(),
            "stages": [stage.to_dict() for stage in self.stages],
            "layers": [layer.to_dict() for layer in self.layers],
            "operations": [op.to_dict() for op in self.operations],
            "uncounted": [{"op": op.op, "calls": op.calls} for op in self.uncounted],
            "uncalled": list(self.uncalled),
            "device": self.device,
            "note": self.note,
            "convention": self.convention,
        }

    def to_frame(self, what: Literal["stages", "layers"] = "stages") -> "pandas.DataFrame":
        """Return the stages or the layers as a data frame, shapes as (C, H, W) tuples."""
        import pandas

        rows = [record.to_dict() for record in getattr(self, what)]
        frame = pandas.DataFrame(rows)
        if "output_shape" in frame:
            frame["output_shape"] = [record.output_shape for record in getattr(self, what)]
        return frame


@dataclass(frozen=True, slots=True)
class CrossCheckRow:
    """One kind of operation, counted twice."""

    operator: str
    macs: int
    fvcore: int
    why: str  # they differ, or "" where they agree

    def to_dict(self) -> dict[str, Any]:
        """Return the row under its JSON names."""
        return {
            "operator": self.operator,
            "macs": self.macs,
            "fvcore": self.fvcore,
            "difference": self.fvcore - self.macs,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class CrossCheck:
    """The same network counted by fvcore.

    Args:
        version: fvcore's.
        rows: one per kind of operation; both columns sum to the totals of both counters.
        missed: (operation, calls) that fvcore says it has no rule for, and archbench counts.
    """

    version: str
    rows: tuple[CrossCheckRow, ...]
    missed: tuple[tuple[str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the cross-check under its JSON names."""
        return {
            "fvcore_version": self.version,
            "operators": [row.to_dict() for row in self.rows],
            "missed_by_fvcore": [{"op": op, "calls": calls} for op, calls in self.missed],
        }


@dataclass(frozen=True, slots=True)
class Environment:
    """Where something was measured."""

    python: str
    torch: str
    system: str
    processor: str
    cores: int | None  # this process may run on
    threads: int  # torch computes with
    device: str
    device_name: str

    def to_dict(self) -> dict[str, Any]:
        """Return the environment as the JSON contract names it."""
        return {
            "python": self.python,
            "torch": self.torch,
            "system": self.system,
            "processor": self.processor,
            "cores": self.cores,
            "threads": self.threads,
            "device": self.device,
            "device_name": self.device_name,
        }


@dataclass(frozen=True, slots=True)
class Session:
    """Raw times of one process, in which the models took turns call by call.

    Args:
        models: their names; the first is the reference.
        rounds_ns: one tuple per round, the time of each model's call in it.
        warm_up_rounds: rounds before those, thrown away.
        settled: whether the times had stopped drifting when measuring began.
        seed: of the order in which the models took turns.
    """

    models: tuple[str, ...]
    rounds_ns: tuple[tuple[int, ...], ...]
    batch_size: int
    warm_up_rounds: int
    settled: bool
    seed: int
    environment: Environment


StructureVerdict = Literal["equal", "smaller", "larger"]
TimeVerdict = Literal["faster", "slower", "no_difference", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Change:
    """One quantity of a model beside the reference's.

    Args:
        metric: its name, the unit last: "params", "macs", "calls", "latency_median_s".
        subject: "total", a stage, or an operation.
        model: whose value `b` is; `a` is the reference's. None where one of them has no such
            subject.
        ratio: b / a; None where a is 0 or either is missing.
        low: lower end of the ratio's 95 % interval, of measured quantities.
        high: its upper end.
    """

    metric: str
    subject: str
    model: str
    a: int | float | None
    b: int | float | None
    verdict: StructureVerdict | TimeVerdict
    ratio: float | None = None
    low: float | None = None
    high: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as the JSON contract names it."""
        return {
            "metric": self.metric,
            "subject": self.subject,
            "model": self.model,
            "a": self.a,
            "b": self.b,
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Networks beside a reference, the first of them: structure exactly, time with its error."""

    profiles: tuple[Profile, ...]
    changes: tuple[Change, ...]
    session: Session | None = None
    latencies_s: tuple[float, ...] | None = None  # median of each model's calls

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench compare -f json` prints."""
        return {
            "schema": "archbench.compare/1",
            "models": [self._model(i) for i in range(len(self.profiles))],
            "changes": [change.to_dict() for change in self.changes],
            "environment": self.session.environment.to_dict() if self.session else None,
        }

    def _model(self, i: int) -> dict[str, Any]:
        timing = None
        if self.session is not None and self.latencies_s is not None:
            timing = {
                "latency_median_s": self.latencies_s[i],
                "samples": len(self.session.rounds_ns),
                "batch_size": self.session.batch_size,
                "scope": "this process only",
                "settled": self.session.settled,
                "seed": self.session.seed,
            }
        profile = self.profiles[i]
        return {"name": profile.model, "totals": profile.totals.to_dict(), "timing": timing}
