"""Fits as a report: the largest batch computed, and the largest that ran within the limit."""

from archbench.commands.bench.fits.records import Fit, Fits
from archbench.commands.bench.report import not_counted
from archbench.tables.table import Bound, Column, Kind, Report, Table, TableCell
from archbench.timing.words import how, machine_facts
from archbench.units import memory

MEANING = (
    "Peak is what torch's allocator hands out at the highest moment of a call: weights, buffers, "
    "inputs, activations and, in training, gradients and the optimizer's state. A process takes "
    "more than that for itself."
)


def fits_report(fits: Fits) -> Report:
    """Lay out every limit, its prediction and what running it showed."""
    columns = (
        Column("model", "model"),
        Column("how", "how"),
        Column("limit_bytes", "limit", Kind.SIZE, 3),
        Column("predicted_batch", "computed batch", Kind.INTEGER),
        Column("predicted_bytes", "computed peak", Kind.SIZE, 2),
        Column("found_batch", "largest run", Kind.INTEGER),
        Column("found_bytes", "its peak", Kind.SIZE, 1),
        Column("attempts", "tried"),
    )
    machines = (*columns, Column("predicted_complete", "complete"))
    shown = [c for c in columns if c.key != "how" or any(how(fit.cell) for fit in fits.fits)]
    rows = tuple(tuple(_value(fit, column.key) for column in shown) for fit in fits.fits)
    return Report(
        "The largest batch that fits",
        (Table(tuple(shown), rows),),
        fits.to_dict(),
        () if fits.environment is None else tuple(machine_facts(fits.environment)),
        (*_notes(fits), MEANING),
        rows=Table(machines, tuple(tuple(_value(f, c.key) for c in machines) for f in fits.fits)),
    )


def _value(fit: Fit, key: str) -> TableCell:
    if key == "model":
        return fit.cell.model
    if key == "how":
        return how(fit.cell)
    if key == "attempts":
        return _attempts(fit)
    if key == "predicted_complete":
        return str(fit.predicted_complete)
    value: TableCell = getattr(fit, key)
    if fit.predicted_complete:
        return value
    if key == "predicted_bytes":
        return Bound(fit.predicted_bytes, "≥")
    return Bound(fit.predicted_batch, "≤") if key == "predicted_batch" else value


def _notes(fits: Fits) -> list[str]:
    notes = [f"{fit.cell.model}: {fit.note}" for fit in fits.fits if fit.note]
    partial = [fit.predicted_unknown for fit in fits.fits if not fit.predicted_complete]
    if partial:
        bounds = "≥, ≤: a lower bound of the peak, and so an upper one of the batch."
        notes.append(f"{bounds} {not_counted(partial)}")
    return notes


def _attempts(fit: Fit) -> str | None:
    """Write every batch that was run, and whether it fitted."""
    words = [
        f"{attempt.batch_size} {'fits' if attempt.fits else _why(attempt.peak_bytes)}"
        for attempt in fit.attempts
    ]
    return "\n".join(words) or None


def _why(peak_bytes: int | None) -> str:
    return "out of memory" if peak_bytes is None else f"takes {memory(peak_bytes)}"
