"""What sessions add up to: one Timing per cell."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from archbench.analysis.memory.records import MemoryEstimate
from archbench.commands.bench.layers.records import Roofline
from archbench.record import Record, Row, as_json, flat, frame_of
from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure, Flag, Session
from archbench.units import counted, duration, three_digits

if TYPE_CHECKING:
    import pandas

What = Literal["cells", "layers"]


@dataclass(frozen=True, slots=True)
class Timing(Record):
    """One cell, as all its sessions saw it. What could not be measured is None."""

    cell: Cell  #: what was measured
    sessions: int = 0  #: fresh processes that gave times
    samples: int = 0  #: times, in all of them
    #: of one pass of the batch on the host's clock: the median over processes of their medians
    latency_median_s: float | None = None
    latency_low_s: float | None = None  #: lower end of its 95 % interval, over processes
    latency_high_s: float | None = None  #: upper end
    latency_p90_s: float | None = None  #: nine in ten passes take no longer; from 64 samples on
    latency_p99_s: float | None = None  #: from 662 samples on
    #: of one pass on an accelerator's own clock, without waiting for launches
    device_median_s: float | None = None
    #: samples (images) per second, pass after pass: mean, not median
    throughput_per_s: float | None = None
    compile_cold_s: float | None = None  #: first call of a compiled model, with an empty cache
    #: the same in later processes, which find the compiled code
    compile_warm_s: float | None = None
    #: the most allocated at once, measured; weights and inputs included
    peak_memory_bytes: int | None = None
    activations_peak_bytes: int | None = None  #: the part of it that a pass allocates, measured
    estimate: MemoryEstimate | None = None  #: the same from the graph, without running it
    macs: int | None = None  #: multiply-adds of one forward pass of the batch
    gaps: tuple[str, ...] = ()  #: why that is a lower bound; empty if it is complete
    #: its layers under the machine's ceilings, where they were asked for
    roofline: Roofline | None = None
    flags: tuple[Flag, ...] = ()  #: what a reader should know
    failure: Failure | None = None  #: why there are no times

    @property
    def summary_line(self) -> str:
        """Cell, latency with its interval, throughput and flags; without times the flags alone.

        >>> Timing(Cell("vgg16"), 5, 90, 0.02, 0.019, 0.022, throughput_per_s=49.5)
        <Timing vgg16, batch 1, cpu: 20.0 ms (19.0 ms to 22.0 ms), 49.5 images/s>
        """
        return f"{self.cell.summary_line}: {self.result_line}"

    @property
    def result_line(self) -> str:
        """Latency with its interval, throughput and flags; without times the flags alone."""
        flags = ", ".join(flag.replace("_", " ") for flag in self.flags)
        if self.latency_median_s is None:
            return flags or "no times"
        text = duration(self.latency_median_s)
        if self.latency_low_s is not None and self.latency_high_s is not None:
            text += f" ({duration(self.latency_low_s)} to {duration(self.latency_high_s)})"
        if self.throughput_per_s is not None:
            text += f", {three_digits(self.throughput_per_s)} images/s"
        return f"{text}, {flags}" if flags else text

    @property
    def flops_per_s(self) -> float | None:
        """Floating-point operations of a forward pass, two per MAC, over its median latency."""
        if self.macs is None or self.latency_median_s is None or self.cell.mode == "train":
            return None
        return 2 * self.macs / self.latency_median_s

    def to_dict(self) -> dict[str, Any]:
        """Return the timing as the JSON contract names it."""
        others = ("cell", "estimate", "roofline", "flags", "failure", "gaps")
        figures = {n: getattr(self, n) for n in self.__dataclass_fields__ if n not in others}
        layers = {} if self.roofline is None else {"roofline": self.roofline.to_dict()}
        return {
            **self.cell.to_dict(),
            **figures,
            "flops_per_s": self.flops_per_s,
            **({"complete": False, "gaps": list(self.gaps)} if self.gaps else {}),
            "memory_estimate": as_json(self.estimate),
            "flags": list(self.flags),
            "failure": None if self.failure is None else self.failure.message,
            **layers,
        }

    def to_rows(self) -> list[Row]:
        """Return every figure in one row; its layers have rows of their own."""
        found = self.to_dict()
        found.pop("roofline", None)
        return [flat(found)]

    def layer_rows(self) -> list[Row]:
        """Return a row for each layer; none where the layers were not watched."""
        cell = {
            "model": self.cell.model,
            "batch_size": self.cell.batch_size,
            "precision": self.cell.precision,
        }
        return [] if self.roofline is None else [cell | row for row in self.roofline.to_rows()]


@dataclass(frozen=True, slots=True)
class Bench(Record):
    """Everything that one call measured: a Timing per cell, and the raw sessions behind them."""

    timings: tuple[Timing, ...]
    sessions: tuple[Session, ...]

    @property
    def summary_line(self) -> str:
        """The number of cells and processes, and the first cells with their latencies."""
        cells = counted(len(self.timings), "cell")
        processes = counted(len(self.sessions), "process", "processes")
        results = "; ".join(
            f"{t.cell.model}, batch {t.cell.batch_size}: {t.result_line}" for t in self.timings
        )
        return f"{cells} in {processes}: {results}"

    @property
    def environment(self) -> Environment | None:
        """Where the first session that got so far ran; None where none did."""
        return next((s.environment for s in self.sessions if s.environment is not None), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the object that `archbench bench -f json` prints, schema archbench.bench/1."""
        return {
            "schema": "archbench.bench/1",
            "environment": as_json(self.environment),
            "cells": [timing.to_dict() for timing in self.timings],
        }

    def to_rows(self, what: What = "cells") -> list[Row]:
        """Return a row for each cell, on one level, or for each layer of each watched cell."""
        if what == "layers":
            return [row for timing in self.timings for row in timing.layer_rows()]
        machine = {"fingerprint": self.environment.fingerprint if self.environment else None}
        return [row | machine for timing in self.timings for row in timing.to_rows()]

    def to_frame(self, what: What = "cells") -> "pandas.DataFrame":
        """Return one row per cell, or per layer of each, the columns named as in CSV."""
        return frame_of(self.to_rows(what))
