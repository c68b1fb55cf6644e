"""A Roofline as a report: the work of each layer, its time, and the least time it could take."""

from collections.abc import Callable
from dataclasses import replace

from archbench.commands.bench.layers.records import LayerTime, Roofline
from archbench.commands.bench.records import Bench, Timing
from archbench.commands.bench.report import bench_report
from archbench.tables.columns import table_of, table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table, TableCell, Tone, Toned, at_least
from archbench.units import counted, duration

TONES = {"compute": Tone.GOOD, "memory": Tone.FAIR, "launch": Tone.QUIET}
ABOVE = 1.1  # of what is attainable: more than the ceilings' own noise
MEANING = (
    "A layer's time is its own, its children left out, in a pass in which no layer waits for "
    "another. Its bound is the longest of three: its FLOPs at the rate of a large matrix product, "
    "its bytes at the rate of a copy as large, its operations at the least time of one. Bytes are "
    "operands read and results written, once each."
)


def layers_report(bench: Bench) -> Report:
    """Return bench_report() with a table of layers for each cell that has one."""
    plain = bench_report(bench)
    tables, facts, notes = [], list(plain.facts), []
    for timing in bench.timings:
        if timing.roofline is not None:
            tables.append(_table(timing, timing.roofline))
            facts += _facts(timing.roofline)
            notes += _notes(timing, timing.roofline)
    return replace(
        plain,
        tables=(*plain.tables, *tables),
        facts=tuple(facts),
        notes=(*plain.notes, *notes, MEANING),
        rows=table_of_dicts(bench.to_rows("layers")),
    )


def _table(timing: Timing, roofline: Roofline) -> Table:
    """One row per layer, and one with their sum."""
    columns = _columns(roofline)
    title = f"{timing.cell.model}, batch {timing.cell.batch_size} {timing.cell.how}".strip()
    table = table_of([(column, cell) for column, cell, _ in columns], roofline.layers, title)
    return replace(table, rows=(*table.rows, tuple(total for _, _, total in columns)))


def _columns(
    roofline: Roofline,
) -> tuple[tuple[Column, Callable[[LayerTime], TableCell], TableCell], ...]:
    """Return each column, the value of a layer, and the value in the row of the sum."""
    sum_s, bound_s = roofline.sum_s, sum(layer.bound_s for layer in roofline.layers)
    macs = sum(layer.work.macs for layer in roofline.layers)
    whole = all(layer.work.complete for layer in roofline.layers)
    moved = sum(layer.work.bytes_moved for layer in roofline.layers)
    return (
        (Column("path", "layer"), lambda layer: layer.work.path or "(itself)", "(sum)"),
        (Column("type", "type", rank=5), lambda layer: layer.work.type, None),
        (Column("time_s", "time", Kind.SECONDS, group="time"), lambda layer: layer.time_s, sum_s),
        (
            Column("share", "of pass", Kind.SHARE),
            lambda layer: layer.time_s / sum_s if sum_s else None,
            1.0,
        ),
        (
            Column("macs", "MACs", Kind.COUNT, rank=2),
            lambda layer: at_least(layer.work.macs, layer.work.complete),
            at_least(macs, whole),
        ),
        (
            Column("bytes_moved", "moved", Kind.BYTES, rank=3),
            lambda layer: layer.work.bytes_moved,
            moved,
        ),
        (
            Column("intensity_flops_per_byte", "FLOP/byte", Kind.RATE, rank=4),
            lambda layer: at_least(layer.intensity, layer.work.complete),
            at_least(2 * macs / moved if moved else None, whole),
        ),
        (
            Column("bound_s", "least", Kind.SECONDS, 1, "time"),
            lambda layer: at_least(layer.bound_s, layer.work.complete),
            at_least(bound_s, whole),
        ),
        (
            Column("attained", "attained", Kind.SHARE),
            lambda layer: at_least(layer.attained, layer.work.complete),
            at_least(bound_s / sum_s if sum_s else None, whole),
        ),
        (Column("bound", "bound by"), _bound, None),
    )


def _bound(layer: LayerTime) -> TableCell:
    return Toned(layer.bound, TONES[layer.bound]) if layer.work.operations else None


def _facts(roofline: Roofline) -> list[tuple[str, str]]:
    more = roofline.sum_s / roofline.whole_s - 1
    return [
        (
            "whole pass",
            f"{duration(roofline.whole_s)} unwatched; the layers sum to "
            f"{duration(roofline.sum_s)}, {more:+.1%}",
        ),
        ("ceilings", roofline.ceilings.summary_line),
    ]


def _notes(timing: Timing, roofline: Roofline) -> list[str]:
    kinds: dict[str, float] = {}
    for layer in roofline.layers:
        if layer.work.operations:
            kinds[layer.bound] = kinds.get(layer.bound, 0.0) + layer.time_s
    parts = [
        f"{time / roofline.sum_s:.0%} in {kind}-bound layers"
        for kind, time in sorted(kinds.items(), key=lambda pair: -pair[1])
    ]
    notes = [f"{timing.cell.model}: {', '.join(parts)}."] if parts else []
    above = [layer for layer in roofline.layers if (layer.attained or 0) > ABOVE]
    if above:
        notes.append(
            f"{counted(len(above), 'layer')} took less than the bound: the operands were in a "
            "faster cache than a copy of that size, or the ceilings were measured on a busier "
            "machine (`archbench doctor --ceilings` measures them again)."
        )
    return notes
