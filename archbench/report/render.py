"""A Report as text: for a terminal, as CSV, as JSON, as Markdown."""

import json
from collections.abc import Sequence
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from archbench.report.table import Cell, Column, Kind, Report, Table, Tone, Toned
from archbench.units import (
    bytes_scale,
    column_scale,
    memory,
    scaled,
    shape_for_machines,
    shape_for_people,
    three_digits,
    time_scale,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

MISSING = "-"
PROSE = 30  # columns that a sentence needs at least
UNBOUNDED = 100_000  # columns: a pipe or file is never cut
_NUMBERS = frozenset(
    {
        *(Kind.COUNT, Kind.SCALED, Kind.INTEGER, Kind.RATIO, Kind.SHARE),
        *(Kind.SECONDS, Kind.BYTES, Kind.SIZE, Kind.RATE),
    }
)
_STYLES = {Tone.GOOD: "green", Tone.FAIR: "yellow", Tone.BAD: "bold red", Tone.QUIET: "dim"}


class Format(StrEnum):
    """What a result can be written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MD = "md"


def as_text(report: Report, form: Format) -> str:
    """Render everything but the table for a terminal, which needs to know its width."""
    if form is Format.JSON:
        return json.dumps(report.document, indent=2, ensure_ascii=False) + "\n"
    if form is Format.CSV:
        return as_csv(report.rows or report.tables[0])
    return as_markdown(report)


def as_csv(table: Table) -> str:
    """Write one table through pandas: every digit, no separators, an empty cell for no value."""
    import pandas

    rows = [[_for_machines(cell) for cell in row] for row in table.rows]
    keys = [column.key for column in table.columns]
    # dtype=object keeps an integer an integer beside an empty cell
    return pandas.DataFrame(rows, columns=keys, dtype=object).to_csv(
        index=False, lineterminator="\n"
    )


def _for_machines(cell: Cell) -> str | int | float | None:
    if isinstance(cell, Toned):
        return cell.text
    return shape_for_machines(cell) if isinstance(cell, tuple) else cell


def as_markdown(report: Report) -> str:
    """Write a heading, pipe tables, and the facts and notes as lists."""
    parts = [f"## {_escaped(report.title)}"]
    for table in report.tables:
        if table.title:
            parts.append(f"### {_escaped(table.title)}")
        heads, cells = _written(table)
        rule = ["---:" if _is_number(table, i) else "---" for i in range(len(heads))]
        lines = [[_escaped(head) for head in heads], rule]
        for i, row in enumerate(cells):
            if i in table.groups:
                lines.append([f"*{_escaped(table.groups[i])}*", *[""] * (len(heads) - 1)])
            bold = "**" if i in table.marked else ""
            lines.append([f"{bold}{_escaped(c)}{bold}" if c else "" for c in row])
        parts.append("\n".join(f"| {' | '.join(line)} |" for line in lines))
    for heading, pairs in (("", report.facts), *report.lists):
        if heading:
            parts.append(f"### {_escaped(heading)}")
        if pairs:
            parts.append("\n".join(f"- {_escaped(name)}: {_escaped(t)}" for name, t in pairs))
    for name, command in report.commands:
        parts.append(f"{_escaped(name)}:\n\n    {command}")
    parts.extend(_escaped(note) for note in report.notes)
    return "\n\n".join(parts) + "\n"


def show(report: Report, console: "Console") -> None:
    """Print the report for people; columns that do not fit the console are left out, by name."""
    console.print(report.title, style="bold")
    dropped: list[str] = []
    for table in report.tables:
        fitted, left_out = as_rich(table, console.width)
        dropped.extend(title for title in left_out if title not in dropped)
        console.print()
        _print_whole(fitted, console)
    console.print()
    _show_pairs(report.facts, console)
    for name, command in report.commands:
        console.print(f"{name}: {command}", soft_wrap=True)
    for heading, pairs in report.lists:
        console.print(f"\n{heading}", style="italic")
        _show_pairs(pairs, console)
    for note in report.notes:
        console.print(note, style="dim")
    if dropped:
        console.print(
            f"Left out at {console.width} columns: {', '.join(dropped)} ({report.whole} has them).",
            style="dim",
        )


def _print_whole(table: "RichTable", console: "Console") -> None:
    """Print a table without cutting a cell: on a narrow terminal its lines go on below.

    Outside of a terminal they do not end in blanks.
    """
    before = console.width
    gap = table.padding[1] + 1
    console.width = max(before, sum((column.width or 0) + gap for column in table.columns))
    with console.capture() as captured:
        console.print(table, crop=False)
    console.width = before
    text = captured.get()
    if not console.is_terminal:
        text = "\n".join(line.rstrip() for line in text.split("\n"))
    console.file.write(text)


def _show_pairs(pairs: Sequence[tuple[str, str]], console: "Console") -> None:
    """Print names and texts in two columns; a long text goes on below itself.

    Names that would take more than a third of the line stand above their texts.
    """
    margin = max((len(name) for name, _ in pairs), default=0) + 2
    if margin > console.width // 3:
        for name, text in pairs:
            console.print(name)
            for line in wrap(text, max(20, console.width - 4), break_on_hyphens=False):
                console.print(f"    {line}")
        return
    for name, text in pairs:
        first, *rest = wrap(
            text, max(20, console.width - margin), break_long_words=False, break_on_hyphens=False
        ) or [""]
        console.print(f"{name:<{margin}}{first}")
        for line in rest:
            console.print(f"{'':<{margin}}{line}")


def as_rich(table: Table, width: int = UNBOUNDED) -> tuple["RichTable", list[str]]:
    """Make something a Rich console can print at a width; only headings wrap.

    A table that is too wide first wraps its headings, then moves its columns closer together,
    then leaves out those of the highest rank. Returns the titles of what was left out as well.
    """
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    table, widths, gap, left_out = _fitted(table, width)
    out = RichTable(
        title=table.title or None,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, gap - 1, 0, 0),
    )
    heads, cells = _written(table)
    for i, head in enumerate(heads):
        justify: Literal["left", "right"] = "right" if _is_number(table, i) else "left"
        out.add_column(Text(head), justify=justify, width=widths[i])
    for i, row in enumerate(cells):
        style = "bold yellow" if i in table.marked else None
        if i in table.groups:
            out.add_section()
            out.add_row(Text(table.groups[i], style="italic", no_wrap=True))
        tones = (cell.tone if isinstance(cell, Toned) else None for cell in table.rows[i])
        texts = (
            Text(text, style=_STYLES[tone] if tone else "", no_wrap=column.kind is not Kind.PROSE)
            for text, tone, column in zip(row, tones, table.columns, strict=True)
        )
        out.add_row(*texts, style=style)
    return out, left_out


def _fitted(table: Table, width: int) -> tuple[Table, list[int], int, list[str]]:
    """Choose what as_rich() shows: the table, its columns' widths, their gap, what is left out."""
    left_out: list[str] = []
    while True:
        for folded, gap in ((False, 2), (True, 2), (True, 1)):
            widths = _widths(table, folded)
            spare = width - sum(widths) - gap * (len(widths) - 1)
            if spare >= 0:
                return table, _widened(table, widths, spare), gap, left_out
        worst = max(range(len(table.columns)), key=lambda i: table.columns[i].rank)
        if table.columns[worst].rank == 0:  # not one more can go: the terminal wraps the lines
            return table, widths, 1, left_out
        left_out.append(table.columns[worst].title)
        table = Table(
            tuple(c for i, c in enumerate(table.columns) if i != worst),
            tuple(tuple(c for i, c in enumerate(row) if i != worst) for row in table.rows),
            table.title,
            table.marked,
            table.groups,
        )


def _widths(table: Table, folded: bool) -> list[int]:
    """Return each column's width: its longest cell, or its heading, or the longest word of that."""
    from rich.cells import cell_len

    heads, cells = _written(table)
    widths = []
    for i, head in enumerate(heads):
        words = head.split() if folded else [head]
        lines = [line for row in cells for line in row[i].split("\n")]
        longest = max(map(cell_len, [*words, *lines]))
        least = max(map(cell_len, [*words, "x" * PROSE]))
        widths.append(min(longest, least) if table.columns[i].kind is Kind.PROSE else longest)
    return widths


def _widened(table: Table, widths: list[int], spare: int) -> list[int]:
    """Give the width that is left to the columns of prose, as far as they can use it."""
    _, cells = _written(table)
    widths = list(widths)
    prose = [i for i, column in enumerate(table.columns) if column.kind is Kind.PROSE]
    for place, i in enumerate(prose):
        longest = max((len(row[i]) for row in cells), default=0)
        given = max(0, min(longest - widths[i], spare // (len(prose) - place)))
        widths[i] += given
        spare -= given
    return widths


def _is_number(table: Table, i: int) -> bool:
    """Tell whether a column holds numbers, which stand to the right."""
    kind = table.columns[i].kind
    if kind is Kind.PRINTED:
        return all(isinstance(row[i], int | None) for row in table.rows)
    return kind in _NUMBERS


def _written(table: Table) -> tuple[list[str], list[list[str]]]:
    """Write headings and cells for people: one unit a column, a dash where there is no value."""
    heads, written = [], []
    for i, column in enumerate(table.columns):
        head, cells = _column(column, [row[i] for row in table.rows], _sharing(table, i))
        heads.append(head)
        written.append(cells)
    return heads, [list(row) for row in zip(*written, strict=True)]


def _sharing(table: Table, i: int) -> list[int | float]:
    """Return the numbers of every column that shares its unit with column i."""
    group = table.columns[i].group
    together = [j for j, c in enumerate(table.columns) if j == i or (group and c.group == group)]
    cells = [row[j] for row in table.rows for j in together]
    return [cell for cell in cells if isinstance(cell, int | float)]


def _column(
    column: Column, cells: Sequence[Cell], numbers: Sequence[int | float]
) -> tuple[str, list[str]]:
    factor: float
    if column.kind is Kind.COUNT:
        factor, unit = column_scale(numbers)
    elif column.kind is Kind.SECONDS:
        factor, unit = time_scale(numbers)
    elif column.kind is Kind.BYTES:
        factor, unit = bytes_scale(numbers)
    elif column.kind is Kind.RATE:
        factor, unit = 1.0, ""
    else:
        return column.title, [_cell(cell, column.kind) for cell in cells]
    head = f"{column.title} ({unit})" if unit else column.title
    return head, [_count(cell, factor) for cell in cells]


def _count(cell: Cell, factor: float) -> str:
    if not isinstance(cell, int | float):
        return MISSING
    if isinstance(cell, int) and factor == 1:
        return f"{cell:,}"
    return three_digits(cell / factor)


def _cell(cell: Cell, kind: Kind) -> str:
    if isinstance(cell, Toned):
        return cell.text
    if cell is None:
        return "" if kind is Kind.PRINTED else MISSING
    if isinstance(cell, tuple):
        if kind is Kind.IMAGE and len(cell) == 1:
            cell = (cell[0], 1, 1)
        return shape_for_people(cell) or MISSING
    if kind in (Kind.SCALED, Kind.SIZE) and isinstance(cell, int | float):
        return scaled(cell) if kind is Kind.SCALED else memory(cell)
    if kind is Kind.RATIO and isinstance(cell, int | float):
        return f"{cell:.3f}"
    if kind is Kind.SHARE and isinstance(cell, int | float):
        return f"{cell:.1%}"
    return f"{cell:,}" if isinstance(cell, int | float) else cell


def _escaped(text: str) -> str:
    """Keep a text inside its Markdown cell, and underscores and stars as they are."""
    for mark in ("\\", "|", "*", "_", "`", "<"):
        text = text.replace(mark, f"\\{mark}")
    return text.replace("\n", " ")
