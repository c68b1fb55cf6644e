"""Fits as a report: the largest batch computed, and the largest that ran within the limit."""

from archbench.commands.bench.fits.records import Fit, Fits
from archbench.commands.bench.report import not_counted
from archbench.tables.columns import Columns, table_of, without_empty
from archbench.tables.table import Bound, Column, Kind, Report, TableCell
from archbench.timing.words import how, machine_facts
from archbench.units import memory

MEANING = (
    "Peak is what torch's allocator hands out at the highest moment of a call: weights, buffers, "
    "inputs, activations and, in training, gradients and the optimizer's state. A process takes "
    "more than that for itself."
)


def _predicted_batch(fit: Fit) -> TableCell:
    return fit.predicted_batch if fit.predicted_complete else Bound(fit.predicted_batch, "≤")


def _predicted_bytes(fit: Fit) -> TableCell:
    return fit.predicted_bytes if fit.predicted_complete else Bound(fit.predicted_bytes, "≥")


def _attempts(fit: Fit) -> str | None:
    """Return a line for each batch that was run: whether it fits."""
    words = [
        f"{attempt.batch_size} {'fits' if attempt.fits else _why(attempt.peak_bytes)}"
        for attempt in fit.attempts
    ]
    return "\n".join(words) or None


def _why(peak_bytes: int | None) -> str:
    return "out of memory" if peak_bytes is None else f"takes {memory(peak_bytes)}"


COLUMNS: Columns[Fit] = (
    (Column("model", "model"), lambda fit: fit.cell.model),
    (Column("how", "how", optional=True), lambda fit: how(fit.cell)),
    (Column("limit_bytes", "limit", Kind.SIZE, 3), lambda fit: fit.limit_bytes),
    (Column("predicted_batch", "computed batch", Kind.INTEGER), _predicted_batch),
    (Column("predicted_bytes", "computed peak", Kind.SIZE, 2), _predicted_bytes),
    (Column("found_batch", "largest run", Kind.INTEGER), lambda fit: fit.found_batch),
    (Column("found_bytes", "its peak", Kind.SIZE, 1), lambda fit: fit.found_bytes),
    (Column("attempts", "tried"), _attempts),
)
COMPLETE: Columns[Fit] = (
    (Column("predicted_complete", "complete"), lambda fit: str(fit.predicted_complete)),
)


def fits_report(fits: Fits) -> Report:
    """Return the report of all limits: each with its computed batch and the batches that ran."""
    return Report(
        "The largest batch that fits",
        (without_empty(table_of(COLUMNS, fits.fits)),),
        fits.to_dict(),
        () if fits.environment is None else tuple(machine_facts(fits.environment)),
        (*_notes(fits), MEANING),
        rows=table_of((*COLUMNS, *COMPLETE), fits.fits),
    )


def _notes(fits: Fits) -> list[str]:
    notes = [f"{fit.cell.model}: {fit.note}" for fit in fits.fits if fit.note]
    partial = [fit.predicted_unknown for fit in fits.fits if not fit.predicted_complete]
    if partial:
        bounds = "≥, ≤: a lower bound of the peak, and so an upper one of the batch."
        notes.append(f"{bounds} {not_counted(partial)}")
    return notes
