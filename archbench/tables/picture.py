"""A Picture drawn by matplotlib, as SVG."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

from archbench.libraries import needed

# Okabe and Ito's colours, which people with any kind of colour vision tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", ":", "-.")
SIZE = (7.5, 4.5)  # inches


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a picture."""

    name: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """Something worth looking at: lines over one axis."""

    name: str  #: of its file, without a suffix
    title: str  #: what it shows, in a sentence
    x_label: str  #: with its unit
    y_label: str  #: with its unit
    series: tuple[Series, ...]  #: the lines
    log_y: bool = False  #: draw the vertical axis in powers of ten


def as_svg(picture: Picture) -> str:
    """Draw lines over one axis; the same picture always gives the same text.

    Lines named "plain, 20 layers" and "plain, 56 layers" share a colour and differ in their dashes.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    return drawn(partial(_draw_lines, picture=picture), SIZE)


def _draw_lines(axes: Any, picture: Picture) -> None:
    from matplotlib.ticker import MaxNLocator

    kinds = dict.fromkeys(line.name.partition(", ")[0] for line in picture.series)
    variants = dict.fromkeys(line.name.partition(", ")[2] for line in picture.series)
    colours = dict(zip(kinds, cycle(COLOURS), strict=False))
    dashes = dict(zip(variants, cycle(DASHES), strict=False))
    for line in picture.series:
        kind, _, variant = line.name.partition(", ")
        colour, dash = colours[kind], dashes[variant]
        axes.plot(line.xs, line.ys, label=line.name, c=colour, ls=dash, lw=1.6)
    axes.set_title(picture.title, loc="left", fontsize=11)
    axes.set_xlabel(picture.x_label)
    axes.set_ylabel(picture.y_label)
    if all(x == int(x) for line in picture.series for x in line.xs):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if picture.log_y:
        axes.set_yscale("log")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))


def drawn(draw: Callable[[Any], None], size: tuple[float, float]) -> str:
    """Let something be drawn, and return it as SVG; the same drawing always gives the same text.

    Args:
        draw: is given matplotlib's Axes.
        size: in inches.

    Raises:
        MissingLibrary: matplotlib is not installed.
    """
    with needed("matplotlib", "pictures"):
        import matplotlib as mpl
        from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "archbench", "font.size": 10}):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()
