"""A recorded run, as `--record` writes it: a record a line, appended as each ends."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import TypeVar

from archbench.errors import OutputRefused, why_refused
from archbench.libraries import require
from archbench.record import Record
from archbench.timing.records import Session

R = TypeVar("R", bound=Record)
Warn = Callable[[str], None]


class RunFile:
    """A file of records, which only ever grows.

    Args:
        path: is created if it is missing.
        first: class of the record in its first line, of any version.
        new: there must be no run in it yet.

    Raises:
        OutputRefused: it cannot be written, or holds something else.
    """

    def __init__(self, path: Path, first: type[Record], new: bool = False) -> None:
        self.path = path
        with _writing(path):
            with path.open("ab"):
                pass
            self._torn = _is_torn(path)
            _refuse_others(path, first, new)

    def append(self, record: Record) -> None:
        """Add a record in one write, so that an interruption tears one line at most.

        Raises:
            OutputRefused: it cannot be written, such as on a disk that is full.
        """
        line = json.dumps(record.to_dict(), default=repr) + "\n"
        if self._torn:  # what is torn keeps its own line
            line, self._torn = f"\n{line}", False
        with _writing(self.path), self.path.open("ab", buffering=0) as file:
            file.write(line.encode())


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say what stops a file from being written."""
    try:
        yield
    except OSError as error:
        hint = "make room" if error.errno == ENOSPC else "name a file in an existing folder"
        raise OutputRefused(f"'{path}' cannot be written: {why_refused(error)}", hint) from error


def lines_of(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a recorded run that hold something, with their numbers.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
        MissingLibrary: msgspec cannot be imported.
    """
    require("msgspec", "recorded runs")
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise OutputRefused(
            f"'{path}' cannot be read: {why_refused(error)}", "name a recorded run"
        ) from error
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def read_run(path: Path, warn: Warn) -> list[Session]:
    """Return the sessions of a recorded run; a line that cannot be read is warned of and left out.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
    """
    return records_of(path, lines_of(path), Session, warn)


def records_of(path: Path, lines: Iterable[tuple[int, str]], kind: type[R], warn: Warn) -> list[R]:
    """Return the records of numbered lines; one that cannot be read is warned of and left out."""
    records = []
    for number, line in lines:
        try:
            records.append(kind.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__} {error}"
            if isinstance(error, json.JSONDecodeError):
                why = "it is cut off or not JSON"
            name = kind.__name__.lower()
            warn(f"line {number} of '{path}' is not a {name} and is left out: {why}")
    return records


def _refuse_others(path: Path, first: type[Record], new: bool) -> None:
    """Refuse to append to a file that is no recorded run.

    Raises:
        OutputRefused: its first line does not begin as one of a run does, even cut off.
    """
    if not path.is_file():
        return
    beginning = f'{{"schema": "{first.SCHEMA.partition("/")[0]}/'.encode()
    with path.open("rb") as file:
        begun = file.read(len(beginning))
    if new and begun:
        raise OutputRefused(f"'{path}' is there already, and a run has its own file", "a new file")
    if not beginning.startswith(begun):
        raise OutputRefused(f"'{path}' is no recorded run, and is left as it is", "a new file")


def _is_torn(path: Path) -> bool:
    """Tell whether the last line has no end."""
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"
