"""What the structure gate found, worst first, fit for a terminal and for a pull request."""

from collections.abc import Sequence

from archbench.gates.records import WORDS, Verdict
from archbench.gates.structure.cells_table import cells_table
from archbench.gates.structure.changes import module_renames
from archbench.gates.structure.parts_table import parts_table
from archbench.gates.structure.records import Check
from archbench.gates.verdict_words import tally, toned
from archbench.tables.table import Column, Kind, Report, Table, TableCell

RENAMES = 12  # of one cell that are shown; JSON has them all


def check_report(check: Check) -> Report:
    """Lay out a check."""
    cells = [
        (name, toned(verdict), check.figures.get(name, {}))
        for name, verdict in check.verdict_of_cell.items()
    ]
    tables = [cells_table("verdict", cells)]
    figures = [verdict for verdict in check.verdicts if verdict.metric and _is_news(verdict)]
    if figures:
        tables.append(_figures_table(figures))
    tables += [table for name, *_ in cells if (table := parts_table(check, name)).rows]
    return Report(
        title=_title(check),
        tables=tuple(tables),
        document=check.to_dict(),
        facts=_facts(check),
        notes=_notes(check),
        rows=_rows_table(check),
        commands=(("to accept", check.accept),) if check.accept else (),
        whole="-f json",
    )


def _title(check: Check) -> str:
    verdicts = list(check.verdict_of_cell.values())
    if not verdicts:
        return "Structure: there are no cells"
    return f"Structure against {check.lock}: {tally(verdicts)}"


def _is_news(verdict: Verdict) -> bool:
    return verdict.verdict != "ok" or bool(verdict.note)


def _figures_table(verdicts: Sequence[Verdict]) -> Table:
    """List the figures that are not as locked, or beyond their budget."""
    columns = (
        Column("cell", "cell"),
        Column("metric", "figure"),
        Column("before", "locked", Kind.INTEGER),
        Column("now", "now", Kind.INTEGER),
        Column("change", "change", rank=1),
        Column("verdict", "verdict"),
    )
    rows: list[tuple[TableCell, ...]] = []
    for v in sorted(verdicts, key=lambda verdict: WORDS.index(verdict.verdict)):
        before = f"budget {v.limit}" if v.limit else v.before
        rows.append((v.cell, v.metric, before, v.now, _change_of(v), toned(v.verdict)))
    return Table(columns, tuple(rows), "Figures that changed")


def _change_of(verdict: Verdict) -> str:
    if verdict.before is None or verdict.now is None:
        return ""
    difference = verdict.now - verdict.before
    share = f" ({difference / verdict.before:+.2%})" if verdict.before else ""
    return f"{difference:+,}{share}"


def _rows_table(check: Check) -> Table:
    """Lay out what CSV holds: every verdict, and what there is to say of a cell as a whole."""
    keys = "cell metric verdict before now limit ratio low high mde p note".split()
    rows: list[tuple[TableCell, ...]] = []
    for verdict in check.verdicts:
        fields = verdict.to_dict()
        rows.append(tuple(fields[key] for key in keys))
    for name, note in check.notes.items():
        fields = Verdict(name, None, "ok", note=note).to_dict()
        rows.append(tuple(fields[key] for key in keys))
    return Table(tuple(Column(key, key) for key in keys), tuple(rows))


def _facts(check: Check) -> tuple[tuple[str, str], ...]:
    """Say what there is to say of cells as a whole."""
    facts = [
        (v.cell, v.note if v.metric is None else f"{v.metric}: {v.note}")
        for v in check.verdicts
        if v.note and not v.limit
    ]
    for name, note in check.notes.items():
        names = module_renames([change for change in check.changes if change.cell == name])
        text = ", ".join(
            f"{old or '(itself)'} is {new or '(itself)'} now" for old, new in names[:RENAMES]
        )
        more = f" and {len(names) - RENAMES} more" if len(names) > RENAMES else ""
        facts.append((name, f"{note}{f': {text}{more}' if names else ''}"))
    facts += [
        (cell, f"no counting rule for {op}: MACs are a lower bound") for cell, op in check.uncounted
    ]
    return tuple(facts)


def _notes(check: Check) -> tuple[str, ...]:
    grown = [v for v in check.verdicts if v.verdict == "regressed"]
    notes = []
    if any(not verdict.limit for verdict in grown):
        notes.append("A figure that grows is a regression. --allow macs:+1% lets it grow so far.")
    if any(verdict.limit for verdict in grown):
        notes.append(
            "A budget is a limit of its own: it stands where the cell is declared, not in the lock."
        )
    return tuple(notes)
