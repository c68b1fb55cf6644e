"""Statistics against scipy, against a published example, and by simulation."""

import random
from math import log
from statistics import median

import numpy as np
import pytest
from scipy import stats as reference

from archbench.commands.compare.changes import (
    detectable_difference,
    structure_verdict,
    time_verdict,
)
from archbench.statistics.intervals import (
    hodges_lehmann,
    interval_of_centre,
    log_interval,
    quantile,
    signed_rank_interval,
    t_interval,
    walsh_averages,
)
from archbench.timing.cells import Cell
from archbench.timing.ratios import ratio_to_reference
from archbench.timing.records import Session

# Hollander, Wolfe and Chicken, example 3.1: depression factors of nine patients, X - Y.
HOLLANDER = [-0.952, 0.147, -1.022, -0.430, -0.620, -0.590, -0.490, 0.080, -0.010]


def session(rounds: list[tuple[int, int]]) -> Session:
    return Session((Cell("a"), Cell("b")), 0, 0, tuple(zip(*rounds, strict=True)))


def test_the_published_example() -> None:
    """Estimate -0.46, and the book's interval at the 96.1 % that nine values allow."""
    assert hodges_lehmann(HOLLANDER) == pytest.approx(-0.46)
    interval = signed_rank_interval(HOLLANDER, confidence=0.96)
    assert interval == pytest.approx((-0.786, -0.010), abs=1e-9)


@pytest.mark.parametrize("n", [6, 7, 9, 12, 20, 30])
def test_the_interval_holds_what_the_signed_rank_test_accepts(n: int) -> None:
    """Just inside its ends scipy's exact test accepts a centre at 5 %, just outside not."""
    rng = random.Random(n)
    values = [rng.gauss(0.3, 1) for _ in range(n)]
    interval = signed_rank_interval(values)
    assert interval is not None
    for end, outwards in ((interval[0], -1), (interval[1], 1)):
        for step, accepted in ((-1e-9, True), (1e-9, False)):
            centre = end + outwards * step
            p = reference.wilcoxon(np.array(values) - centre, method="exact").pvalue
            assert (p > 0.05) == accepted


def test_too_few_values_have_no_interval() -> None:
    """Five values cannot reject anything at 5 %."""
    assert signed_rank_interval([1.0, 2.0, 3.0, 4.0, 5.0]) is None
    assert signed_rank_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)


def test_walsh_averages_are_all_pairs() -> None:
    """N (n + 1) / 2 of them, sorted."""
    values = [3.0, -1.0, 7.5, 2.0]
    expected = sorted((a + b) / 2 for i, a in enumerate(values) for b in values[i:])
    assert walsh_averages(values) == expected


@pytest.mark.parametrize("noise", ["normal", "heavy"])
def test_the_interval_covers_the_truth_as_often_as_it_says(noise: str) -> None:
    """95 % of 1,500 simulated measurements, give or take three standard errors."""
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(1500):
        draw = rng.standard_normal(20) if noise == "normal" else rng.standard_t(2, 20)
        interval = signed_rank_interval(list(draw))
        assert interval is not None
        covered += interval[0] <= 0 <= interval[1]
    assert covered / 1500 == pytest.approx(0.95, abs=3 * (0.95 * 0.05 / 1500) ** 0.5)


def drifting(seed: int, truth: float) -> Session:
    """A process in which the machine slows down threefold, with a wild call now and then."""
    rng = random.Random(seed)
    rounds = []
    for i in range(300):
        level = 1e6 * (1 + i / 100)
        a, b = level * rng.lognormvariate(0, 0.02), truth * level * rng.lognormvariate(0, 0.02)
        rounds.append((round(a), round(b * (20 if i % 50 == 0 else 1))))
    return session(rounds)


@pytest.mark.parametrize("processes", [5, 6, 12])
def test_the_ratio_is_that_of_paired_calls(processes: int) -> None:
    """A drift that both models share cancels; a few wild calls hardly move it."""
    sessions = [drifting(seed, 1.1) for seed in range(processes)]
    ratio, interval = ratio_to_reference(sessions, 1)
    assert ratio == pytest.approx(1.1, rel=0.01)
    assert interval is not None
    assert interval[0] < 1.1 < interval[1]
    assert log(interval[1] / interval[0]) < 0.02


def test_processes_are_the_samples_not_their_calls() -> None:
    """Three processes that disagree by 10 % have an interval that holds all, however many calls."""
    sessions = [session([(1000, 1000 + more)] * 5000) for more in (0, 50, 100)]
    _, interval = ratio_to_reference(sessions, 1)
    assert interval is not None
    assert interval[0] < 1
    assert interval[1] > 1.1


