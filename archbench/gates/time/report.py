"""A run of the time gate as a report: one row for each cell, worst first."""

from collections.abc import Sequence
from math import exp
from statistics import median

from archbench.gates.records import Verdict, worst_first
from archbench.gates.time.records import TimeGate
from archbench.gates.times_table import times_table
from archbench.gates.verdict_words import tally
from archbench.tables.columns import table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table
from archbench.timing.words import flag_notes, machine_facts
from archbench.units import counted, duration


def time_gate_report(gate: TimeGate) -> Report:
    """Lay out a run of the time gate."""
    verdicts = worst_first(gate.verdicts)
    words = tally([v.verdict for v in verdicts])
    return Report(
        title=f"Time of {gate.plan.head} by {gate.plan.base}: {words}",
        tables=(_table(gate, verdicts),),
        document=gate.to_dict(),
        facts=tuple((v.cell, v.note) for v in verdicts if v.note),
        background=_background(gate),
        notes=(
            *flag_notes([pair.flags for pair in gate.pairs], "pairs"),
            *_unlike_notes(gate),
            _meaning(gate),
        ),
        rows=table_of_dicts(gate.to_rows(), TimeGate.COLUMNS),
        whole="-f csv",
    )


def _table(gate: TimeGate, verdicts: Sequence[Verdict]) -> Table:
    rows = []
    for verdict in verdicts:
        pairs = [p for p in gate.pairs if p.cell == verdict.cell and p.failure is None]
        base_s = median(p.base_s for p in pairs) if pairs else None
        head_s = median(p.head_s for p in pairs) if pairs else None
        rows.append((verdict, base_s, head_s, verdict.pairs))
    return times_table(("cell", "base", "head"), Column("pairs", "pairs", Kind.INTEGER, 4), rows)


def _background(gate: TimeGate) -> tuple[tuple[str, str], ...]:
    facts = []
    if gate.control:
        values = [pair.log_ratio for pair in gate.control]
        ratio = f"median ratio {exp(median(values)):.3f} in {counted(len(values), 'pair')}"
        facts.append(("control", f"base by itself: {ratio}"))
    if gate.control_failure is not None:
        why = gate.control_failure.message
        facts.append(("control", f"base by itself failed, nothing vouches for this run: {why}"))
    if gate.pairs:
        wall_s = sum(pair.wall_s for pair in gate.pairs)
        pairs = counted(len(gate.pairs), "pair of fresh processes", "pairs of fresh processes")
        if gate.plan.one_process:
            pairs = counted(len(gate.pairs), "fresh process", "fresh processes")
        facts.append(("measured", f"{pairs} in {duration(wall_s)}"))
    if gate.environment is not None:
        facts += machine_facts(gate.environment)
    return tuple(facts)


def _unlike_notes(gate: TimeGate) -> list[str]:
    """Return a note on the measures against unequal sides that this system does not support."""
    env = gate.environment
    if env is None or not env.device.startswith("cpu"):
        return []
    lacks = []
    if not gate.plan.one_process and env.threads == 1 and all(p.core is None for p in gate.pairs):
        lacks.append("keep both sides to one core")
    if "GLIBC_TUNABLES" not in env.variables:
        lacks.append("take all memory from one heap of huge pages")
    if not lacks:
        return []
    system = env.system.partition(" ")[0]
    return [
        f"{system} could not {' and '.join(lacks)}. Equal sides then differ by more, so small "
        "slowdowns stay inconclusive more often; false alarms do not (docs/method.md)."
    ]


def _meaning(gate: TimeGate) -> str:
    rules = gate.plan.rules
    where = "fresh processes" if gate.plan.one_process else "pairs of fresh processes"
    return (
        f"A ratio is head's time over base's, measured beside each other in {where}. Regressed: an "
        f"exact test at {rules.alpha:.0%} for the whole run, and at least {rules.negligible:.0%} "
        f"slower; ok: that is not so, and {rules.important:.0%} can be ruled out (docs/method.md)."
    )
