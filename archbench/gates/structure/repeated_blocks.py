"""Rows of equal blocks written once: conv4_x.1, conv4_x.2, ... become conv4_x.1..35.

Names that end in a number fold as well: a.block2, a.block3, ... become a.block2..10.

No module's name is empty, so two dots in a row stand for nothing else.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

Row = tuple[str, Any]  # a module's path, and what there is to say of it

MOST = 100_000  # blocks in a range, which no network has and a slip of the hand may
_RANGE = re.compile(r"((?:.*?\.)?[^.]*?)(\d+)\.\.(\d+)(?:\..*)?")
_NUMBERED = re.compile(r"((?:.*\D)?)(0|[1-9]\d*)")  # "block2", "35"; "block02" would not come back


def fold(rows: Sequence[Row]) -> list[Row]:
    """Write blocks that differ in one number and follow each other once, with the range of numbers.

    >>> fold([("a.0", 1), ("a.0.conv", 2), ("a.1", 1), ("a.1.conv", 2), ("fc", 3)])
    [('a.0..1', 1), ('a.0..1.conv', 2), ('fc', 3)]
    """
    folded: list[Row] = []
    at = 0
    while at < len(rows):
        entries, length = _run(rows, at)
        folded += entries
        at += length
    return folded if unfold(folded) == list(rows) else list(rows)


def unfold(rows: Sequence[Row]) -> list[Row]:
    """Write every block out, in the order in which fold() found them.

    >>> unfold([("0..1", "x"), ("0..1.conv", "y")])
    [('0', 'x'), ('0.conv', 'y'), ('1', 'x'), ('1.conv', 'y')]
    """
    written: list[Row] = []
    for prefix, group in groupby(rows, key=_folded_prefix):
        if prefix is None:
            written += group
            continue
        start, first, last = prefix
        if int(last) - int(first) > MOST:
            raise ValueError(f"{first} to {last} are more blocks than a network has")
        folded = f"{start}{first}..{last}"
        block = unfold([(path.removeprefix(folded), value) for path, value in group])
        for number in range(int(first), int(last) + 1):
            written += [(f"{start}{number}{suffix}", value) for suffix, value in block]
    return written


def _folded_prefix(row: Row) -> tuple[str, ...] | None:
    """Return the start, first and last number of a folded row's path; None for another row."""
    found = _RANGE.fullmatch(row[0])
    return None if found is None else found.group(1, 2, 3)


def _run(rows: Sequence[Row], at: int) -> tuple[list[Row], int]:
    """Return the folded rows from index `at` on, and the number of rows that they stand for."""
    parts = rows[at][0].split(".")
    for depth, part in enumerate(parts):
        numbered = _NUMBERED.fullmatch(part)
        if numbered is None:
            continue
        start = "".join(f"{name}." for name in parts[:depth]) + numbered[1]
        first = last = int(numbered[2])
        block = list(_block(rows, at, f"{start}{first}"))
        end = at + len(block)
        while list(_block(rows, end, f"{start}{last + 1}")) == block:
            last += 1
            end += len(block)
        if last > first:
            return [(f"{start}{first}..{last}{suffix}", v) for suffix, v in fold(block)], end - at
    return [rows[at]], 1


def _block(rows: Sequence[Row], at: int, path: str) -> Iterator[Row]:
    """Yield the rows of a module and all inside it, from a place on, without its path."""
    while at < len(rows) and (rows[at][0] == path or rows[at][0].startswith(f"{path}.")):
        yield rows[at][0][len(path) :], rows[at][1]
        at += 1
