"""The band around an equity curve."""

import numpy as np
import pytest

from train.stats.significance import bootstrap_band


def test_independent_days_spread_as_the_square_root_of_time() -> None:
    # given: 1,000 independent days; the logarithm of their growth is a random walk
    returns = np.random.default_rng(1).normal(5e-4, 0.01, 1000)
    logs = np.log1p(returns)

    low, high = np.log(bootstrap_band(returns, seed=3))

    for day in (100, 400, 999):
        half = 1.96 * logs.std() * np.sqrt(day + 1)
        middle = logs.mean() * (day + 1)
        assert high[day] == pytest.approx(middle + half, abs=0.12 * half)
        assert low[day] == pytest.approx(middle - half, abs=0.12 * half)


def test_a_path_that_always_grows_alike_has_no_spread() -> None:
    low, high = bootstrap_band(np.full(30, 0.001))

    np.testing.assert_allclose(low, 1.001 ** np.arange(1, 31))
    np.testing.assert_array_equal(low, high)


def test_a_wider_level_holds_a_narrower_one_and_the_seed_decides() -> None:
    returns = np.random.default_rng(2).normal(0.0, 0.01, 60)

    low, high = bootstrap_band(returns, level=0.5, repetitions=400, seed=1)
    wide_low, wide_high = bootstrap_band(returns, level=0.95, repetitions=400, seed=1)

    assert (wide_low <= low).all()
    assert (low < high).all()
    assert (high <= wide_high).all()
    again, _ = bootstrap_band(returns, level=0.5, repetitions=400, seed=1)
    np.testing.assert_array_equal(low, again)
