"""What other libraries publish of the networks that they ship, and the steps to those networks.

papers/published_totals.csv has the totals, steps.csv the networks that differ in one thing.
"""

from collections import deque
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from archbench.analysis.tools.records import Printed, Quantity
from archbench.csv_tables import rows_of, several


class PublishedTotal(NamedTuple):
    """One total that a library prints of a network it ships."""

    tool: str  #: the library
    model: str  #: what it calls the network
    #: the same network here: a registry name and its arguments, "inception-v3 aux=true"
    network: str
    quantity: Quantity  #: what was counted
    printed: Printed  #: the total
    #: how its count differs, keys of archbench.analysis.tools.published_rules.PUBLISHED
    counted: tuple[str, ...]
    source: str  #: where it is printed


class Step(NamedTuple):
    """Two networks that differ in one thing, named from both sides."""

    network: str
    other: str
    there: str  #: what the other has
    back: str  #: what the first one has in its place


@cache
def steps() -> tuple[Step, ...]:
    """Return the rows of steps.csv."""
    return tuple(Step(**row) for row in rows_of("commands/explain/steps.csv"))


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


@cache
def networks_with_totals() -> tuple[str, ...]:
    """Return the networks that totals are published of, and those that steps lead to them from."""
    named = [name for step in steps() for name in (step.network, step.other)]
    return tuple(dict.fromkeys([*(total.network for total in published_totals()), *named]))


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
        for change, there in neighbours(here):
            if there not in ways:
                ways[there] = [*ways[here], (change, there)]
                queue.append(there)
    return None


def neighbours(network: str) -> Iterator[tuple[str, str]]:
    """Yield the networks that differ from one in one thing, as (what changes, network)."""
    for step in steps():
        if step.network == network:
            yield step.there, step.other
        elif step.other == network:
            yield step.back, step.network
