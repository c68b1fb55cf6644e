"""Networks as the registry and the papers describe them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbench.networks.registry.published import PublishedError, published_errors
from archbench.record import Record, as_json
from archbench.units import Shape


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a network was published."""

    short: str  #: "Szegedy et al."
    authors: str
    title: str
    where: str  #: "arXiv:1409.4842", else the conference
    year: int

    def __str__(self) -> str:
        """Cite it in one line."""
        return f"{self.short}, {self.title}, {self.where}"

    @property
    def dated(self) -> str:
        """Where it was published, and when."""
        year = str(self.year)
        return self.where if year in self.where else f"{self.where}, {year}"

    @property
    def url(self) -> str | None:
        """Its page, where it has a number on arXiv."""
        server, colon, number = self.where.partition(":")
        return f"https://arxiv.org/abs/{number}" if server == "arXiv" and colon else None


@dataclass(frozen=True, slots=True)
class Architecture(Record):
    """One network of the shelf: a row of the registry."""

    name: str  #: what it is asked for by
    family: str  #: what it is listed under
    paper: Paper  #: where it was published
    module: str  #: the file in archbench.networks.archs that builds it
    options: Mapping[str, Any]  #: what this name passes to that file's build()
    input_shape: Shape  #: without the batch: (channels, height, width)
    num_classes: int | None  #: classes that it tells apart; None for a module by itself
    differs: str  #: how it differs from what people meet elsewhere, or what of it is not published
    #: (what, how): initialisation, dropout, losses, as published
    training: tuple[tuple[str, str], ...] = ()
    #: (argument, what it takes) that users may pass to build()
    choices: tuple[tuple[str, str], ...] = ()
    #: (argument, its value, input size) where that value stands for another input size
    sizes: tuple[tuple[str, str, Shape], ...] = ()

    def input_shape_with(self, arguments: Mapping[str, Any]) -> Shape:
        """Return the input size of the network that is built with these arguments."""
        for name, value, shape in self.sizes:
            if arguments.get(name) == value:
                return shape
        return self.input_shape

    @property
    def year(self) -> int:
        """The year of its paper."""
        return self.paper.year

    @property
    def errors(self) -> tuple[PublishedError, ...]:
        """The errors that were published for it; the first is the one to list."""
        return published_errors().get(self.name, ())

    def to_dict(self) -> dict[str, Any]:
        """Return the row as `archbench.list/1` prints it."""
        return {
            "name": self.name,
            "family": self.family,
            "year": self.year,
            "paper": str(self.paper),
            "input_shape": list(self.input_shape),
            "num_classes": self.num_classes,
            "differs": self.differs,
            "published_errors": as_json(self.errors),
        }


@dataclass(frozen=True, slots=True)
class GlobalPool:
    """The window of a pool over its whole input, which papers print for their own input size."""

    printed: str  #: the window in the paper's words: "7×7/1"

    def window_on(self, shape: Shape | None) -> str | None:
        """Return the same words for an input of (channels, height, width); None if it is unknown.

        >>> GlobalPool("7×7/1").window_on((1024, 2, 3))
        '2×3/1'
        """
        if shape is None or len(shape) != 3:
            return None
        return re.sub(r"^\d+×\d+", f"{shape[1]}×{shape[2]}", self.printed)


PaperRow = tuple[str | None, tuple[str | int | GlobalPool | None, ...]]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """The columns that a paper's own table has beside sizes and costs."""

    source: str  #: the paper and its table
    heading: str  #: what the paper calls the first column
    #: (key, title) in the paper's order; "input_shape", "output_shape" and "depth" stand where the
    #: computed ones belong
    columns: tuple[tuple[str, str], ...]
    #: stage name -> (the paper's label, None where it is the stage's name; the value of each other
    #: column, None where the paper has none)
    rows: Mapping[str, PaperRow]
    notes: tuple[str, ...] = ()  #: sentences about where the network and the printed table differ
