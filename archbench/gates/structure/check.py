"""The structure gate: what was computed, beside the lock, figure by figure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archbench.analysis.records import CONVENTION_NUMBER
from archbench.gates.records import Verdict, Word, worst_words
from archbench.gates.structure.accepting import accept_command
from archbench.gates.structure.budgets import judge
from archbench.gates.structure.changes import only_names, structure_changes
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

TORCH_DEPENDENT = ("operators", "peak_activation_bytes")  # on which operations torch runs


@dataclass(frozen=True, slots=True)
class Computed:
    """A cell as it is now."""

    name: str  #: of the cell
    budgets: tuple[Budget, ...] = ()  #: its limits
    cell: LockedCell | None = None  #: what was computed; None where that failed
    failure: str = ""  #: why, in one line
    uncounted: tuple[str, ...] = ()  #: operations that have no counting rule
    by_values: str = ""  #: why it could not be counted by shapes alone; empty where it could


def check_cells(
    selection: Selection,
    lock: Lock,
    computed: Sequence[Computed],
    allowances: Sequence[Allowance] = (),
    strict: bool = False,
) -> Check:
    """Judge every cell by the lock and by its budgets.

    Args:
        selection: of the cells.
        lock: what is accepted.
        computed: the cells as they are now, counted by this archbench's convention.
        allowances: growth that is let pass.
        strict: what could not be decided fails too.
    """
    verdicts: list[Verdict] = []
    changes: list[StructureChange] = []
    notes: dict[str, str] = {}
    for found in computed:
        if found.cell is None:
            verdicts.append(Verdict(found.name, None, "failed", note=found.failure))
            continue
        structure = found.cell.structure
        locked = lock.cell(found.name)
        incomparable = "" if locked is None else _incomparable(lock, locked, found.cell)
        if locked is None:
            verdicts.append(Verdict(found.name, None, "new", note="it is not in the lock yet"))
        elif incomparable:
            verdicts.append(Verdict(found.name, None, "not_comparable", note=incomparable))
        else:
            judged = _figures(found.name, locked.structure, structure, allowances)
            verdicts += judged
            changed = structure_changes(found.name, locked.structure, structure)
            changes += changed
            note = _note(locked.structure, structure, changed)
            if found.by_values and any(v.verdict != "ok" for v in judged):
                note += f"; it ran on values, which may differ: {found.by_values}"
            if note:
                notes[found.name] = note
        verdicts += [judge(found.name, budget, structure) for budget in found.budgets]
    gone = "the lock holds it, and no cell is called so"
    verdicts += [Verdict(n, None, "missing", note=gone) for n in _missing(selection, lock)]
    other_convention = lock.convention != CONVENTION_NUMBER
    of_the_lock = worst_words(verdict for verdict in verdicts if not verdict.limit)
    return Check(
        lock=str(selection.path),
        cells=tuple(found.name for found in computed),
        verdicts=tuple(verdicts),
        changes=tuple(changes),
        figures={f.name: _all_figures(f.cell.structure) for f in computed if f.cell is not None},
        notes=notes,
        uncounted=tuple((found.name, op) for found in computed for op in found.uncounted),
        other_convention=other_convention,
        accept=accept_command(selection, of_the_lock, set(notes), other_convention),
        strict=strict,
    )


def _missing(selection: Selection, lock: Lock) -> list[str]:
    """Name the cells that the lock holds and nothing declares any more."""
    if selection.named:
        return []
    names = {cell.name for cell in selection.cells}
    return [cell.name for cell in lock.cells if cell.name not in names]


def _incomparable(lock: Lock, locked: LockedCell, now: LockedCell) -> str:
    """Say why two figures of a cell cannot be compared; empty where they can."""
    if lock.convention != CONVENTION_NUMBER:
        return (
            f"the lock counts by convention {lock.convention}, "
            f"this archbench by {CONVENTION_NUMBER}"
        )
    if locked.setting() == now.setting():
        return ""
    words = ("model", "inputs", "batch_size", "model_kwargs")
    pairs = zip(words, locked.setting(), now.setting(), strict=True)
    differ = [
        f"{word} {_plain(then)} in the lock, {_plain(today)} now"
        for word, then, today in pairs
        if then != today
    ]
    return "; ".join(differ)


def _plain(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={given}" for name, given in value.items()) or "none"
    return str(value)


def _figures(
    cell: str, before: Structure, now: Structure, allowances: Sequence[Allowance]
) -> list[Verdict]:
    """Judge every figure: what grows is a regression, unless that is allowed."""
    verdicts = []
    for metric in METRICS:
        a, b = before.figure(metric), now.figure(metric)
        word, note = _judged(metric, before, now, allowances)
        ratio = b / a if a and b is not None else None
        verdicts.append(Verdict(cell, metric, word, a, b, ratio=ratio, note=note))
    return verdicts


def _judged(
    metric: Metric, before: Structure, now: Structure, allowances: Sequence[Allowance]
) -> tuple[Word, str]:
    a, b = before.figure(metric), now.figure(metric)
    if a == b:
        return "ok", ""
    if a is None or b is None:
        return "not_comparable", f"it is not known {'in the lock' if a is None else 'now'}"
    if metric in TORCH_DEPENDENT and before.torch != now.torch:
        return "not_comparable", f"it depends on torch: {before.torch} in the lock, {now.torch} now"
    if b < a:
        return "improved", ""
    if any(allowed.metric == metric and allowed.allows(a, b) for allowed in allowances):
        return "ok", "it grew, within --allow"
    return "regressed", ""


def _note(before: Structure, now: Structure, changes: Sequence[StructureChange]) -> str:
    """Say what changed beside the figures."""
    if not changes:
        return ""
    if only_names(changes):
        return "names alone changed"
    equal = all(before.figure(metric) == now.figure(metric) for metric in METRICS)
    kinds = [
        counted(sum(change.what == what and change.kind != "renamed" for change in changes), what)
        for what in ("stage", "layer", "operator")
    ]
    parts = ", ".join(kind for kind in kinds if not kind.startswith("0 "))
    return f"the structure changed{' at equal totals' if equal else ''}: {parts}"


def _all_figures(structure: Structure) -> dict[str, int | None]:
    return {metric: structure.figure(metric) for metric in METRICS}
