"""`bench --plot`: a picture of the layers under the machine's ceilings."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from archbench.commands.bench.layers.records import Bound, Roofline
from archbench.commands.bench.records import Timing
from archbench.errors import ArchbenchError, OutputRefused
from archbench.libraries import require
from archbench.shell.atomic_files import atomic_write
from archbench.shell.streams import warn
from archbench.tables.picture import COLOURS, drawn
from archbench.timing.ceilings import Ceilings
from archbench.units import scaled

Plot = Annotated[
    Path | None, typer.Option("--plot", help="draw the layers' roofline into this .svg")
]

SIZE = (7.5, 5.0)  # inches
LARGEST = 300  # points², for the layer that takes longest
MARKS: dict[Bound, tuple[str, str]] = {  # shape and colour, so that either alone is enough
    "compute": ("o", COLOURS[0]),
    "memory": ("s", COLOURS[1]),
    "launch": ("^", COLOURS[2]),
}
NAME_OFFSETS = ((16, 26), (16, -22), (16, -44))  # points; those that take longest have names


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


def draw_roofline(timing: Timing, path: Path) -> None:
    """Draw the layers of a cell; where none was measured, the file stays as it was."""
    if timing.roofline is None:
        warn(f"there are no layers to draw, and '{path}' is left as it was")
        return
    title = f"{timing.cell.model}, batch {timing.cell.batch_size} {timing.cell.how}"
    with atomic_write(path) as stream:
        stream.write(roofline_svg(timing.roofline, title.strip()))


def roofline_svg(roofline: Roofline, title: str) -> str:
    """Draw layers by their intensity and their rate; the area of a point is its share of the pass.

    A hollow point is a lower bound: an operation without a rule ran in the layer. Layers without
    multiply-adds have no rate, and are not drawn; the title says what they take.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    return drawn(partial(_draw, roofline=roofline, title=title), SIZE)


def _draw(axes: Any, roofline: Roofline, title: str) -> None:
    shown = [layer for layer in roofline.layers if layer.work.macs and layer.time_s > 0]
    longest = max((layer.time_s for layer in shown), default=1.0)
    for bound, (shape, colour) in MARKS.items():
        for complete, words in ((True, ""), (False, ", at least")):
            layers = [x for x in shown if x.bound == bound and x.work.complete == complete]
            if not layers:
                continue
            axes.scatter(
                [layer.intensity or 0.0 for layer in layers],
                [2 * layer.work.macs / layer.time_s for layer in layers],
                s=[10 + LARGEST * layer.time_s / longest for layer in layers],
                marker=shape,
                facecolors=colour if complete else "none",
                edgecolors=colour,
                alpha=0.6,
                linewidths=0 if complete else 1.5,
                label=f"{bound}-bound{words}",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    _roofs(axes, roofline.ceilings)
    longest_first = sorted(shown, key=lambda layer: -layer.time_s)
    for layer, offset in zip(longest_first, NAME_OFFSETS, strict=False):
        point = (layer.intensity or 0.0, 2 * layer.work.macs / layer.time_s)
        axes.annotate(
            layer.work.path if layer.work.complete else f"≥ {layer.work.path}",
            point,
            textcoords="offset points",
            xytext=offset,
            fontsize=8,
            arrowprops={"arrowstyle": "-", "lw": 0.5},
        )
    axes.set_title(f"{title}\n{_not_shown(roofline)}", loc="left", fontsize=11)
    axes.set_xlabel("FLOP per byte moved")
    axes.set_ylabel("FLOP per second")
    axes.grid(alpha=0.3, which="major")
    axes.legend(frameon=False, fontsize=8, loc="lower right", markerscale=0.6)


def _not_shown(roofline: Roofline) -> str:
    """Return the share of the pass in layers that have no point."""
    without = [layer for layer in roofline.layers if not layer.work.macs]
    shares = [
        sum(layer.time_s for layer in without if layer.work.complete == complete) / roofline.sum_s
        if roofline.sum_s
        else 0.0
        for complete in (True, False)
    ]
    unknown = f", {shares[1]:.0%} in layers whose MACs are unknown" if shares[1] else ""
    return f"{shares[0]:.0%} of the pass in layers without MACs{unknown}"


def _roofs(axes: Any, ceilings: Ceilings) -> None:
    """Draw what the memory, the best cache and the arithmetic allow."""
    low, high = axes.get_xlim()
    best = ceilings.bytes_per_s(0)
    for rate, name, dash in (
        (ceilings.slowest_bytes_per_s, "memory", "-"),
        (best, "cache", "--"),
    ):
        ridge = ceilings.flops_per_s / rate
        low = min(low, ridge / 2)
        axes.plot(
            [low, ridge, max(high, 2 * ridge)],
            [low * rate, ceilings.flops_per_s, ceilings.flops_per_s],
            color="black",
            ls=dash,
            lw=1.2,
            label=f"{name}: {scaled(rate)}B/s",
        )
