"""A recorded run of sessions, as `bench --record` writes it."""

import json
from pathlib import Path

from archbench.timing.records import Session
from archbench.timing.run_file import Warn, lines_of, why_unreadable

SCHEMA = "archbench.session/"  # the first line's schema begins with it


def read_run(path: Path, warn: Warn) -> list[Session]:
    """Read the sessions of a recorded run; lines that are none are named and left.

    Args:
        path: the file.
        warn: is told of each line that cannot be read, such as a last one that was cut off.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
    """
    sessions = []
    for number, line in lines_of(path):
        try:
            sessions.append(Session.from_dict(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            why = why_unreadable(error)
            warn(f"line {number} of '{path}' is not a session and is left out: {why}")
    return sessions
