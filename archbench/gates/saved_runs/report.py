"""What saved runs of pytest-benchmark can tell: a row a benchmark, worst first."""

from collections.abc import Sequence
from statistics import median

from archbench.gates.records import Verdict, worst_first
from archbench.gates.saved_runs.records import SavedCheck, benchmarks_of
from archbench.gates.times_table import times_table
from archbench.gates.verdict_words import tally
from archbench.tables.columns import table_of_dicts
from archbench.tables.table import Column, Report, Table
from archbench.units import counted


def saved_report(found: SavedCheck) -> Report:
    """Lay out the verdicts on saved runs."""
    verdicts = worst_first(found.verdicts)
    return Report(
        title=f"Saved runs, after by before: {tally([v.verdict for v in verdicts])}",
        tables=(_table(found, verdicts),),
        document=found.to_dict(),
        facts=_facts(verdicts),
        background=_background(found),
        notes=(
            "A process counts once, with the median of its rounds: what processes differ by is not "
            "in the rounds of one. Regressed: an exact test of ranks, which says so wrongly at "
            "most once in a hundred times that nothing changed, of all benchmarks together.",
        ),
        rows=table_of_dicts(found.to_rows(), SavedCheck.COLUMNS),
        whole="-f csv",
    )


def _table(found: SavedCheck, verdicts: Sequence[Verdict]) -> Table:
    rows = []
    for verdict in verdicts:
        sides = [
            [m for one in benchmarks_of(side, verdict.cell) for m in one.medians_s]
            for side in (found.before, found.after)
        ]
        before_s, after_s = (median(side) if side else None for side in sides)
        rows.append((verdict, before_s, after_s, f"{len(sides[0])} + {len(sides[1])}"))
    return times_table(("benchmark", "before", "after"), Column("runs", "runs", rank=3), rows)


def _facts(verdicts: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    """Return why there is no verdict, once for all benchmarks with an equal note."""
    facts = []
    for note in dict.fromkeys(v.note for v in verdicts if v.note):
        own = [v.cell for v in verdicts if v.note == note]
        facts.append((own[0] if len(own) == 1 else counted(len(own), "benchmark"), note))
    return tuple(facts)


def _background(found: SavedCheck) -> tuple[tuple[str, str], ...]:
    sides = [counted(len(side), "file") for side in (found.before, found.after)]
    order = "took turns" if found.in_turn else "did not take turns: what wandered is in each ratio"
    machine = {key: text for run in found.after for key, text in run.machine.items()}
    known = [text for text in machine.values() if text != "unknown"]
    return (
        ("runs", f"{sides[0]} before, {sides[1]} after, which {order}"),
        ("machine", ", ".join(known) or "-"),
    )
