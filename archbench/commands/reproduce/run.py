"""Compute printed figures again."""

from collections.abc import Callable, Sequence

from archbench.papers.records import PublishedFigure, Reproduction


def reproduce_figures(
    figures: Sequence[PublishedFigure], tell: Callable[[float], None] = lambda share: None
) -> tuple[Reproduction, ...]:
    """Compute figures again, judge each and explain it.

    Args:
        figures: such as `archbench.papers.figures.select()` returns.
        tell: is told the share that is done.
    """
    from archbench.papers.reproduce import recomputed

    found = []
    for reproduction in recomputed(figures):
        found.append(reproduction)
        tell(len(found) / len(figures))
    return tuple(found)
