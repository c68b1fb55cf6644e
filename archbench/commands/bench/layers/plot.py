"""`bench --plot`: a picture of the layers under the machine's ceilings."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archbench.errors import ArchbenchError, OutputRefused
from archbench.libraries import require
from archbench.shell.atomic_files import atomic_write
from archbench.shell.output import warn

if TYPE_CHECKING:
    from archbench.commands.bench.records import Timing

Plot = Annotated[
    Path | None, typer.Option("--plot", help="draw the layers' roofline into this .svg")
]


def check_plot(path: Path, layers: bool, one_cell: bool) -> None:
    """Refuse a picture that could not be drawn, before anything is measured for it.

    Raises:
        ArchbenchError: no layers were asked for, or those of several cells; or matplotlib is
            missing.
        OutputRefused: the file is no .svg, or cannot be written.
    """
    if not layers or not one_cell:
        raise ArchbenchError(
            "--plot draws the layers of one model at one batch size and precision",
            "name one of each" if layers else "add --layers",
        )
    if path.suffix.lower() != ".svg":
        raise OutputRefused(f"'{path}' is no .svg, which pictures are", "--plot roofline.svg")
    require("matplotlib", "pictures")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputRefused(f"'{path}' cannot be written", "name a file in an existing folder")


def draw_roofline(timing: "Timing", path: Path) -> None:
    """Draw the layers of a cell; where none was measured, the file stays as it was."""
    from archbench.commands.bench.layers.picture import roofline_svg
    from archbench.timing.words import how

    if timing.roofline is None:
        warn(f"there are no layers to draw, and '{path}' is left as it was")
        return
    title = f"{timing.cell.model}, batch {timing.cell.batch_size} {how(timing.cell)}"
    with atomic_write(path) as stream:
        stream.write(roofline_svg(timing.roofline, title.strip()))
