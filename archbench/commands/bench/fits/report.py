"""Fits as a report: the largest batch computed, and the largest that ran within the limit."""

from archbench.commands.bench.fits.records import Fit, Fits
from archbench.commands.bench.report import not_counted
from archbench.tables.columns import Columns, table_of, table_of_dicts, without_empty
from archbench.tables.table import Bound, Column, Kind, Report, TableCell
from archbench.timing.words import machine_facts

MEANING = (
    "Peak is what torch's allocator hands out at the highest moment of a call: weights, buffers, "
    "inputs, activations and, in training, gradients and the optimizer's state. A process takes "
    "more than that for itself."
)


def _predicted_batch(fit: Fit) -> TableCell:
    return fit.predicted_batch if fit.predicted_complete else Bound(fit.predicted_batch, "≤")


def _predicted_bytes(fit: Fit) -> TableCell:
    return fit.predicted_bytes if fit.predicted_complete else Bound(fit.predicted_bytes, "≥")


COLUMNS: Columns[Fit] = (
    (Column("model", "model"), lambda fit: fit.cell.model),
    (Column("how", "how", optional=True), lambda fit: fit.cell.how),
    (Column("limit_bytes", "limit", Kind.SIZE, 3), lambda fit: fit.limit_bytes),
    (Column("predicted_batch", "computed batch", Kind.INTEGER), _predicted_batch),
    (Column("predicted_bytes", "computed peak", Kind.SIZE, 2), _predicted_bytes),
    (Column("found_batch", "largest run", Kind.INTEGER), lambda fit: fit.found_batch),
    (Column("found_bytes", "its peak", Kind.SIZE, 1), lambda fit: fit.found_bytes),
    (Column("attempts", "tried"), lambda fit: fit.tried),
)


def fits_report(fits: Fits) -> Report:
    """Return the report of all limits: each with its computed batch and the batches that ran."""
    return Report(
        "The largest batch that fits",
        (without_empty(table_of(COLUMNS, fits.fits)),),
        fits.to_dict(),
        () if fits.environment is None else tuple(machine_facts(fits.environment)),
        (*_notes(fits), MEANING),
        rows=table_of_dicts(fits.to_rows()),
    )


def _notes(fits: Fits) -> list[str]:
    notes = [f"{fit.cell.model}: {fit.note}" for fit in fits.fits if fit.note]
    partial = [fit.predicted_unknown for fit in fits.fits if not fit.predicted_complete]
    if partial:
        bounds = "≥, ≤: a lower bound of the peak, and so an upper one of the batch."
        notes.append(f"{bounds} {not_counted(partial)}")
    return notes
