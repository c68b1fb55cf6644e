"""The centre of a session's rounds beside scipy's, and its error beside simulation."""

import random
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import trim_mean

from archbench.statistics.trimmed_mean import TRIM, error_of_trimmed_mean, trimmed_mean

FLOATS = st.floats(-10, 10, allow_nan=False)


@given(st.lists(FLOATS, min_size=1, max_size=60))
def test_the_centre_is_that_of_scipy(values: list[float]) -> None:
    """For any number of values, one and two among them."""
    assert trimmed_mean(values) == pytest.approx(trim_mean(values, TRIM), abs=1e-12)


def test_a_fifth_of_wild_rounds_moves_nothing() -> None:
    """However wild they are, where they are on one side."""
    calm = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]
    assert trimmed_mean([*calm, 5.0, 9.0]) == trimmed_mean([*calm, 500.0, 900.0])


@pytest.mark.parametrize("wild", [0.0, 0.1])
def test_the_error_is_what_the_centre_scatters_by(wild: float) -> None:
    """Over 2,000 drawn sessions of 40 rounds, a tenth of them disturbed or none."""
    rng = random.Random(0)
    centres, errors = [], []
    for _ in range(2000):
        rounds = [rng.gauss(0, 0.2 if rng.random() < wild else 0.02) for _ in range(40)]
        centres.append(trimmed_mean(rounds))
        errors.append(error_of_trimmed_mean(rounds))
    assert fmean(errors) == pytest.approx(stdev(centres), rel=0.1)
