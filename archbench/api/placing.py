"""Put a file into somebody's repository: a new one, or more behind what it holds, or nothing."""

import os
from contextlib import suppress
from pathlib import Path

from archbench.errors import ArchbenchError, OutputRefused
from archbench.records.placed import Placed


def read(path: Path) -> str | None:
    """Return what a file holds, its line ends as they are; None where there is none.

    Raises:
        ArchbenchError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ArchbenchError(
            f"'{path}' cannot be read: {reason.lower()}", "mend it first"
        ) from error


def place(root: Path, placed: Placed) -> None:
    """Write a file that is new, or what is new in it; one that is to be left stays untouched.

    What cannot be written whole is taken back.

    Raises:
        OutputRefused: it cannot be written, or somebody else has written it meanwhile.
    """
    path = root / placed.path
    if placed.state not in ("written", "added to"):
        return
    held = len((placed.before or "").encode())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(
            "x" if placed.before is None else "a", encoding="utf-8", newline=""
        ) as stream:
            try:
                stream.write(placed.wanted[len(placed.before or "") :])
                stream.flush()
            except OSError:
                with suppress(OSError):
                    os.truncate(path, held)
                    if placed.before is None:
                        path.unlink()
                raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputRefused(
            f"'{path}' cannot be written: {reason}", "make it writable, or make room"
        ) from error
