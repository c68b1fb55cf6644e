"""False alarms and detections of the time gate, counted."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import expm1
from statistics import median

from archbench.commands.selftest.records import Rate
from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.time.pairs import Stage
from archbench.gates.time.stages import Evidence, judge
from archbench.libraries import needed
from archbench.statistics.trimmed_mean import trimmed_mean

CELL = "drawn"


def rate_of_runs(
    model: str,
    slowdown: float,
    said: Sequence[Word],
    values: Sequence[float],
    walls_s: Sequence[float],
    cells_s: Sequence[float],
) -> Rate:
    """Count what gates said that really ran.

    Args:
        model: that was gated.
        slowdown: that was built in.
        said: the verdict of each gate.
        values: logarithms of the ratios of all their pairs.
        walls_s: how long each took, its control included.
        cells_s: how long the cell alone took of that.
    """
    rate = _rate(model, slowdown, "run", Counter(said), _size(values), len(values))
    return replace(rate, wall_s=median(walls_s), cell_s=median(cells_s))


def rate_of_draws(
    model: str, slowdown: float, values: Sequence[float], rules: Rules, runs: int, seed: int
) -> Rate:
    """Draw gates from recorded pairs, and count what they say.

    Pairs are drawn as they were recorded: if those of equal sides lean to one of them, it shows.
    What the pairs of one gate had in common does not; only gates that ran show that.

    Args:
        model: whose pairs they are.
        slowdown: that was built into them.
        values: logarithms of the ratios of the recorded pairs.
        rules: of the gate.
        runs: gates to draw.
        seed: of the draws.
    """
    rng = random.Random(seed)
    words: Counter[Word] = Counter()

    def draw(count: int) -> tuple[float, ...]:
        return tuple(rng.choices(values, k=count))

    for _ in range(runs):
        stages: dict[Stage, tuple[float, ...]] = {}
        while True:
            found = Evidence(*(stages.get(s, ()) for s in ("screen", "confirm", "extend")))
            judgement = judge({CELL: found}, rules)
            if CELL in judgement.words:
                words[judgement.words[CELL]] += 1
                break
            stage, count = judgement.wanted[CELL]
            stages[stage] = draw(count)
    return _rate(model, slowdown, "resampled", words, _size(values), len(values))


def _size(values: Sequence[float]) -> float | None:
    return expm1(trimmed_mean(values)) if values else None


def _rate(
    model: str,
    slowdown: float,
    source: str,
    words: Mapping[Word, int],
    measured: float | None,
    pairs: int,
) -> Rate:
    with needed("scipy", "intervals"):
        from scipy.stats import binomtest

    runs, found = sum(words.values()), words.get("regressed", 0)
    interval = binomtest(found, runs).proportion_ci(0.95, method="exact")
    low, high = float(interval.low), float(interval.high)
    return Rate(
        *(model, slowdown, measured, source, found, runs),  # type: ignore[arg-type]  # one of two words
        *(low, high, dict(words), None, None, pairs),
    )
