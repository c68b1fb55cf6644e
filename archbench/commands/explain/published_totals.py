"""What other libraries publish of the networks that they ship, and the steps to those networks."""

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from archbench.analysis.tools.records import Printed, Quantity
from archbench.packaged import rows_of, several


class PublishedTotal(NamedTuple):
    """One total that a library prints of a network it ships."""

    tool: str  #: the library
    model: str  #: what it calls the network
    #: the same network here: a registry name and its arguments, "inception-v3 aux=true"
    network: str
    quantity: Quantity  #: what was counted
    printed: Printed  #: the total
    #: how its count differs, keys of archbench.analysis.tools.counting_rules.PUBLISHED
    counted: tuple[str, ...]
    source: str  #: where it is printed


class Step(NamedTuple):
    """Two networks that differ in one thing, named from both sides."""

    network: str
    other: str
    there: str  #: what the other has
    back: str  #: what the first one has in its place


_PROJECTIONS = ("projections where shapes change", "zero padding where shapes change")
_V1_5 = ("stride on the 3x3, as in v1.5", "stride on the 1x1, as in v1")
_AUX = ("auxiliary heads", "no auxiliary heads")
_AUX_TO = ("googlenet", "googlenet-torchvision", "bn-googlenet", "inception-v3")

STEPS = (
    Step("googlenet-separable", "googlenet", "dense 7x7 in the stem", "separable 7x7 in the stem"),
    Step("googlenet", "bn-googlenet", "batch normalisation for biases", "biases, no normalisation"),
    Step("bn-googlenet", "googlenet-torchvision", "3x3 for 5x5", "5x5 for 3x3"),
    Step("bn-inception", "bn-inception version=dense-stem", "dense 7x7", "separable 7x7"),
    Step(
        "bn-inception",
        "bn-inception version=tf-slim",
        "pool projections of 96, no normalisation in the stem",
        "pool projections of 128, normalisation in the stem",
    ),
    Step(
        "bn-inception version=dense-stem",
        "bn-inception version=caffe",
        "biases on convolutions",
        "no biases on convolutions",
    ),
    Step(
        "inception-resnet-v2-paper",
        "inception-resnet-v2",
        "stem, widths, repeats and last convolution of the release",
        "stem, widths and repeats of the paper's figures",
    ),
    Step("alexnet", "alexnet-one-tower", "one tower, its widths", "two towers, their widths"),
    Step("resnet18", "resnet18-b", *_PROJECTIONS),
    Step("resnet34", "resnet34-b", *_PROJECTIONS),
    Step("resnet34-b", "resnet34-c", "projections on every shortcut", "fewer projections"),
    *(Step(f"resnet{n}", f"resnet{n}-v1.5", *_V1_5) for n in (50, 101, 152)),
    *(Step(name, f"{name} aux=true", *_AUX) for name in _AUX_TO),
)


@cache
def published_totals() -> tuple[PublishedTotal, ...]:
    """Return every total, library by library."""
    return tuple(
        PublishedTotal(
            row["tool"],
            row["model"],
            row["network"],
            row["quantity"],  # type: ignore[arg-type]  # tests/commands/explain/test_explain.py holds the words
            Printed(row["printed"], int(row["unit"])),
            several(row["counted"]),
            row["source"],
        )
        for row in rows_of("papers/published_totals.csv")
    )


def way(network: str, other: str) -> list[tuple[str, str]] | None:
    """Return the steps from one network to another as (what changes, network); None without any.

    >>> way("googlenet", "googlenet-torchvision")
    [('batch normalisation for biases', 'bn-googlenet'), ('3x3 for 5x5', 'googlenet-torchvision')]
    """
    ways: dict[str, list[tuple[str, str]]] = {network: []}
    queue = deque([network])
    while queue:
        here = queue.popleft()
        if here == other:
            return ways[here]
        for change, there in _neighbours(here):
            if there not in ways:
                ways[there] = [*ways[here], (change, there)]
                queue.append(there)
    return None


def _neighbours(network: str) -> Iterator[tuple[str, str]]:
    for step in STEPS:
        if step.network == network:
            yield step.there, step.other
        elif step.other == network:
            yield step.back, step.network
