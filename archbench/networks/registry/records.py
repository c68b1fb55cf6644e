"""Networks as the registry and the papers describe them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archbench.record import Record, as_json
from archbench.units import Shape


@dataclass(frozen=True, slots=True)
class Paper:
    """Where a network was published."""

    short: str  # "Szegedy et al."
    authors: str
    title: str
    where: str  # "arXiv:1409.4842", else the conference
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
class PublishedError(Record):
    """An error rate that someone prints, with what it holds for.

    Args:
        data: the data set and the part of it.
        top1_error_percent: of images whose class is not the first guess.
        top5_error_percent: of images whose class is not among the first five.
        views: how many crops of an image are looked at, and at how many scales.
        models: networks in the ensemble; 1 is the network alone.
        source: where it is printed.
    """

    data: str
    top1_error_percent: float | None
    top5_error_percent: float | None
    views: str
    models: int
    source: str


@dataclass(frozen=True, slots=True)
class Architecture(Record):
    """One network of the shelf: a row of the registry.

    Args:
        name: what it is asked for by.
        family: what it is listed under.
        paper: where it was published.
        module: the file in archbench.networks.archs that builds it.
        options: what this name passes to that file's build().
        input_shape: without the batch: (channels, height, width).
        num_classes: that it tells apart; None for a module by itself.
        differs: how it differs from what people meet elsewhere, or what of it is not published.
        errors: that were published for it; the first is the one to list.
        training: (what, how): initialisation, dropout, losses, as published.
        choices: (argument, what it takes) that users may pass to build().
    """

    name: str
    family: str
    paper: Paper
    module: str
    options: Mapping[str, Any]
    input_shape: Shape
    num_classes: int | None
    differs: str
    errors: tuple[PublishedError, ...] = ()
    training: tuple[tuple[str, str], ...] = ()
    choices: tuple[tuple[str, str], ...] = ()

    @property
    def year(self) -> int:
        """The year of its paper."""
        return self.paper.year

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


PaperRow = tuple[str | None, tuple[str | int | None, ...]]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """The columns that a paper's own table has beside sizes and costs.

    Args:
        source: the paper and its table.
        heading: what the paper calls the first column.
        columns: (key, title) in the paper's order; "input_shape", "output_shape" and "depth" stand
            where the computed ones belong.
        rows: stage name -> (the paper's label, None where it is the stage's name; the value of
            each other column, None where the paper has none).
        notes: sentences about where the network and the printed table differ.
    """

    source: str
    heading: str
    columns: tuple[tuple[str, str], ...]
    rows: Mapping[str, PaperRow]
    notes: tuple[str, ...] = ()
