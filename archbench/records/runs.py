"""A recorded run: one session a line, appended as each ends."""

import json
from collections.abc import Callable
from pathlib import Path

from archbench.errors import OutputRefused
from archbench.records.sessions import Session

BEGINNING = '{"schema": "archbench.session/'  # of every line

Warn = Callable[[str], None]


class RunFile:
    """A file of sessions, which only ever grows.

    Args:
        path: is created if it is missing.

    Raises:
        OutputRefused: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("ab"):
                pass
            self._torn = _is_torn(path)
            _refuse_others(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputRefused(
                f"'{path}' cannot be written: {reason}", "name a file in an existing folder"
            ) from error

    def append(self, session: Session) -> None:
        """Add a session in one write, so that an interruption tears one line at most."""
        line = json.dumps(session.to_dict(), default=repr) + "\n"
        if self._torn:  # what is torn keeps its own line
            line, self._torn = f"\n{line}", False
        with self.path.open("ab", buffering=0) as file:
            file.write(line.encode())


def read_run(path: Path, warn: Warn) -> list[Session]:
    """Read the sessions of a recorded run; lines that are none are named and left.

    Args:
        path: the file.
        warn: is told of each line that cannot be read, such as a last one that was cut off.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputRefused(f"'{path}' cannot be read: {reason}") from error
    sessions = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sessions.append(Session.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            warn(f"line {number} of '{path}' is not a session and is left out: {_why(error)}")
    return sessions


def _refuse_others(path: Path) -> None:
    """Refuse to append to what is no recorded run.

    Raises:
        OutputRefused: its first line does not begin as one of a run does, even cut off.
    """
    if not path.is_file():
        return
    with path.open("rb") as file:
        begun = file.read(len(BEGINNING))
    if not BEGINNING.encode().startswith(begun):
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
