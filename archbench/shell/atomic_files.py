"""Files that are replaced or appended to as a whole; after an error they are as before."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import ELOOP
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO

from archbench.errors import OutputRefused, why_refused
from archbench.shell.files_in_use import in_use, refuse_source
from archbench.tables.signs import SPELLED


@contextmanager
def atomic_write(path: Path, lock: bool = False) -> Iterator[TextIO]:
    """Open a file that replaces another as a whole, once all is written; a pipe is just opened.

    Args:
        path: of the file.
        lock: it is the lock, which nothing else may replace.

    Raises:
        OutputRefused: it cannot be written, is somebody's own work, or has another use already.
    """
    with write_errors(path):
        if not lock:
            refuse_source(path)
        target = path.resolve()
        _refuse_target(target)
        special = target.exists() and not target.is_file()  # a pipe or device
        if special:
            stream: TextIO = target.open("w", encoding="utf-8", errors=SPELLED, newline="\n")
        else:
            stream = _draft(target)
    if special:
        with stream:
            yield stream
        return
    draft = Path(stream.name)
    try:
        with in_use(path), stream:
            yield stream
        draft.chmod(_mode(target))
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    try:
        draft.replace(target)
    except PermissionError as error:  # Windows, where another program has the file open
        raise OutputRefused(
            f"'{path}' cannot be replaced: {why_refused(error)}",
            f"the result is in '{draft}'; close the program that has the old file open",
        ) from error


def _refuse_target(target: Path) -> None:
    """Raise the error of a path that cannot be written."""
    if target.is_symlink():  # a loop, which Python refuses until 3.13
        raise OSError(ELOOP, os.strerror(ELOOP))
    if target.is_dir():
        raise IsADirectoryError(21, "it is a folder")
    if target.is_file() and not os.access(target, os.W_OK):
        raise PermissionError(13, "it is read-only")


def _draft(target: Path) -> TextIO:
    """Return a new file beside the target, to be renamed over it."""
    return NamedTemporaryFile(  # type: ignore[return-value]  # a wrapper of TextIO
        "w",
        prefix=".archbench.",
        suffix=target.suffix,
        dir=target.parent,
        delete=False,
        encoding="utf-8",
        errors=SPELLED,
        newline="\n",
    )


def _mode(target: Path) -> int:
    """Return the permissions an ordinary write would leave: the old file's, or the umask's."""
    if target.exists():
        return stat.S_IMODE(target.stat().st_mode)
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


@contextmanager
def atomic_append(path: Path, new: bool = False) -> Iterator[TextIO]:
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


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Refuse a file that cannot be written, as one line and a hint."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, until Python 3.13
        hint = "name a file in an existing folder"
        if isinstance(error, PermissionError):
            hint = "name another file, or make it writable"
        raise OutputRefused(f"'{path}' cannot be written: {why_refused(error)}", hint) from error
