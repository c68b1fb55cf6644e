"""A recorded run: a record a line, appended as each ends."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Any, Protocol

from archbench.errors import OutputRefused, why_refused
from archbench.records.pairs import GatePlan, Pair
from archbench.records.sessions import Session

SESSIONS, GATE = "archbench.session/", "archbench.gate/"  # what the first line's schema begins with

Warn = Callable[[str], None]


class Recorded(Protocol):
    """What can stand on a line."""

    def to_dict(self) -> Mapping[str, Any]:
        """Return it under its JSON names, "schema" first."""
        ...


class RunFile:
    """A file of records, which only ever grows.

    Args:
        path: is created if it is missing.
        kind: what its first line is, if it has one.

    Raises:
        OutputRefused: it cannot be written, or holds something else.
    """

    def __init__(self, path: Path, kind: str = SESSIONS) -> None:
        self.path = path
        with _writing(path):
            with path.open("ab"):
                pass
            self._torn = _is_torn(path)
            _refuse_others(path, kind)

    def append(self, record: Recorded) -> None:
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


def read_run(path: Path, warn: Warn) -> list[Session]:
    """Read the sessions of a recorded run; lines that are none are named and left.

    Args:
        path: the file.
        warn: is told of each line that cannot be read, such as a last one that was cut off.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
    """
    sessions = []
    for number, line in _lines(path):
        try:
            sessions.append(Session.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            warn(f"line {number} of '{path}' is not a session and is left out: {_why(error)}")
    return sessions


def read_gate(path: Path, warn: Warn) -> tuple[GatePlan, list[Pair]]:
    """Read a recorded run of the time gate: its plan, and its pairs.

    Args:
        path: the file.
        warn: is told of each line that is no pair.

    Raises:
        OutputRefused: it cannot be read, or does not begin with a plan.
    """
    lines = _lines(path)
    try:
        plan = GatePlan.from_dict(json.loads(lines[0][1]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise OutputRefused(
            f"'{path}' is no recorded gate: its first line is not a plan",
            "`archbench check --time --base main --record gate.jsonl` writes one",
        ) from error
    pairs = []
    for number, line in lines[1:]:
        try:
            pairs.append(Pair.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            warn(f"line {number} of '{path}' is not a pair and is left out: {_why(error)}")
    return plan, pairs


def _lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines that hold something, with their numbers."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise OutputRefused(
            f"'{path}' cannot be read: {why_refused(error)}", "name a recorded run"
        ) from error
    return [(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _refuse_others(path: Path, kind: str) -> None:
    """Refuse to append to what is no recorded run.

    Raises:
        OutputRefused: its first line does not begin as one of a run does, even cut off.
    """
    if not path.is_file():
        return
    beginning = f'{{"schema": "{kind}'.encode()
    with path.open("rb") as file:
        begun = file.read(len(beginning))
    if kind == GATE and begun:
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


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "it is cut off or not JSON"
    return f"{type(error).__name__} {error}"
