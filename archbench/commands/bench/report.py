"""A Bench as a report: one row per cell, with facts and notes below."""

from collections.abc import Sequence

from archbench.commands.bench.records import Bench, Timing
from archbench.tables.columns import Columns, table_of, table_of_dicts, without_empty
from archbench.tables.table import Bound, Column, Kind, Report, TableCell, Tone, Toned
from archbench.timing.records import Flag
from archbench.timing.words import FLAGS, machine_facts
from archbench.units import counted, duration

BAD: frozenset[Flag] = frozenset({"oom", "killed", "failed", "unsynchronised"})
MEANING = (
    "A latency is the median over fresh processes of the median time of one pass of the batch; its "
    "95 % interval is over processes. It is of this machine as it was: another one's compares with "
    "nothing here (docs/method.md)."
)


def _estimate(timing: Timing) -> TableCell:
    estimate = timing.estimate
    if estimate is None or estimate.complete:
        return None if estimate is None else estimate.peak_bytes
    return Bound(estimate.peak_bytes, "≥")


def _flops_per_s(timing: Timing) -> TableCell:
    rate = timing.flops_per_s
    return Bound(rate, "≥") if rate is not None and timing.gaps else rate


def _flags(timing: Timing) -> TableCell:
    if not timing.flags:
        return ""
    words = "\n".join(flag.replace("_", " ") for flag in timing.flags)
    return Toned(words, Tone.BAD if BAD & set(timing.flags) else Tone.FAIR)


COLUMNS: Columns[Timing] = (
    (Column("model", "model"), lambda t: t.cell.model),
    (Column("batch_size", "batch", Kind.INTEGER), lambda t: t.cell.batch_size),
    (Column("how", "how", optional=True), lambda t: t.cell.how),
    (Column("latency_median_s", "latency", Kind.SECONDS, 0, "time"), lambda t: t.latency_median_s),
    (Column("latency_low_s", "95 % low", Kind.SECONDS, 1, "time"), lambda t: t.latency_low_s),
    (Column("latency_high_s", "high", Kind.SECONDS, 1, "time"), lambda t: t.latency_high_s),
    (Column("latency_p90_s", "p90", Kind.SECONDS, 4, "time"), lambda t: t.latency_p90_s),
    (Column("latency_p99_s", "p99", Kind.SECONDS, 5, "time"), lambda t: t.latency_p99_s),
    (
        Column("device_median_s", "device", Kind.SECONDS, 3, "time", optional=True),
        lambda t: t.device_median_s,
    ),
    (Column("throughput_per_s", "images/s", Kind.RATE), lambda t: t.throughput_per_s),
    (Column("flops_per_s", "FLOP/s", Kind.COUNT, 6), _flops_per_s),
    (
        Column("peak_memory_bytes", "peak memory", Kind.BYTES, 2, "memory"),
        lambda t: t.peak_memory_bytes,
    ),
    (Column("estimate_bytes", "estimate", Kind.BYTES, 7, "memory"), _estimate),
    (
        Column("compile_cold_s", "compile", Kind.SECONDS, 2, "compile", optional=True),
        lambda t: t.compile_cold_s,
    ),
    (
        Column("compile_warm_s", "cached", Kind.SECONDS, 3, "compile", optional=True),
        lambda t: t.compile_warm_s,
    ),
    (Column("flags", "flags", optional=True), _flags),
)


def bench_report(bench: Bench) -> Report:
    """Return the report of a measurement: its times, its machine and its flags."""
    return Report(
        "Latency, throughput and memory",
        (without_empty(table_of(COLUMNS, bench.timings)),),
        bench.to_dict(),
        _facts(bench),
        (*_notes(bench.timings), MEANING),
        rows=table_of_dicts(bench.to_rows()),
    )


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
    """Return the input and the arguments that are the same for all cells of a call."""
    cells = [timing.cell for timing in bench.timings]
    facts = []
    inputs = {cell.inputs for cell in cells}
    if len(inputs) == 1:
        facts.append(("input", ", ".join(inputs.pop())))
    pairs = [[f"{k}={v}" for k, v in cell.arguments.items()] for cell in cells]
    arguments = [pair for pair in pairs[0] if all(pair in own for own in pairs)] if pairs else []
    if arguments:
        facts.append(("arguments", ", ".join(arguments)))
    return facts


def _notes(timings: Sequence[Timing]) -> list[str]:
    found = dict.fromkeys(flag for timing in timings for flag in timing.flags)
    notes = [f"{flag.replace('_', ' ')}: {FLAGS[flag]}." for flag in found]
    gaps = dict.fromkeys((t.cell.model, gap) for t in timings for gap in t.gaps)
    notes += [f"The FLOP/s of {model} are a lower bound: {gap}." for model, gap in gaps]
    for timing in timings:
        failure = timing.failure
        if failure is not None and failure.kind != "oom":
            notes.append(f"{timing.cell.model}, batch {timing.cell.batch_size}: {failure.message}")
    estimates = [timing.estimate for timing in timings if timing.estimate]
    partial = [estimate.unknown for estimate in estimates if not estimate.complete]
    if partial:
        notes.append(f"≥: a lower bound of the peak. {not_counted(partial)}")
    for timing in timings:
        if timing.compile_cold_s is not None:
            text = f"{timing.cell.model}: compiling takes {duration(timing.compile_cold_s)}"
            if timing.compile_warm_s is not None:
                text += f", {duration(timing.compile_warm_s)} from the cache"
            notes.append(f"{text}; no latency holds any of it.")
    return notes


def not_counted(unknown: Sequence[Sequence[str]]) -> str:
    """Return a sentence with the parts that incomplete estimates leave out.

    `unknown` has the reasons of each estimate why no upper bound is known.

    >>> not_counted([("attention",), ("attention", "recurrent layers")])
    'Not counted, or only in part: attention, recurrent layers.'
    >>> not_counted([()])
    'Not counted, or only in part: the buffers of threads.'
    """
    reasons = dict.fromkeys(reason for reasons in unknown for reason in reasons)
    return f"Not counted, or only in part: {', '.join(reasons) or 'the buffers of threads'}."
