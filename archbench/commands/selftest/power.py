"""False alarms and detections of the time gate, counted."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import expm1
from statistics import median

from archbench.commands.selftest.records import Rate, Source
from archbench.commands.selftest.trials import Trial
from archbench.gates.records import Word
from archbench.gates.rules import Rules
from archbench.gates.time.judge import Evidence, judge
from archbench.gates.time.pairs import Stage
from archbench.gates.time.records import TimeGate
from archbench.libraries import needed
from archbench.statistics.trimmed_mean import trimmed_mean

CELL = "drawn"


def rates_of(gates: Mapping[Trial, TimeGate], resample: int) -> tuple[Rate, ...]:
    """Return the rates of the recorded gates, and of `resample` gates drawn from their pairs."""
    groups: dict[tuple[str, float], list[TimeGate]] = {}
    values: dict[tuple[str, float], list[float]] = {}
    for trial, gate in gates.items():
        key = trial.cell.name, trial.slowdown
        groups.setdefault(key, []).append(gate)
        for pair in gate.pairs:
            if pair.failure is None:
                own = (trial.cell.name, 0.0) if pair.control else key
                values.setdefault(own, []).append(pair.log_ratio)
    rates = [
        rate_of_runs(
            *key,
            [gate.verdicts[0].verdict for gate in group],
            values.get(key, []),
            [sum(pair.wall_s for pair in gate.pairs) for gate in group],
            [sum(pair.wall_s for pair in gate.pairs if not pair.control) for gate in group],
        )
        for key, group in groups.items()
    ]
    if resample:
        rates += [
            rate_of_draws(*key, own, Rules(), resample, seed)
            for seed, (key, own) in enumerate(sorted(values.items()))
        ]
    rates.sort(key=lambda rate: (rate.model, rate.source != "run", rate.slowdown))
    return tuple(rates)


def rate_of_runs(
    model: str,
    slowdown: float,
    words: Sequence[Word],
    values: Sequence[float],
    walls_s: Sequence[float],
    cells_s: Sequence[float],
) -> Rate:
    """Return the rate of gates that ran.

    Args:
        model: the network.
        slowdown: of head, as a share.
        words: the verdict of each gate.
        values: logarithms of the ratios of all their pairs.
        walls_s: duration of each gate, the control included.
        cells_s: duration of the cell's own pairs in each gate.
    """
    rate = _rate(model, slowdown, "run", Counter(words), values)
    return replace(rate, wall_s=median(walls_s), cell_s=median(cells_s))


def rate_of_draws(
    model: str, slowdown: float, values: Sequence[float], rules: Rules, runs: int, seed: int
) -> Rate:
    """Return the rate of gates whose pairs are drawn from recorded ones, with replacement.

    A bias of the recorded pairs towards one side shows in this rate. What the pairs of one gate
    have in common does not: only gates that ran show that.
    """
    rng = random.Random(seed)
    words = Counter(_draw(values, rules, rng) for _ in range(runs))
    return _rate(model, slowdown, "resampled", words, values)


def _draw(values: Sequence[float], rules: Rules, rng: random.Random) -> Word:
    """Return the verdict of one drawn gate."""
    drawn: dict[Stage, tuple[float, ...]] = {}
    while True:
        judgement = judge({CELL: Evidence(**drawn)}, rules)
        if CELL in judgement.verdicts:
            return judgement.verdicts[CELL]
        target = judgement.targets[CELL]
        drawn[target.stage] = tuple(rng.choices(values, k=target.pairs))


def _rate(
    model: str,
    slowdown: float,
    source: Source,
    words: Mapping[Word, int],
    values: Sequence[float],
) -> Rate:
    with needed("scipy", "intervals"):
        from scipy.stats import binomtest

    runs, found = sum(words.values()), words.get("regressed", 0)
    interval = binomtest(found, runs).proportion_ci(0.95, method="exact")
    return Rate(
        model=model,
        slowdown=slowdown,
        measured=expm1(trimmed_mean(values)) if values else None,
        source=source,
        found=found,
        runs=runs,
        low=float(interval.low),
        high=float(interval.high),
        words=dict(words),
        wall_s=None,
        cell_s=None,
        pairs=len(values),
    )
