"""The report of the structure gate: cells, figures and parts that changed, worst first."""

from collections.abc import Sequence

from archbench.gates.records import WORDS, Verdict
from archbench.gates.structure.cells_table import cells_table
from archbench.gates.structure.changes import module_renames
from archbench.gates.structure.parts_table import parts_table
from archbench.gates.structure.records import Check
from archbench.gates.verdict_words import tally, toned
from archbench.tables.columns import table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table, TableCell, at_least

RENAMES = 12  # of one cell that are shown; JSON has them all


def check_report(check: Check) -> Report:
    """Lay out a check."""
    cells = [
        (name, toned(verdict), check.figures.get(name, {}), name not in check.incomplete)
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
        rows=table_of_dicts(check.to_rows(), Check.COLUMNS),
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
    """Return the figures that differ from the lock or are beyond their budget."""
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
        before = f"budget {v.limit}" if v.limit else _bounded(v.before, v)
        now = _bounded(v.now, v)
        rows.append((v.cell, v.metric, before, now, _change_of(v), toned(v.verdict)))
    return Table(columns, tuple(rows), "Figures that changed")


def _bounded(figure: int | None, verdict: Verdict) -> TableCell:
    return at_least(figure, verdict.complete)


def _change_of(verdict: Verdict) -> str:
    if verdict.before is None or verdict.now is None:
        return ""
    difference = verdict.now - verdict.before
    share = f" ({difference / verdict.before:+.2%})" if verdict.before else ""
    return f"{difference:+,}{share}"


def _facts(check: Check) -> tuple[tuple[str, str], ...]:
    """Return (cell, note) of every note: on figures, on cells, on operations without a rule."""
    on_figures = [
        (v.cell, v.note if v.metric is None else f"{v.metric}: {v.note}")
        for v in check.verdicts
        if v.note and not v.limit
    ]
    on_cells = [(name, f"{note}{_renames(check, name)}") for name, note in check.notes.items()]
    uncounted = [
        (cell, f"no counting rule for {op}: MACs are a lower bound") for cell, op in check.uncounted
    ]
    missed = [(cell, f"{gap}: MACs are a lower bound") for cell, gap in check.missed]
    return (*on_figures, *on_cells, *uncounted, *missed)


def _renames(check: Check, cell: str) -> str:
    """Return a cell's renamed modules, to stand behind its note; empty where there are none."""
    names = module_renames([change for change in check.changes if change.cell == cell])
    text = ", ".join(
        f"{old or '(itself)'} is {new or '(itself)'} now" for old, new in names[:RENAMES]
    )
    more = f" and {len(names) - RENAMES} more" if len(names) > RENAMES else ""
    return f": {text}{more}" if names else ""


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
