"""A file that grows, or stays as it was."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from archbench.tables.signs import SPELLED


@contextmanager
def appending(path: Path, new: bool = False) -> Iterator[TextIO]:
    """Open a file behind what it holds; after an error it holds that, or is not there, as before.

    Args:
        path: of the file; what is written to a pipe or device is not taken back.
        new: there must be none yet.

    Raises:
        OSError: it cannot be opened or written.
    """
    held = None if new or not path.exists() else path.stat().st_size
    stream = path.open("x" if new else "a", encoding="utf-8", errors=SPELLED, newline="")
    try:
        with stream:
            yield stream
    except BaseException:
        with suppress(OSError):
            if held is None:
                path.resolve().unlink()
            else:
                os.truncate(path, held)
        raise
