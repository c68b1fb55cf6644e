"""What the structure gate found, worst first, fit for a terminal and for a pull request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from archbench.gates.records import WORDS, Verdict
from archbench.gates.structure.changes import new_names
from archbench.gates.structure.locking import Locking
from archbench.gates.structure.records import METRICS, Check, Metric, StructureChange
from archbench.gates.verdict_words import tally, toned
from archbench.tables.table import Column, Kind, Report, Table, TableCell
from archbench.units import counted, shape_for_people

SHOWN = 12  # changed layers of one cell; JSON has them all

_TITLES: Mapping[Metric, str] = {
    "params": "params",
    "macs": "MACs",
    "activations": "activations",
    "operators": "operators",
    "weight_bytes": "weights",
    "peak_activation_bytes": "peak activation",
}


def check_report(check: Check) -> Report:
    """Lay out a check."""
    tables = [_cells_table(check)]
    figures = [verdict for verdict in check.verdicts if verdict.metric and _is_news(verdict)]
    if figures:
        tables.append(_figures_table(figures))
    tables += [table for name in check.words if (table := _parts_table(check, name)).rows]
    return Report(
        title=headline(check),
        tables=tuple(tables),
        document=check.to_dict(),
        facts=_facts(check),
        notes=_notes(check),
        rows=_rows_table(check),
        commands=(("to accept", check.accept),) if check.accept else (),
        whole="-f json",
    )


def headline(check: Check) -> str:
    """Say in one line how it ended."""
    if not check.words:
        return "Structure: there are no cells"
    return f"Structure against {check.lock}: {tally(list(check.words.values()))}"


def lock_report(locking: Locking, path: str) -> Report:
    """Say what a lock holds now, and what is new in it."""
    cells = locking.lock.cells
    rows: list[tuple[TableCell, ...]] = []
    for cell in cells:
        state = "unchanged"
        if cell.name in locking.added:
            state = "added"
        elif cell.name in locking.changed:
            state = "changed"
        figures = {metric: cell.structure.figure(metric) for metric in METRICS}
        rows.append((cell.name, state, *(figures[metric] for metric in _TITLES)))
    kinds = ((locking.added, "added"), (locking.changed, "changed"), (locking.removed, "removed"))
    news = ", ".join(f"{len(names)} {word}" for names, word in kinds if names) or "nothing new"
    facts = [("removed", name) for name in locking.removed]
    return Report(
        title=f"{path}: {counted(len(cells), 'cell')}, {news}",
        tables=(Table((*_cell_columns("state"), *_figure_columns()), tuple(rows)),),
        document={
            "schema": "archbench.locking/1",
            "lock": path,
            "added": list(locking.added),
            "changed": list(locking.changed),
            "removed": list(locking.removed),
            "cells": [cell.name for cell in cells],
        },
        facts=tuple(facts),
    )


def _cell_columns(second: str) -> tuple[Column, ...]:
    return (Column("cell", "cell"), Column(second, second))


def _figure_columns() -> tuple[Column, ...]:
    columns = []
    for rank, (metric, title) in enumerate(_TITLES.items()):
        kind = Kind.SIZE if metric.endswith("_bytes") else Kind.SCALED
        kind = Kind.INTEGER if metric == "operators" else kind
        columns.append(Column(metric, title, kind, rank))
    return tuple(columns)


def _cells_table(check: Check) -> Table:
    rows: list[tuple[TableCell, ...]] = []
    for name, word in check.words.items():
        figures = check.figures.get(name, {})
        rows.append((name, toned(word), *(figures.get(metric) for metric in _TITLES)))
    return Table((*_cell_columns("verdict"), *_figure_columns()), tuple(rows))


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


def _parts_table(check: Check, name: str) -> Table:
    """List the stages, layers and operators of one cell that changed in more than name."""
    columns = [
        Column("what", "what"),
        Column("name", "where"),
        Column("type", "type", rank=2),
        Column("kind", "how"),
        Column("params", "params"),
        Column("trainable_params", "trainable", rank=3),
        Column("buffers", "buffers", rank=3),
        Column("macs", "MACs"),
        Column("output_size", "output size"),
        Column("calls", "calls", rank=1),
    ]
    rows = _part_rows(check, name)
    always = ("what", "name", "kind", "params", "macs")
    shown = [
        i for i, column in enumerate(columns) if column.key in always or any(row[i] for row in rows)
    ]
    return Table(
        tuple(columns[i] for i in shown),
        tuple(tuple(row[i] for i in shown) for row in rows),
        f"{name}: where the structure changed",
    )


def _part_rows(check: Check, name: str) -> list[tuple[TableCell, ...]]:
    rows: list[tuple[TableCell, ...]] = []
    for what in ("stage", "layer", "operator"):
        changes = [
            c for c in check.changes if c.cell == name and c.what == what and c.kind != "renamed"
        ]
        changes.sort(key=_only_follows)
        rows += [_part_row(change) for change in changes[:SHOWN]]
        if len(changes) > SHOWN:
            rest = len(changes) - SHOWN
            rows.append((what, f"and {counted(rest, 'more', 'more')}", *[""] * 8))
    return rows


def _only_follows(change: StructureChange) -> bool:
    """Tell whether nothing but a size changed, as in all layers behind one that did."""
    if change.before is None or change.now is None:
        return False
    return replace(change.before, output_shape=None) == replace(change.now, output_shape=None)


def _part_row(change: StructureChange) -> tuple[TableCell, ...]:
    sides = [part for part in (change.before, change.now) if part is not None]
    sizes = [shape_for_people(part.output_shape) or "" for part in sides]
    return (
        change.what,
        sides[-1].name or "(itself)",
        _arrow([part.type for part in sides]),
        change.kind,
        _difference(change, "params"),
        _difference(change, "trainable_params") if _trains_otherwise(change) else "",
        _difference(change, "buffers"),
        _difference(change, "macs"),
        _arrow(sizes),
        _difference(change, "calls") if change.what != "stage" else "",
    )


def _trains_otherwise(change: StructureChange) -> bool:
    """Tell whether something was frozen, or thawed: else what trains changes as the params do."""
    return _difference(change, "trainable_params") != _difference(change, "params")


def _arrow(texts: Sequence[str]) -> str:
    """Write what was and what is; once where that is the same."""
    return " → ".join(dict.fromkeys(text for text in texts if text))


def _difference(change: StructureChange, field: str) -> str:
    """Write by how much a count changed; nothing where it did not."""
    a = 0 if change.before is None else getattr(change.before, field)
    b = 0 if change.now is None else getattr(change.now, field)
    return "" if a == b else f"{b - a:+,}"


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
        names = new_names([change for change in check.changes if change.cell == name])
        text = ", ".join(
            f"{old or '(itself)'} is {new or '(itself)'} now" for old, new in names[:SHOWN]
        )
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
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
