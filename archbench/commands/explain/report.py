"""An Explanation as a report: what each tool prints, and the sum that leads there."""

from collections import Counter
from collections.abc import Iterator
from textwrap import wrap

from archbench.analysis.tools.records import Quantity
from archbench.commands.explain.records import Explanation, Reconciliation
from archbench.networks.brackets import split_settings
from archbench.papers.verdict_looks import LOOKS
from archbench.tables.columns import table_of_dicts
from archbench.tables.table import Column, Kind, Report, Table, TableCell

_TITLES: dict[Quantity, str] = {"macs": "MACs", "params": "params"}
NAME = 16  # characters of a line
_CHECKS = {"not_installed": "not installed", "not_run": "not run", "failed": "fails"}


def explain_report(explanation: Explanation) -> Report:
    """Lay out what the tools print, and under it how each number comes about."""
    return Report(
        f"{explanation.model}: why other tools print other numbers",
        tuple(_table(explanation, quantity) for quantity in _TITLES),
        explanation.to_dict(),
        _facts(explanation),
        lists=(
            *((f"{_TITLES[q]}, from ours to theirs", _sums(explanation, q)) for q in _TITLES),
            ("Where the numbers come from", tuple(_sources(explanation))),
        ),
        notes=tuple(_notes(explanation)),
        rows=table_of_dicts(explanation.to_rows(), Explanation.COLUMNS),
    )


def _table(explanation: Explanation, quantity: Quantity) -> Table:
    """One row per tool, below archbench's own."""
    columns = (
        Column("tool", "tool"),
        Column("network", "of", rank=2),
        Column("says", "which it calls", rank=3),
        Column("printed", "prints", Kind.INTEGER),
        Column("difference", "difference", Kind.INTEGER),
        Column("check", "check"),
    )
    ours = getattr(explanation, quantity)
    title = _TITLES[quantity]
    rows: list[tuple[TableCell, ...]] = [
        ("archbench", _folded(explanation.model), title, ours, None, "our count")
    ]
    marked = set()
    for found in explanation.of(quantity):
        if found.unexplained:
            marked.add(len(rows))
        rows.append(
            (
                found.tool,
                _folded(found.network),
                found.says,
                _printed(found) or None,
                None if found.agrees is None else found.total + found.unexplained - found.start,
                _check(found),
            )
        )
    return Table(columns, tuple(rows), title, frozenset(marked))


def _folded(network: str) -> str:
    """Break a long name at its hyphens, and its settings at their commas.

    So the column need not be left out.
    """
    name, settings = split_settings(network)
    items = settings.replace(",", ",\n").split("\n") if settings else []
    return "\n".join([*wrap(name, NAME), *items])


def _facts(explanation: Explanation) -> tuple[tuple[str, str], ...]:
    facts = [("input", f"{explanation.inputs}, batch 1")]
    if explanation.arguments:
        pairs = (f"{name}={value}" for name, value in explanation.arguments.items())
        facts.append(("arguments", ", ".join(pairs)))
    return tuple(facts)


def _printed(found: Reconciliation) -> str:
    """Write what a tool prints, with the unit it prints in."""
    if found.printed is None:
        return ""
    if found.printed.whole:
        return found.printed.whole
    units = {1: "", 10**6: " M", 10**9: " G"}
    return f"{found.printed.text}{units[found.printed.unit]}"


def _check(found: Reconciliation) -> str:
    """Say whether the sum comes to what the tool prints."""
    if found.verdict is not None:
        look = LOOKS[found.verdict]
        return f"{look.mark} {look.word}"
    if found.printed is None:
        return _CHECKS[found.status]
    if not found.agrees:
        return f"leaves {found.unexplained:+,}"
    if found.status == "run":
        return "= run here"
    return "= published" if found.printed.to_the_digit else "= published, rounded"


def _sums(explanation: Explanation, quantity: Quantity) -> tuple[tuple[str, str], ...]:
    """Write each sum out, tools that come to the same by the same terms in one line."""
    tools: dict[str, list[str]] = {}
    several = Counter(found.tool for found in explanation.of(quantity))
    for found in explanation.of(quantity):
        if found.verdict == "not_derivable":
            continue
        which = f" ({found.network})" if several[found.tool] > 1 else ""
        tools.setdefault(_sum(found), []).append(f"{found.tool}{which}")
    return tuple((", ".join(dict.fromkeys(names)), text) for text, names in tools.items())


def _sum(found: Reconciliation) -> str:
    if not found.terms and not found.unexplained:
        return "ours"
    parts = [f"{'-' if t.amount < 0 else '+'} {abs(t.amount):,} ({t.name})" for t in found.terms]
    text = f"ours {' '.join(parts)} = {found.total:,}" if parts else "ours"
    if found.unexplained:
        text += f"; it prints {_printed(found)}, and {found.unexplained:+,} stay unexplained"
    return text


def _sources(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Name every tool once, with its version, its publication, or how it failed."""
    seen = set()
    for found in explanation.reconciliations:
        text = _source(found)
        if (found.tool, text) not in seen:
            seen.add((found.tool, text))
            yield found.tool, text


def _source(found: Reconciliation) -> str:
    match found.status:
        case "run":
            return f"run here, {found.source}"
        case "published":
            return f"published: {found.source}"
        case "paper":
            return found.source
        case "failed":
            return f"fails here: {found.source}"
        case "not_run":
            return f"installed, {found.source}, and not run"
        case _:
            return "not installed here (pip install 'archbench[peers]'); the sum follows its rules"


def _notes(explanation: Explanation) -> Iterator[str]:
    yield "Everything is for one sample. docs/conventions.md says what archbench counts."
    yield from explanation.notes
