"""What saved runs of two sides can tell: two independent samples of processes.

Times of one process share its luck with memory and neighbours, so a process counts once, with its
median. One file a side is therefore one value a side, however many rounds it holds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp, expm1, log, log1p
from statistics import variance

from archbench.gates.records import Verdict, Word
from archbench.gates.rules import Rules
from archbench.gates.saved_runs.records import SavedCheck, SavedRun, benchmarks_of
from archbench.statistics.intervals import POWER
from archbench.statistics.rank_sum import (
    critical,
    ends,
    p_value,
    runs_needed,
    shift,
    shift_interval,
    smallest_p,
)
from archbench.statistics.sign_flip import holm
from archbench.units import counted

# From gate to gate of `make selftest`, within hours, medians of equal networks wandered by 2 to 7 %
# (standard deviation); four times as much is what two blocks of runs may differ by for that alone
WANDER = 0.27
# Of all pairs of a run of each side, the share in which the first side's is the older
IN_TURN = 0.25, 0.75
DRAWS = 400  # of noise, for what could have been seen


@dataclass(frozen=True, slots=True)
class Sample:
    """Logarithms of one benchmark's medians, a value a process."""

    before: Sequence[float]  #: of the one side
    after: Sequence[float]  #: of the other
    in_turn: bool  #: whether the sides took turns

    @property
    def sizes(self) -> tuple[int, int]:
        """How many processes each side has."""
        return len(self.before), len(self.after)


def judge_saved(
    before: Sequence[SavedRun], after: Sequence[SavedRun], rules: Rules, strict: bool = False
) -> SavedCheck:
    """Return verdicts on the benchmarks that two sides saved."""
    in_turn = took_turns(before, after)
    other_machine = _disagreement([run.machine for run in (*before, *after)])
    names = list(dict.fromkeys(name for run in (*before, *after) for name in run.benchmarks))
    verdicts: dict[str, Verdict] = {}
    samples: dict[str, Sample] = {}
    for name in names:
        sides = benchmarks_of(before, name), benchmarks_of(after, name)
        conditions = [one.conditions for side in sides for one in side]
        difference = other_machine or _disagreement(conditions)
        if not all(sides):
            verdicts[name] = Verdict(name, "time", "new" if sides[1] else "missing")
        elif difference:
            verdicts[name] = Verdict(name, "time", "not_comparable", note=difference)
        else:
            first, second = ([log(m) for one in side for m in one.medians_s] for side in sides)
            samples[name] = Sample(first, second, in_turn)
    verdicts |= _judge_samples(samples, rules)
    ordered = tuple(verdicts[name] for name in names)
    return SavedCheck(tuple(before), tuple(after), ordered, in_turn, strict)


def took_turns(before: Sequence[SavedRun], after: Sequence[SavedRun]) -> bool:
    """Tell whether the runs of both sides are spread over the same time.

    The answer is no where a file does not tell when it was saved.
    """
    first = [run.saved_at for run in before if run.saved_at is not None]
    second = [run.saved_at for run in after if run.saved_at is not None]
    if len(first) < len(before) or len(second) < len(after):
        return False
    older = sum(a < b for a in first for b in second) / (len(first) * len(second))
    return IN_TURN[0] <= older <= IN_TURN[1]


def _disagreement(conditions: Sequence[Mapping[str, str]]) -> str:
    """Return the first condition that differs, in words; empty where all agree.

    A condition that some files lack is compared among the others.
    """
    for key in dict.fromkeys(key for one in conditions for key in one):
        values = list(dict.fromkeys(one[key] for one in conditions if key in one))
        if len(values) > 1:
            return f"{key} is {values[0]} in one file and {values[1]} in another"
    return ""


def _judge_samples(samples: Mapping[str, Sample], rules: Rules) -> dict[str, Verdict]:
    """Return a verdict on each benchmark, with Holm's correction over all of them."""
    slower = {name: p_value(one.before, one.after) for name, one in samples.items()}
    faster = {name: p_value(one.after, one.before) for name, one in samples.items()}
    limits = {1: holm(slower, rules.alpha), -1: holm(faster, rules.alpha)}
    verdicts = {}
    for name, sample in samples.items():
        sign = 1 if shift(sample.before, sample.after) >= 0 else -1
        p = slower[name] if sign == 1 else faster[name]
        verdict = _verdict(name, sample, sign, p, limits[sign][name], rules)
        note = _note(verdict.verdict, sample, len(samples), rules)
        verdicts[name] = replace(verdict, note=note)
    return verdicts


def _verdict(name: str, sample: Sample, sign: int, p: float, limit: float, rules: Rules) -> Verdict:
    ratio = shift(sample.before, sample.after)
    interval = shift_interval(sample.before, sample.after)
    word: Word = "inconclusive"
    if interval is not None:
        smallest = min(sign * interval[0], sign * interval[1])
        beyond_drift = sample.in_turn or smallest > log1p(WANDER)
        if p <= limit and sign * ratio >= log1p(rules.negligible) and beyond_drift:
            word = "regressed" if sign == 1 else "improved"
        elif interval[1] < log1p(rules.important) and sample.in_turn:
            word = "ok"
    return Verdict(
        name,
        "time",
        word,
        ratio=exp(ratio),
        low=None if interval is None else exp(interval[0]),
        high=None if interval is None else exp(interval[1]),
        mde=detectable_slowdown(sample, limit, rules),
        p=p,
    )


def detectable_slowdown(sample: Sample, limit: float, rules: Rules) -> float | None:
    """Return the slowdown that processes which scatter like these show nine times in ten.

    The rule above is put to noise like a normal's, drawn from a fixed seed: in each draw there is a
    least slowdown with which it says regressed, and nine in ten of those are below the result.
    None where so few processes cannot show any.
    """
    import numpy as np

    n, m = sample.sizes
    enough, count = critical(n, m, limit), ends(n, m)
    if min(n, m) < 2 or enough is None or not count:
        return None
    rng = np.random.default_rng(0)
    before = rng.normal(0, variance(sample.before) ** 0.5, (DRAWS, n, 1))
    after = rng.normal(0, variance(sample.after) ** 0.5, (DRAWS, 1, m))
    # a slowdown moves every difference alike; in `enough` pairs after must be the larger one
    gaps = np.sort((before - after).reshape(DRAWS, n * m), axis=1)
    least = np.maximum(gaps[:, enough - 1], log1p(rules.negligible) + np.median(gaps, axis=1))
    if not sample.in_turn:
        least = np.maximum(least, log1p(WANDER) + gaps[:, -count])  # all of the interval beyond
    return expm1(float(np.sort(least)[ceil(POWER * DRAWS) - 1]))


def _note(word: Word, sample: Sample, benchmarks: int, rules: Rules) -> str:
    """Return why a verdict is inconclusive; empty for other verdicts."""
    limit = rules.alpha / benchmarks
    if word != "inconclusive":
        return ""
    if smallest_p(*sample.sizes) > limit:
        return (
            f"{counted(sample.sizes[0], 'run')} before and {sample.sizes[1]} after cannot support "
            f"a verdict on {counted(benchmarks, 'benchmark')}: {runs_needed(limit)} a side can"
        )
    if not sample.in_turn:
        return "the sides did not take turns: before, after, after, before tells more"
    return ""
