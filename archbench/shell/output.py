"""Where a result goes: data on standard output or into a file, everything else on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from shutil import get_terminal_size
from typing import TextIO

from rich.console import Console

from archbench.errors import OutputRefused
from archbench.libraries import require
from archbench.shell import interrupt
from archbench.shell.atomic_files import atomic_write
from archbench.tables.render import UNBOUNDED, Format, as_text, show
from archbench.tables.signs import ESCAPED, carried
from archbench.tables.spelling import in_encoding
from archbench.tables.table import Report

_SUFFIXES = {
    ".txt": Format.TABLE,
    ".csv": Format.CSV,
    ".json": Format.JSON,
    ".md": Format.MD,
}


class Destination:
    """An open place for one result, in one format."""

    def __init__(self, stream: TextIO, form: Format) -> None:
        self._stream = stream
        self._begun = False
        self.form = form

    def write(self, report: Report) -> None:
        """Write a report; a table fits the terminal, if it is one."""
        interrupt.check()
        if self._begun:
            self._stream.write("\n")
        self._begun = True
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        if self.form is Format.JSON:
            self._stream.write(carried(as_text(report, self.form), encoding, ESCAPED))
        elif self.form is Format.TABLE:
            show(in_encoding(report, encoding), console_for(self._stream))
        else:
            self._stream.write(as_text(in_encoding(report, encoding), self.form))
        self._stream.flush()


def console_for(stream: TextIO) -> Console:
    """Make a console that prints texts as they are, and cuts nothing outside of a terminal."""
    # asked here, because Rich takes a terminal without colours (TERM=dumb) for 80 columns wide
    width, height = get_terminal_size((80, 25)) if stream.isatty() else (UNBOUNDED, None)
    return Console(
        file=stream, width=width, height=height, markup=False, highlight=False, emoji=False
    )


@contextmanager
def destination(form: Format | None, path: Path | None) -> Iterator[Destination]:
    """Open the place a result goes to before the work starts, so that none is done in vain.

    A file is written beside its target and then renamed over it: it is replaced whole, or, after
    an error, not touched.

    Raises:
        OutputRefused: the file cannot be written, or its suffix contradicts the format.
        MissingLibrary: what writes the format cannot be imported.
    """
    form = _format(form, path)
    if form is Format.CSV:
        require("pandas", "CSV")
    if path is None:
        if sys.stdout is None:
            raise OutputRefused("standard output is closed", "-o names a file")
        yield Destination(sys.stdout, form)
        return
    with atomic_write(path) as stream:
        yield Destination(stream, form)


def _format(form: Format | None, path: Path | None) -> Format:
    implied = _SUFFIXES.get(path.suffix.lower()) if path is not None else None
    if form is not None and implied is not None and form is not implied:
        raise OutputRefused(
            f"format '{form}' contradicts the suffix of '{path}'",
            f"leave out -f, or name the file .{'txt' if form is Format.TABLE else form}",
        )
    return form or implied or Format.TABLE


@contextmanager
def prints_set_aside() -> Iterator[None]:
    """Send what the user's own code prints to standard error, where it cannot spoil the data."""
    with redirect_stdout(sys.stderr):
        yield
