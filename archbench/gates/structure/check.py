"""The structure gate: each network as it is now, judged by the lock and by its budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbench.analysis.records import CONVENTION_NUMBER
from archbench.gates.records import Verdict, Word, worst_words
from archbench.gates.structure.accept_command import accept_command
from archbench.gates.structure.budgets import judge
from archbench.gates.structure.changes import only_renames, structure_changes
from archbench.gates.structure.locks import Lock, LockedCell, Structure
from archbench.gates.structure.records import (
    METRICS,
    Allowance,
    Budget,
    Check,
    Metric,
    StructureChange,
)
from archbench.gates.structure.selection import Selection
from archbench.units import counted

MOST_TENSORS = 3  # of those that differ, in a note
TORCH_DEPENDENT = ("operators", "peak_activation_bytes")  # figures that torch's release may change


@dataclass(frozen=True, slots=True)
class CurrentCell:
    """A cell as it is now."""

    name: str  #: of the cell
    budgets: tuple[Budget, ...] = ()  #: its limits
    cell: LockedCell | None = None  #: what was computed; None where that failed
    failure: str = ""  #: why it failed, in one line
    uncounted: tuple[str, ...] = ()  #: operations that have no counting rule
    missed: tuple[str, ...] = ()  #: what else the count left out
    needs_values: str = ""  #: why shapes alone did not do for counting; empty where they did


@dataclass(frozen=True, slots=True)
class CellCheck:
    """A cell, judged."""

    verdicts: tuple[Verdict, ...]  #: of its figures and budgets, or of the cell as a whole
    changes: tuple[StructureChange, ...] = ()  #: since it was locked
    note: str = ""  #: on the cell as a whole


def check_cells(
    selection: Selection,
    lock: Lock,
    current: Sequence[CurrentCell],
    allowances: Sequence[Allowance],
    strict: bool,
) -> Check:
    """Return the check of every cell by the lock and by its budgets."""
    checks = {now.name: _check_cell(now, lock, allowances) for now in current}
    note = "the lock holds it, and no cell is called so"
    missing = [Verdict(name, None, "missing", note=note) for name in _missing(selection, lock)]
    verdicts = (*(verdict for cell in checks.values() for verdict in cell.verdicts), *missing)
    notes = {name: cell.note for name, cell in checks.items() if cell.note}
    other_convention = lock.convention != CONVENTION_NUMBER
    by_the_lock = worst_words(verdict for verdict in verdicts if not verdict.limit)
    return Check(
        lock=str(selection.path),
        cells=tuple(checks),
        verdicts=verdicts,
        changes=tuple(change for cell in checks.values() for change in cell.changes),
        figures={now.name: now.cell.structure.figures() for now in current if now.cell},
        notes=notes,
        incomplete=tuple(now.name for now in current if now.uncounted or now.missed),
        uncounted=tuple((now.name, op) for now in current for op in now.uncounted),
        missed=tuple((now.name, gap) for now in current for gap in now.missed),
        other_convention=other_convention,
        accept=accept_command(selection, by_the_lock, set(notes), other_convention),
        strict=strict,
    )


def _check_cell(now: CurrentCell, lock: Lock, allowances: Sequence[Allowance]) -> CellCheck:
    if now.cell is None:
        return CellCheck((Verdict(now.name, None, "failed", note=now.failure),))
    structure = now.cell.structure
    budgets = [judge(now.name, budget, structure) for budget in now.budgets]
    locked = lock.cell(now.name)
    if locked is None:
        new = Verdict(now.name, None, "new", note="it is not in the lock yet")
        return CellCheck((new, *budgets))
    difference = _setting_difference(lock, locked, now.cell)
    if difference:
        other = Verdict(now.name, None, "not_comparable", note=difference)
        return CellCheck((other, *budgets))
    figures = _judge_figures(now.name, locked.structure, structure, allowances)
    changes = structure_changes(now.name, locked.structure, structure)
    note = _change_note(locked.structure, structure, changes)
    if now.needs_values and any(figure.verdict != "ok" for figure in figures):
        note += f"; it ran on values, which may differ: {now.needs_values}"
    return CellCheck((*figures, *budgets), tuple(changes), note)


def _missing(selection: Selection, lock: Lock) -> list[str]:
    """Return the names of locked cells that are not declared any more."""
    if selection.cell_arguments:
        return []
    names = {cell.name for cell in selection.cells}
    return [cell.name for cell in lock.cells if cell.name not in names]


def _setting_difference(lock: Lock, locked: LockedCell, now: LockedCell) -> str:
    """Return why the figures of a cell cannot be compared; empty where they can."""
    if lock.convention != CONVENTION_NUMBER:
        return (
            f"the lock counts by convention {lock.convention}, "
            f"this archbench by {CONVENTION_NUMBER}"
        )
    before, after = locked.setting(), now.setting()
    before["tensors"] = _only_in(locked.tensors, now.tensors)
    after["tensors"] = _only_in(now.tensors, locked.tensors)
    return "; ".join(
        f"{key} {_plain(before[key])} in the lock, {_plain(after[key])} now"
        for key in before
        if before[key] != after[key]
    )


def _only_in(own: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    """Return the first few tensors that the other cell has not, and the number of the rest."""
    alone = [text for text in own if text not in other]
    left = len(alone) - MOST_TENSORS
    return (*alone[:MOST_TENSORS], *([f"{left} more"] if left > 0 else []))


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={argument}" for name, argument in value.items()) or "none"
    return str(value)


def _judge_figures(
    cell: str, before: Structure, now: Structure, allowances: Sequence[Allowance]
) -> list[Verdict]:
    """Return a verdict on every figure: growth is a regression, unless it is allowed."""
    verdicts = []
    for metric in METRICS:
        a, b = before.figure(metric), now.figure(metric)
        word, note = _judge_figure(metric, before, now, allowances)
        ratio = b / a if a and b is not None else None
        complete = before.is_complete(metric) and now.is_complete(metric)
        verdicts.append(
            Verdict(cell, metric, word, a, b, ratio=ratio, note=note, complete=complete)
        )
    return verdicts


def _judge_figure(
    metric: Metric, before: Structure, now: Structure, allowances: Sequence[Allowance]
) -> tuple[Word, str]:
    """Return the verdict on one figure, and a note on it."""
    a, b = before.figure(metric), now.figure(metric)
    if a == b:
        return "ok", ""
    if a is None or b is None:
        return "not_comparable", f"it is not known {'in the lock' if a is None else 'now'}"
    if metric in TORCH_DEPENDENT and before.torch != now.torch:
        return "not_comparable", f"it depends on torch: {before.torch} in the lock, {now.torch} now"
    if not before.is_complete(metric) and now.is_complete(metric):
        return "not_comparable", "it is a lower bound in the lock"
    if b < a and before.is_complete(metric) and not now.is_complete(metric):
        return "not_comparable", "it is a lower bound now"
    if b < a:
        return "improved", ""
    if any(allowed.metric == metric and allowed.allows(a, b) for allowed in allowances):
        return "ok", "it grew, within --allow"
    return "regressed", ""


def _change_note(before: Structure, now: Structure, changes: Sequence[StructureChange]) -> str:
    """Return how many parts changed, in words; empty where none did."""
    if not changes:
        return ""
    if only_renames(changes):
        return "names alone changed"
    equal = before.figures() == now.figures()
    kinds = [
        counted(sum(change.what == what and change.kind != "renamed" for change in changes), what)
        for what in ("stage", "layer", "operator")
    ]
    parts = ", ".join(kind for kind in kinds if not kind.startswith("0 "))
    return f"the structure changed{' at equal totals' if equal else ''}: {parts}"
