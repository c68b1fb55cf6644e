"""A recorded run of sessions, as `bench --record` writes it."""

from pathlib import Path

from archbench.timing.records import Session
from archbench.timing.run_file import Warn, lines_of, records_of

SCHEMA = "archbench.session/"  # the first line's schema begins with it


def read_run(path: Path, warn: Warn) -> list[Session]:
    """Return the sessions of a recorded run; a line that cannot be read is warned of and left out.

    Raises:
        OutputRefused: there is no such file, or it cannot be read.
    """
    return records_of(path, lines_of(path), Session, "session", warn)
