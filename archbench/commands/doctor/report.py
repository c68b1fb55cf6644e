"""A Diagnosis as a report: the machine, its noise, and what to do about it."""

from archbench.commands.doctor.records import Diagnosis, Noise
from archbench.tables.table import Column, Kind, Report, Table
from archbench.units import counted, duration, memory


def doctor_report(diagnosis: Diagnosis) -> Report:
    """Return the report of a diagnosis; the advice stands last."""
    table = _environment_table(diagnosis)
    tables = [table] if diagnosis.noise is None else [_noise_table(diagnosis.noise), table]
    return Report(
        "This machine",
        tuple(tables),
        diagnosis.to_dict(),
        _facts(diagnosis),
        notes=_advice(diagnosis),
        rows=table,
    )


def _environment_table(diagnosis: Diagnosis) -> Table:
    """One row per known fact; "=" marks those that must agree to compare two times."""
    columns = (
        Column("fact", "machine"),
        Column("value", "", Kind.PROSE),
        Column("compared", "fingerprint"),
    )
    return Table(columns, tuple(tuple(row.values()) for row in diagnosis.to_rows()))


def _noise_table(noise: Noise) -> Table:
    columns = (
        Column("processes", "processes", Kind.INTEGER),
        Column("detectable", "compare sees", Kind.SHARE),
        Column("bench_interval", "bench is known to", Kind.SHARE),
    )
    rows = tuple(
        (count, effect, width)
        for (count, effect), (_, width) in zip(noise.detectable, noise.bench_interval, strict=True)
    )
    return Table(columns, rows, title="Seen nine times in ten")


def _facts(diagnosis: Diagnosis) -> tuple[tuple[str, str], ...]:
    facts = []
    noise = diagnosis.noise
    if noise is not None:
        processes = counted(noise.sessions, "fresh process", "fresh processes")
        facts += [
            (
                "noise",
                f"{noise.model} against itself, {counted(noise.rounds, 'round')} in {processes}, "
                f"{duration(noise.latency_median_s)} a pass",
            ),
            ("between processes", f"their medians differ by {noise.level_sd:.1%} (sd)"),
            ("in one process", f"ratios of models in turn differ by {noise.ratio_sd:.2%} (sd)"),
        ]
    load = diagnosis.load
    if load.others_cores is not None:
        names = ", ".join(f"{p.name} {p.cores:.2f}" for p in diagnosis.busiest)
        facts.append(
            ("others now", f"{load.others_cores:.2f} cores{f' ({names})' if names else ''}")
        )
    if load.steal_cores is not None:
        facts.append(("stolen now", f"{load.steal_cores:.2f} cores"))
    if diagnosis.available_memory_bytes is not None:
        facts.append(("memory left", memory(diagnosis.available_memory_bytes)))
    if diagnosis.ceilings is not None:
        facts.append(("ceilings", diagnosis.ceilings.summary_line))
    return tuple(facts)


def _advice(diagnosis: Diagnosis) -> tuple[str, ...]:
    if not diagnosis.advice:
        return ("Nothing here asks for a change.",)
    return tuple(f"{i}. {text[:1].upper()}{text[1:]}" for i, text in enumerate(diagnosis.advice, 1))
