"""Performance numbers against closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cluster.errors import DataError
from train.stats import metrics

UP_DOWN = np.array([0.1, -0.1, 0.1, -0.1])
PATHS = arrays(np.float64, st.integers(2, 40), elements=st.floats(-0.5, 0.5, width=32))


def test_sharpe_ratio_of_two_days_is_known() -> None:
    # mean 0.02, deviation (ddof 1) 0.01 * sqrt(2)
    returns = np.array([0.01, 0.03])

    assert metrics.sharpe_a_day(returns) == pytest.approx(2**0.5, rel=1e-12)
    assert metrics.sharpe_ratio(returns) == pytest.approx(504**0.5, rel=1e-12)


def test_risk_free_rate_is_compounded_to_a_day() -> None:
    returns = np.array([0.01, 0.03])
    a_day = 1.04 ** (1 / 252) - 1.0

    assert metrics.sharpe_ratio(returns, 0.04) == pytest.approx(
        (0.02 - a_day) / (0.01 * 2**0.5) * 252**0.5, rel=1e-12
    )


def test_a_path_that_never_moves_has_no_ratio() -> None:
    still = np.zeros(5)

    assert metrics.performance(still).to_dict() == {
        "total_return": 0.0,
        "cagr": 0.0,
        "volatility": 0.0,
        "sharpe_ratio": 0.0,
        "sortino_ratio": 0.0,
        "calmar_ratio": 0.0,
        "max_drawdown": 0.0,
        "hit_rate": 0.0,
        "days": 5,
    }


def test_rounding_of_a_constant_gain_is_no_deviation() -> None:
    assert metrics.sharpe_ratio(np.full(10, 0.01)) == 0.0


def test_sortino_counts_the_losing_days_over_all_days() -> None:
    # mean 0.01, downside sqrt(0.02^2 / 4) = 0.01
    returns = np.array([0.03, -0.02, 0.03, 0.0])

    assert metrics.sortino_ratio(returns) == pytest.approx(252**0.5, rel=1e-12)
    assert metrics.sortino_ratio(np.abs(returns)) == 0.0


def test_drawdown_is_measured_from_the_highest_wealth_and_the_start() -> None:
    # wealth 1 -> 1.1, 0.99, 1.089, 0.9801
    expected = [0.0, 0.1, 1 - 1.089 / 1.1, 1 - 0.9801 / 1.1]

    np.testing.assert_allclose(metrics.drawdowns(UP_DOWN), expected, rtol=1e-12)
    assert metrics.max_drawdown(UP_DOWN) == pytest.approx(0.109, rel=1e-12)
    assert metrics.max_drawdown(np.array([-0.2, 0.1])) == pytest.approx(0.2, rel=1e-12)


def test_growth_and_calmar_of_one_year_are_the_return_itself() -> None:
    returns = np.zeros(252)
    returns[10], returns[20] = -0.1, 0.25

    assert metrics.total_return(returns) == pytest.approx(0.125, rel=1e-12)
    assert metrics.cagr(returns) == pytest.approx(0.125, rel=1e-12)
    assert metrics.calmar_ratio(returns) == pytest.approx(1.25, rel=1e-12)


def test_half_a_year_compounds_to_the_square() -> None:
    returns = np.zeros(126)
    returns[0] = 0.1

    assert metrics.cagr(returns) == pytest.approx(0.21, rel=1e-12)


def test_volatility_scales_with_the_root_of_the_year() -> None:
    assert metrics.volatility(np.array([0.01, 0.03])) == pytest.approx(0.01 * 504**0.5, rel=1e-12)


def test_hit_rate_leaves_still_days_out() -> None:
    assert metrics.hit_rate(np.array([0.01, 0.0, -0.01, 0.02])) == pytest.approx(2 / 3)


def test_turnover_and_exposure_in_equities() -> None:
    equity = np.array([100.0, 100.0])

    # 50 bought and 50 sold: half the book turned in 2 days
    assert metrics.turnover(np.array([50.0, 50.0]), equity, days=2) == pytest.approx(0.5 * 126)
    assert metrics.exposure(np.array([50.0, 0.0]), equity) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("returns", "told"),
    [
        (np.array([]), "at least 1"),
        (np.zeros((2, 2)), "one dimension"),
        (np.array([0.1, np.nan]), "day 1"),
        (np.array([np.inf, 0.0]), "day 0"),
        (np.array([0.0, -1.5]), "day 1"),
    ],
)
def test_what_is_no_return_path_is_refused(returns: np.ndarray, told: str) -> None:
    with pytest.raises(DataError, match=told):
        metrics.performance(returns)


def test_one_day_has_no_deviation() -> None:
    with pytest.raises(DataError, match="at least 2"):
        metrics.sharpe_ratio(np.array([0.1]))


@settings(max_examples=40, deadline=None)
@given(PATHS)
def test_numbers_of_any_path_are_finite_and_in_range(returns: np.ndarray) -> None:
    numbers = metrics.performance(returns)

    assert np.isfinite(list(numbers.to_dict().values())).all()
    assert 0.0 <= numbers.max_drawdown <= 1.0
    assert 0.0 <= numbers.hit_rate <= 1.0
    assert numbers.max_drawdown >= -numbers.total_return - 1e-12


@settings(max_examples=40, deadline=None)
@given(PATHS, st.floats(0.1, 3.0))
def test_leverage_changes_no_sharpe_ratio(returns: np.ndarray, scale: float) -> None:
    halved = returns / 4.0
    if np.std(halved * min(scale, 1.0), ddof=1) < 1e-9:
        return

    assert metrics.sharpe_ratio(halved * scale) == pytest.approx(
        metrics.sharpe_ratio(halved), rel=1e-6, abs=1e-9
    )


@settings(max_examples=20, deadline=None)
@given(PATHS, st.integers(0, 99))
def test_ratios_of_many_paths_are_those_of_each(returns: np.ndarray, seed: int) -> None:
    others = [np.random.default_rng(seed).permutation(returns), np.zeros_like(returns)]
    paths = np.column_stack([returns, *others])

    found = metrics.sharpe_ratios(paths)

    expected = [metrics.sharpe_ratio(path) for path in paths.T]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
