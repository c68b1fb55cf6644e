"""`bench --export`: what was measured, as a file of another tool."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from archbench.errors import ArchbenchError
from archbench.libraries import require
from archbench.shell.atomic_files import atomic_write

FORMATS = ("pytest-benchmark",)
Export = Annotated[
    tuple[str, Path] | None,
    typer.Option(
        "--export",
        metavar="pytest-benchmark FILE",
        help="write the processes as pytest-benchmark saves them",
        show_default=False,
    ),
]


@contextmanager
def export_file(export: Export) -> Iterator[TextIO | None]:
    """Open the file of --export, before anything is measured for it.

    Raises:
        ArchbenchError: the format is not known.
        OutputRefused: the file cannot be written.
        MissingLibrary: what writes the format cannot be imported.
    """
    if export is None:
        yield None
        return
    form, path = export
    if form not in FORMATS:
        raise ArchbenchError(
            f"there is no format '{form}' to export", f"there is {', '.join(FORMATS)}"
        )
    require("pytest_benchmark", f"--export {form}")
    with atomic_write(path) as stream:
        yield stream
