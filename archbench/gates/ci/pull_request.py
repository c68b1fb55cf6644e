"""What a gate found, for a pull request: one line, a table worst first, everything else folded.

GitHub takes 1 MiB from a step, and nothing at all of a summary beyond that. So rows that are fine
fold away first, and what does not fit is counted, with the command that shows it.
"""

import platform
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from importlib.metadata import version

from archbench.tables.markdown import code_markdown, escaped, list_markdown, table_markdown
from archbench.tables.table import Report, Table, Tone, Toned
from archbench.units import counted
from archbench.version import own_version

LIMIT_BYTES = 1024 * 1024  # of $GITHUB_STEP_SUMMARY
OPEN = 20  # rows that stand open though they are fine
FEWER = (None, 1000, 300, 100, 30, 10, 3, 0)  # rows of each table and list, until all fits


def as_pull_request(
    report: Report, command: str, accept: str, room_bytes: int = LIMIT_BYTES
) -> str:
    """Write a gate's report.

    Args:
        report: of the gate; its tables and facts stand open, its background and notes are folded.
        command: shows the same on one's own machine.
        accept: how to live with what was found; empty where there is nothing to accept.
        room_bytes: that it may take; the headline is written in any case.
    """
    for most in FEWER:
        text = _written(report, command, accept, most)
        if len(text.encode()) <= room_bytes:
            return text
    return f"{_headline(report)}\n\nThere is no room here for more: {_code(command)} shows it.\n"


def _headline(report: Report) -> str:
    return f"**archbench · {escaped(report.title)}**"


def _written(report: Report, command: str, accept: str, most: int | None) -> str:
    parts = [_headline(report)]
    for table in report.tables:
        parts += _tables(table, most, command)
    parts.append(list_markdown(_cut(report.facts, most)))
    background = [*report.background, ("made by", _versions())]
    notes = [escaped(note) for note in report.notes]
    where = "\n\n".join([list_markdown(background), *notes])
    parts.append(_folded("How and where it was found", where))
    parts.append(_folded("To see it yourself", code_markdown("run", command)))
    if accept:
        parts.append(_folded("To accept it", accept))
    return "\n\n".join(part for part in parts if part) + "\n"


def _tables(table: Table, most: int | None, command: str) -> list[str]:
    """Write a table: rows with a bad verdict stand open, many good rows are folded."""
    count = len(table.rows)
    kept = count if most is None else min(most, count)
    first = max(OPEN, sum(_is_bad(row) for row in table.rows))
    parts = [table_markdown(_rows(table, 0, min(first, kept)))]
    if kept > first:
        rest = table_markdown(replace(_rows(table, first, kept), title=""))
        parts.append(_folded(f"and {counted(kept - first, 'more row', 'more rows')}", rest))
    if kept < count:
        left = counted(count - kept, "more row has", "more rows have")
        parts.append(f"{left} no room here: {_code(command)} shows all.")
    return parts


def _rows(table: Table, start: int, end: int) -> Table:
    groups = {i - start: name for i, name in table.groups.items() if start <= i < end}
    marked = frozenset(i - start for i in table.marked if start <= i < end)
    return replace(table, rows=table.rows[start:end], groups=groups, marked=marked)


def _is_bad(row: Sequence[object]) -> bool:
    """Tell whether a row holds a verdict that is not good."""
    return any(isinstance(cell, Toned) and cell.tone is not Tone.GOOD for cell in row)


def _cut(facts: Sequence[tuple[str, str]], most: int | None) -> list[tuple[str, str]]:
    if most is None or len(facts) <= most:
        return list(facts)
    left = counted(len(facts) - most, "more line", "more lines")
    return [*facts[:most], ("and", f"{left}, for which there is no room here")]


def _versions() -> str:
    system = f"{platform.system()} {platform.machine()}"
    python = f"Python {platform.python_version()}"
    return f"archbench {own_version()}, torch {version('torch')}, {python}, {system}"


def _folded(heading: str, body: str) -> str:
    if not body.strip():
        return ""
    return f"<details><summary>{escape(heading)}</summary>\n\n{body.strip(chr(10))}\n\n</details>"


def _code(command: str) -> str:
    """Write a command inside a line, between more backticks than it holds in a row."""
    fence = "`"
    while fence in command:
        fence += "`"
    return f"{fence} {command} {fence}" if len(fence) > 1 else f"`{command}`"
