"""The error rates that papers print, and the conditions of each: published_errors.csv.

The first of each network is the one that `archbench list` shows: the network alone and not in an
ensemble, from its own paper if that has any, with the fewest views of an image. Figures of
different conditions do not compare. Where a source prints accuracies, these are what is missing
to 100 %.

The 48,238 images of ImageNet's validation set are those that are not on the blacklist. "No
augmentation" is meant in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from archbench.csv_tables import rows_of, several
from archbench.record import Record


@dataclass(frozen=True, slots=True)
class PublishedError(Record):
    """A published error rate and its conditions."""

    data: str  #: the data set and the part of it
    top1_error_percent: float | None  #: images whose class is not the first guess
    top5_error_percent: float | None  #: images whose class is not among the first five
    views: str  #: how many crops of an image are looked at, and at how many scales
    models: int  #: networks in the ensemble; 1 is the network alone
    source: str  #: where it is printed


@cache
def published_errors() -> Mapping[str, tuple[PublishedError, ...]]:
    """Return the published error rates of each network, by its name."""
    errors: dict[str, tuple[PublishedError, ...]] = {}
    for row in rows_of("networks/registry/published_errors.csv"):
        error = PublishedError(
            row["data"],
            _percent(row["top1_error_percent"]),
            _percent(row["top5_error_percent"]),
            row["views"],
            int(row["models"]),
            row["source"],
        )
        for network in several(row["networks"]):
            errors[network] = (*errors.get(network, ()), error)
    return errors


def _percent(cell: str) -> float | None:
    return float(cell) if cell else None
