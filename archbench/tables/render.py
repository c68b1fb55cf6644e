"""A Report as text: for a terminal, as CSV, as JSON, as Markdown."""

import json
from collections.abc import Sequence
from enum import StrEnum
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from archbench.libraries import needed
from archbench.tables.cell_text import is_number, written
from archbench.tables.markdown import as_markdown
from archbench.tables.table import Bound, Kind, Report, Table, TableCell, Tone, Toned
from archbench.units import shape_for_machines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

PROSE = 30  # columns that a sentence needs at least
UNBOUNDED = 100_000  # columns: a pipe or file is never cut
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
    with needed("pandas", "CSV"):
        import pandas

    rows = [[_for_machines(cell) for cell in row] for row in table.rows]
    keys = [column.key for column in table.columns]
    # dtype=object keeps an integer an integer beside an empty cell
    return pandas.DataFrame(rows, columns=keys, dtype=object).to_csv(
        index=False, lineterminator="\n"
    )


def _for_machines(cell: TableCell) -> str | int | float | None:
    if isinstance(cell, Toned):
        return cell.text
    if isinstance(cell, Bound):
        return cell.value
    return shape_for_machines(cell) if isinstance(cell, tuple) else cell


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
    _show_pairs((*report.facts, *report.background), console)
    for name, command in report.commands:
        console.print(f"{name}: {command}", soft_wrap=True)
    for heading, pairs in report.lists:
        console.print(f"\n{heading}", style="italic")
        _show_pairs(pairs, console)
    for heading, lines in report.listings:
        console.print(f"\n{heading}", style="italic")
        console.print(lines.rstrip("\n"), soft_wrap=True)
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
    heads, cells = written(table)
    for i, head in enumerate(heads):
        justify: Literal["left", "right"] = "right" if is_number(table, i) else "left"
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

    heads, cells = written(table)
    widths = []
    for i, head in enumerate(heads):
        words = head.split() if folded else [head]
        lines = [line for row in cells for line in row[i].split("\n")]
        groups = table.groups.values() if i == 0 else ()
        longest = max(map(cell_len, [*words, *lines, *groups]))
        least = max(map(cell_len, [*words, "x" * PROSE]))
        widths.append(min(longest, least) if table.columns[i].kind is Kind.PROSE else longest)
    return widths


def _widened(table: Table, widths: list[int], spare: int) -> list[int]:
    """Give the width that is left to the columns of prose, as far as they can use it."""
    _, cells = written(table)
    widths = list(widths)
    prose = [i for i, column in enumerate(table.columns) if column.kind is Kind.PROSE]
    for place, i in enumerate(prose):
        longest = max((len(row[i]) for row in cells), default=0)
        given = max(0, min(longest - widths[i], spare // (len(prose) - place)))
        widths[i] += given
        spare -= given
    return widths