@pytest.mark.parametrize("processes", [1, 2])
def test_one_or_two_processes_have_no_interval(processes: int) -> None:
    """The calls of one share its luck, and two say too little: a factor of 500 was shown once."""
    runs = [session([(1000, 1100 + i)] * 500) for i in range(processes)]
    ratio, interval = ratio_to_reference(runs, 1)
    assert ratio == pytest.approx(1.1, rel=0.01)
    assert interval is None
    assert interval_of_centre([1.0, 1.1][:processes]) is None


def test_the_ratio_turns_round_with_the_models() -> None:
    """B against a is one over a against b."""
    rng = random.Random(1)
    runs = [[(rng.randint(900, 1100), rng.randint(1000, 1300)) for _ in range(61)] for _ in "12345"]
    forward, interval = ratio_to_reference([session(run) for run in runs], 1)
    swapped = [session([(b, a) for a, b in run]) for run in runs]
    backward, mirrored = ratio_to_reference(swapped, 1)
    assert forward * backward == pytest.approx(1)
    assert interval is not None
    assert mirrored is not None
    assert interval[0] * mirrored[1] == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_students_interval_is_scipys(n: int) -> None:
    """Mean and quantile agree with scipy.stats; one value has no interval."""
    values = list(np.random.default_rng(n).normal(3, 2, n))
    expected = reference.t.interval(0.95, n - 1, np.mean(values), reference.sem(values))
    assert t_interval(values) == pytest.approx(expected)
    assert t_interval(values[:1]) is None


def test_few_values_take_students_interval_and_six_the_ranks() -> None:
    """Where a rank test reaches 95 %, no bell curve is assumed."""
    values = [0.1, 0.2, 0.15, 0.18, 0.12, 0.4]
    assert log_interval(values) == signed_rank_interval(values)
    assert log_interval(values[:5]) == t_interval(values[:5])


def test_the_interval_of_times_holds_their_median() -> None:
    """Also where one process in ten is far off, and the mean of logarithms with it."""
    rng = random.Random(4)
    for count in (3, 5, 8, 13):
        times = [rng.lognormvariate(0, 0.01) * rng.choice([1] * 9 + [4]) for _ in range(count)]
        low, high = interval_of_centre(times)  # type: ignore[misc]
        assert low <= median(times) <= high


def test_quantiles_are_numpys_of_the_inverted_distribution() -> None:
    """The smallest value that the share does not exceed."""
    values = sorted(np.random.default_rng(0).integers(0, 1000, 97).tolist())
    for share in (0.5, 0.9, 0.99, 1.0):
        expected = np.quantile(values, share, method="inverted_cdf")
        assert quantile(values, share) == expected


@pytest.mark.parametrize("n", [5, 30])
def test_detectable_is_seen_nine_times_in_ten(n: int) -> None:
    """Simulated: a true effect of that size is called slower in about 90 %."""
    rng = np.random.default_rng(3)
    sigma = 0.02
    widths = []
    for _ in range(200):
        values = list(rng.normal(0, sigma, n))
        low, high = log_interval(values)  # type: ignore[misc]
        centre = float(np.exp(hodges_lehmann(values)))
        widths.append(detectable_difference(centre, (float(np.exp(low)), float(np.exp(high))), n))
    effect = log(1 + median(widths))
    seen = 0
    for _ in range(600):
        values = list(rng.normal(effect, sigma, n))
        low, high = log_interval(values)  # type: ignore[misc]
        ratio = float(np.exp(hodges_lehmann(values)))
        seen += time_verdict(ratio, (float(np.exp(low)), float(np.exp(high)))) == "slower"
    assert 0.83 < seen / 600 < 0.96


@pytest.mark.parametrize(
    ("ratio", "interval", "verdict"),
    [
        (1.10, (1.05, 1.15), "slower"),
        (1.02, (1.001, 1.04), "slower"),
        (0.90, (0.85, 0.95), "faster"),
        (1.005, (1.001, 1.009), "no_difference"),
        (1.00, (0.96, 1.04), "no_difference"),
        (0.995, (0.991, 0.999), "no_difference"),
        (1.03, (0.99, 1.07), "inconclusive"),
        (0.97, (0.90, 1.04), "inconclusive"),
        (1.00, None, "inconclusive"),
    ],
)
def test_a_verdict_says_no_more_than_its_interval(
    ratio: float, interval: tuple[float, float] | None, verdict: str
) -> None:
    """Beyond 1 and 1 % away, within 5 %, or neither."""
    assert time_verdict(ratio, interval) == verdict


def test_structure_is_compared_exactly() -> None:
    """One parameter more is larger."""
    assert structure_verdict(5, 5) == "equal"
    assert structure_verdict(5, 6) == "larger"
    assert structure_verdict(5, None) == "smaller"
    assert structure_verdict(0, None) == "equal"
