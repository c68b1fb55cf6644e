"""A Report as Markdown: whatever a name holds, a table stays a table."""

from collections.abc import Sequence
from textwrap import indent

from archbench.tables.cell_text import is_number, written
from archbench.tables.table import Report, Table

SPECIAL = "\\|*_`<[]~$&"  # what GitHub's Markdown reads as something else; the backslash first


def as_markdown(report: Report) -> str:
    """Write a heading, pipe tables, and the facts and notes as lists."""
    parts = [f"## {escaped(report.title)}", *(table_markdown(table) for table in report.tables)]
    for heading, pairs in (("", (*report.facts, *report.background)), *report.lists):
        if heading:
            parts.append(f"### {escaped(heading)}")
        if pairs:
            parts.append(list_markdown(pairs))
    parts += [code_markdown(name, command) for name, command in report.commands]
    parts += [code_markdown(heading, lines) for heading, lines in report.listings]
    parts.extend(escaped(note) for note in report.notes)
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """Write one table under its title."""
    heads, cells = written(table)
    rule = ["---:" if is_number(table, i) else "---" for i in range(len(heads))]
    lines = [[escaped(head) for head in heads], rule]
    for i, row in enumerate(cells):
        if i in table.groups:
            lines.append([f"*{escaped(table.groups[i])}*", *[""] * (len(heads) - 1)])
        bold = "**" if i in table.marked else ""
        lines.append([f"{bold}{escaped(c)}{bold}" if c else "" for c in row])
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"### {escaped(table.title)}\n\n{rows}" if table.title else rows


def list_markdown(pairs: Sequence[tuple[str, str]]) -> str:
    """Write names and their texts as a list."""
    return "\n".join(f"- {escaped(name)}: {escaped(text)}" for name, text in pairs)


def code_markdown(name: str, text: str) -> str:
    """Write a command, or lines, as code: by indentation, out of which nothing can break."""
    return f"{escaped(name)}:\n\n{indent(text.rstrip(), '    ', lambda line: True)}"


def escaped(text: str) -> str:
    """Keep a text inside its Markdown cell, and its underscores and stars as they are."""
    for mark in SPECIAL:
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.splitlines())
