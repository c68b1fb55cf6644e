"""The largest batch that fits into a limit of memory: computed, and tried."""

from dataclasses import dataclass
from typing import Any

from archbench.record import Record, Row, as_json
from archbench.timing.cells import Cell
from archbench.timing.machine.records import Environment
from archbench.units import memory


@dataclass(frozen=True, slots=True)
class Attempt(Record):
    """One batch that was run."""

    batch_size: int  #: samples in it
    #: the most that was allocated; None where it did not fit into the machine
    peak_bytes: int | None
    fits: bool  #: whether it stayed within the limit

    @property
    def summary_line(self) -> str:
        """The batch, and whether it fits: "64 takes 3.10 GiB"."""
        if self.fits:
            return f"{self.batch_size} fits"
        if self.peak_bytes is None:
            return f"{self.batch_size} out of memory"
        return f"{self.batch_size} takes {memory(self.peak_bytes)}"


@dataclass(frozen=True, slots=True)
class Fit(Record):
    """How large a batch may be."""

    KEYS = (
        *("limit_bytes", "predicted_batch", "predicted_bytes", "predicted_complete"),
        *("predicted_unknown", "found_batch", "found_bytes", "attempts", "note"),
    )

    cell: Cell  #: how the model is run; its batch size is the predicted one, or 1 where that is 0
    limit_bytes: int  #: weights, inputs, activations and the optimizer's state together
    predicted_batch: int  #: the largest whose computed peak is within the limit; 0 where none is
    predicted_bytes: int  #: that peak, of a batch of 1 where none fits
    #: whether that peak counts all that kernels take; if not it is a lower bound, and the predicted
    #: batch an upper one
    predicted_complete: bool = True
    predicted_unknown: tuple[str, ...] = ()  #: what it does not count, if that is known
    attempts: tuple[Attempt, ...] = ()  #: batches that were run, in their order
    note: str = ""  #: why none was run, or what a run ended with

    @property
    def summary_line(self) -> str:
        """Model, limit, and the largest batch: computed, and run."""
        sign = "" if self.predicted_complete else "≤ "
        run = "none was run" if self.found_batch is None else f"{self.found_batch} ran"
        limit = memory(self.limit_bytes)
        return f"{self.cell.model} in {limit}: batch {sign}{self.predicted_batch} computed, {run}"

    def to_rows(self) -> list[Row]:
        """Return the fit as one row; the batches that were run stand in one cell."""
        return [
            {
                "model": self.cell.model,
                "how": self.cell.how,
                "limit_bytes": self.limit_bytes,
                "predicted_batch": self.predicted_batch,
                "predicted_bytes": self.predicted_bytes,
                "found_batch": self.found_batch,
                "found_bytes": self.found_bytes,
                "attempts": self.tried,
                "predicted_complete": self.predicted_complete,
            }
        ]

    @property
    def tried(self) -> str | None:
        """A line for each batch that was run; None where none was."""
        return "\n".join(attempt.summary_line for attempt in self.attempts) or None

    @property
    def found_batch(self) -> int | None:
        """The largest batch that was run within the limit; None where none was."""
        return max((a.batch_size for a in self.attempts if a.fits), default=None)

    @property
    def found_bytes(self) -> int | None:
        """Its measured peak."""
        return next((a.peak_bytes for a in self.attempts if a.batch_size == self.found_batch), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the fit under its JSON names."""
        return {
            **self.cell.to_dict(),
            **Record.to_dict(self),
            "predicted_unknown": "; ".join(self.predicted_unknown),
        }


@dataclass(frozen=True, slots=True)
class Fits(Record):
    """What `archbench bench --fits` found, a Fit for each model, precision and mode."""

    fits: tuple[Fit, ...]
    environment: Environment | None

    @property
    def summary_line(self) -> str:
        """Each fit, in short."""
        return "; ".join(fit.summary_line for fit in self.fits)

    def to_rows(self) -> list[Row]:
        """Return a row for each fit."""
        return [row for fit in self.fits for row in fit.to_rows()]

    def to_dict(self) -> dict[str, Any]:
        """Return the object that it prints as JSON, schema archbench.fits/1."""
        return {
            "schema": "archbench.fits/1",
            "environment": as_json(self.environment),
            "cells": as_json(self.fits),
        }
