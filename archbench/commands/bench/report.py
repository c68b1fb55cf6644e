"""A Bench as a report: one row per cell, what it means below."""

from collections.abc import Mapping, Sequence
from typing import Any

from archbench.analysis.memory.records import MemoryEstimate
from archbench.commands.bench.records import Bench, Timing
from archbench.tables.table import Bound, Column, Kind, Report, Table, TableCell, Tone, Toned
from archbench.timing.records import Flag
from archbench.timing.words import FLAGS, how, machine_facts
from archbench.units import counted, duration

BAD: frozenset[Flag] = frozenset({"oom", "killed", "failed", "unsynchronised"})
MEANING = (
    "A latency is the median over fresh processes of the median time of one pass of the batch; its "
    "95 % interval is over processes. It is of this machine as it was: another one's compares with "
    "nothing here (docs/method.md)."
)


def bench_report(bench: Bench) -> Report:
    """Lay out what was measured, its machine and its flags."""
    return Report(
        "Latency, throughput and memory",
        (_table(bench.timings),),
        bench.to_dict(),
        _facts(bench),
        (*_notes(bench.timings), MEANING),
        rows=rows_table(bench.rows()),
    )


def _table(timings: Sequence[Timing]) -> Table:
    columns = [
        Column("model", "model"),
        Column("batch_size", "batch", Kind.INTEGER),
        Column("how", "how"),
        Column("latency_median_s", "latency", Kind.SECONDS, group="time"),
        Column("latency_low_s", "95 % low", Kind.SECONDS, 1, "time"),
        Column("latency_high_s", "high", Kind.SECONDS, 1, "time"),
        Column("latency_p90_s", "p90", Kind.SECONDS, 4, "time"),
        Column("latency_p99_s", "p99", Kind.SECONDS, 5, "time"),
        Column("device_median_s", "device", Kind.SECONDS, 3, "time"),
        Column("throughput_per_s", "images/s", Kind.RATE),
        Column("flops_per_s", "FLOP/s", Kind.COUNT, 6),
        Column("peak_memory_bytes", "peak memory", Kind.BYTES, 2, "memory"),
        Column("estimate_bytes", "estimate", Kind.BYTES, 7, "memory"),
        Column("compile_cold_s", "compile", Kind.SECONDS, 2, "compile"),
        Column("compile_warm_s", "cached", Kind.SECONDS, 3, "compile"),
        Column("flags", "flags"),
    ]
    rows = [_row(timing) for timing in timings]
    optional = {"how", "device_median_s", "compile_cold_s", "compile_warm_s", "flags"}
    shown = [
        i
        for i, column in enumerate(columns)
        if column.key not in optional or any(row[i] not in (None, "") for row in rows)
    ]
    return Table(
        tuple(columns[i] for i in shown), tuple(tuple(row[i] for i in shown) for row in rows)
    )


def _row(timing: Timing) -> tuple[TableCell, ...]:
    flags: TableCell = ""
    if timing.flags:
        words = "\n".join(flag.replace("_", " ") for flag in timing.flags)
        flags = Toned(words, Tone.BAD if BAD & set(timing.flags) else Tone.FAIR)
    return (
        timing.cell.model,
        timing.cell.batch_size,
        how(timing.cell),
        timing.latency_median_s,
        timing.latency_low_s,
        timing.latency_high_s,
        timing.latency_p90_s,
        timing.latency_p99_s,
        timing.device_median_s,
        timing.throughput_per_s,
        timing.flops_per_s,
        timing.peak_memory_bytes,
        _estimated(timing.estimate),
        timing.compile_cold_s,
        timing.compile_warm_s,
        flags,
    )


def _estimated(estimate: MemoryEstimate | None) -> TableCell:
    if estimate is None or estimate.complete:
        return None if estimate is None else estimate.peak_bytes
    return Bound(estimate.peak_bytes, "≥")


def _facts(bench: Bench) -> tuple[tuple[str, str], ...]:
    sessions = sum(timing.sessions for timing in bench.timings)
    samples = sum(timing.samples for timing in bench.timings)
    facts = _given(bench)
    if sessions:
        processes = counted(sessions, "fresh process", "fresh processes")
        times = counted(samples, "time")
        facts.append(("measured", f"{processes} in random turns, {times}"))
    if bench.environment is not None:
        facts += machine_facts(bench.environment)
    return tuple(facts)


def _given(bench: Bench) -> list[tuple[str, str]]:
    """Name the input and the arguments, which one call has for all its cells."""
    cells = [timing.cell for timing in bench.timings]
    facts = []
    inputs = {cell.inputs for cell in cells}
    if len(inputs) == 1:
        facts.append(("input", ", ".join(inputs.pop())))
    arguments = dict.fromkeys(f"{k}={v}" for cell in cells for k, v in cell.arguments.items())
    if arguments:
        facts.append(("arguments", ", ".join(arguments)))
    return facts


def _notes(timings: Sequence[Timing]) -> list[str]:
    found = dict.fromkeys(flag for timing in timings for flag in timing.flags)
    notes = [f"{flag.replace('_', ' ')}: {FLAGS[flag]}." for flag in found]
    for timing in timings:
        failure = timing.failure
        if failure is not None and failure.kind != "oom":
            notes.append(f"{timing.cell.model}, batch {timing.cell.batch_size}: {failure.message}")
    notes += lower_bounds([timing.estimate for timing in timings if timing.estimate])
    for timing in timings:
        if timing.compile_cold_s is not None:
            text = f"{timing.cell.model}: compiling takes {duration(timing.compile_cold_s)}"
            if timing.compile_warm_s is not None:
                text += f", {duration(timing.compile_warm_s)} from the cache"
            notes.append(f"{text}; no latency holds any of it.")
    return notes


def lower_bounds(estimates: Sequence[MemoryEstimate]) -> list[str]:
    """Say why some estimates are lower bounds; nothing where none is."""
    partial = [estimate.unknown for estimate in estimates if not estimate.complete]
    return [f"≥: a lower bound of the peak. {not_counted(partial)}"] if partial else []


def not_counted(unknown: Sequence[Sequence[str]]) -> str:
    """Return a sentence with the parts that incomplete estimates leave out.

    Args:
        unknown: of each estimate, the reasons why no upper bound is known.

    >>> not_counted([("attention",), ("attention", "recurrent layers")])
    'Not counted, or only in part: attention, recurrent layers.'
    >>> not_counted([()])
    'Not counted, or only in part: the buffers of threads.'
    """
    reasons = dict.fromkeys(reason for reasons in unknown for reason in reasons)
    return f"Not counted, or only in part: {', '.join(reasons) or 'the buffers of threads'}."


def rows_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out what CSV holds: every key of any row."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return Table(
        tuple(Column(key, key) for key in keys),
        tuple(tuple(row.get(key) for key in keys) for row in rows),
    )
