"""What sessions add up to: one Timing per cell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from archbench.analysis.memory.records import MemoryEstimate
from archbench.commands.bench.layers.records import Roofline
from archbench.libraries import needed
from archbench.record import Record, as_json
from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.timing.records import Failure, Flag, Session

if TYPE_CHECKING:
    import pandas


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


@dataclass(frozen=True, slots=True)
class Bench(Record):
    """Everything that one call measured: a Timing per cell, and the raw sessions behind them."""

    timings: tuple[Timing, ...]
    sessions: tuple[Session, ...]

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

    def to_frame(self, what: Literal["cells", "layers"] = "cells") -> "pandas.DataFrame":
        """Return one row per cell, or per layer of each, the columns named as in CSV."""
        with needed("pandas", "data frames"):
            import pandas

        return pandas.DataFrame(self.rows() if what == "cells" else self.layer_rows())

    def rows(self) -> list[dict[str, Any]]:
        """Return every figure of every cell, and the machine's fingerprint, on one level."""
        own = {"fingerprint": self.environment.fingerprint if self.environment else None}
        found = [timing.to_dict() for timing in self.timings]
        for row in found:
            row.pop("roofline", None)
        return [flat(row) | own for row in found]

    def layer_rows(self) -> list[dict[str, Any]]:
        """Return every layer of every cell whose layers were watched."""
        return [
            {
                "model": timing.cell.model,
                "batch_size": timing.cell.batch_size,
                "precision": timing.cell.precision,
                **layer.to_dict(),
            }
            for timing in self.timings
            if timing.roofline is not None
            for layer in timing.roofline.layers
        ]


def flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Bring nested keys to one level, and lists into one cell: "memory_estimate_peak_bytes".

    >>> flat({"a": 1, "b": {"c": 2}, "flags": ["x", "y"], "d": None})
    {'a': 1, 'b_c': 2, 'flags': 'x y', 'd': None}
    """
    row: dict[str, Any] = {}
    for key, value in found.items():
        if isinstance(value, Mapping):
            row |= {f"{key}_{inner}": item for inner, item in value.items()}
        else:
            row[key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return row
