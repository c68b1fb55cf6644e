"""The exact test of the time gate: beside scipy's, by hand, and by simulation."""

import random
from math import log1p
from statistics import fmean, median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from archbench.statistics.sign_flip import clipped, holm, p_value, robust_sd

VALUES = st.lists(
    st.floats(-1, 1, allow_subnormal=False).filter(lambda x: abs(x) > 1e-6), min_size=1, max_size=9
)


def by_scipy(values: list[float]) -> float:
    """All choices of signs of the clipped values, as scipy counts them."""
    found = stats.permutation_test(
        (np.array(clipped(values)),),
        lambda x, axis: np.sum(x, axis=axis),
        permutation_type="samples",
        alternative="greater",
        n_resamples=np.inf,
    )
    return float(found.pvalue)


@pytest.mark.parametrize("count", [2, 5, 8, 12])
def test_p_values_are_scipy_s(count: int) -> None:
    """Of values with a wild one among them."""
    rng = random.Random(count)
    for _ in range(3):
        values = [rng.gauss(0.01, 0.02) for _ in range(count - 1)] + [0.5]
        assert p_value(values) == pytest.approx(by_scipy(values), rel=1e-12)


def test_p_values_by_hand() -> None:
    """Of three values above 0 one choice of eight has so large a sum; of equal ones, more."""
    assert p_value([0.01, 0.02, 0.03]) == 1 / 8
    assert p_value([-0.01, -0.02, -0.03]) == 1
    assert p_value([0.01, 0.01, -0.01]) == 4 / 8  # ++- +-+ -++ and +++
    assert p_value([0.02] * 12) == 2**-12
    assert p_value([0.02] * 20) == 2**-20


@given(VALUES)
def test_signs_of_all_values_turn_the_p_value_round(values: list[float]) -> None:
    """P(sum >= s) and P(sum >= -s) overlap in the choices with that very sum."""
    assert p_value(values) + p_value([-x for x in values]) >= 1


@given(VALUES, st.floats(0.5, 2.0))
def test_a_common_scale_changes_nothing(values: list[float], factor: float) -> None:
    """It is a test of signs and relative sizes."""
    assert p_value([x * factor for x in values]) == pytest.approx(p_value(values), abs=0.02)


@given(VALUES)
def test_the_clip_keeps_signs_and_depends_on_sizes_alone(values: list[float]) -> None:
    """So that the test stays exact."""
    kept = clipped(values)
    assert [x > 0 for x in kept] == [x > 0 for x in values]
    assert [abs(x) for x in kept] == [abs(x) for x in clipped([abs(x) for x in values])]
    assert max(map(abs, kept)) <= 1.2 * median(map(abs, values)) * (1 + 1e-12)


def test_one_wild_pair_does_not_hide_a_slowdown() -> None:
    """Eleven pairs are 3 % slower, one is 48 % faster."""
    values = [0.03, 0.028, 0.035, 0.031, 0.027, 0.033, 0.03, 0.029, 0.034, 0.026, 0.032, -0.48]
    assert p_value(values) == pytest.approx(13 / 4096)
    assert stats.ttest_1samp(values, 0, alternative="greater").pvalue > 0.5


@pytest.mark.parametrize("count", [0, 25])
def test_so_many_values_cannot_be_counted_out(count: int) -> None:
    """None, or more than memory holds."""
    with pytest.raises(ValueError, match=f"{count} values"):
        p_value([0.01] * count)


def heavy(rng: random.Random) -> float:
    """Mostly 1.7 %, and one pair in thirty that is off by as much as 40 %."""
    return rng.uniform(-0.4, 0.4) if rng.random() < 1 / 30 else rng.gauss(0, 0.017)


def skewed(rng: random.Random) -> float:
    """Each process of a pair has a lot that is often good and sometimes bad, independently."""
    return rng.expovariate(1 / 0.015) - rng.expovariate(1 / 0.015)


@pytest.mark.parametrize("noise", [heavy, skewed])
def test_the_level_holds_under_heavy_and_skewed_noise(noise: object) -> None:
    """Of 4,000 runs of twelve pairs without a difference, 1 % are called one, give or take 0.5."""
    rng = random.Random(1)
    alarms = sum(p_value([noise(rng) for _ in range(12)]) <= 0.01 for _ in range(4000))  # type: ignore[operator]
    assert stats.binomtest(alarms, 4000, 0.01).pvalue > 0.001


def test_twelve_pairs_see_three_percent() -> None:
    """With the spread that two processes have: 93 % in the notes on which the gate is built."""
    rng = random.Random(2)
    seen = sum(p_value([log1p(0.03) + heavy(rng) for _ in range(12)]) <= 0.01 for _ in range(1000))
    assert seen > 850


def test_holm_by_hand() -> None:
    """Holm's own step-down: the first that exceeds its limit stops all that follow."""
    assert holm({"a": 0.02, "b": 0.001, "c": 0.012}, 0.03) == pytest.approx(
        {"b": 0.01, "c": 0.015, "a": 0.03}
    )
    stopped = holm({"a": 0.025, "b": 0.001, "c": 0.02}, 0.03)
    assert stopped == pytest.approx({"b": 0.01, "c": 0.015, "a": 0.015})
    assert holm({}, 0.01) == {}


@given(st.dictionaries(st.text(max_size=2), st.floats(0, 1), max_size=6))
def test_holm_rejects_what_scipy_adjusts_below_alpha(p: dict[str, float]) -> None:
    """Adjusted p-values, computed another way: the running maximum of (m - i) p."""
    limits = holm(p, 0.05)
    ordered = sorted(p, key=lambda name: p[name])
    highest = 0.0
    for i, name in enumerate(ordered):
        highest = max(highest, (len(ordered) - i) * p[name])
        if abs(highest - 0.05) > 1e-9:
            assert (p[name] <= limits[name]) == (highest <= 0.05)


def test_the_spread_ignores_wild_values() -> None:
    """As a normal's, of what is not wild."""
    rng = random.Random(3)
    values = [rng.gauss(0, 0.02) for _ in range(5000)]
    assert robust_sd(values) == pytest.approx(0.02, rel=0.05)
    assert robust_sd([*values, *[9.0] * 50]) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("n", [3, 5, 12, 20])
def test_the_spread_of_few_values_is_not_too_small(n: int) -> None:
    """On average over 20,000 draws it is that of the normal that they come from."""
    rng = random.Random(5)
    found = [robust_sd([rng.gauss(0, 0.02) for _ in range(n)]) for _ in range(20_000)]
    assert fmean(found) == pytest.approx(0.02, rel=0.02)
