"""Significance against the printed examples of the papers, and by experiment."""

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cluster.errors import DataError
from train.stats.metrics import sharpe_ratio
from train.stats.significance import (
    Interval,
    Moments,
    block_length,
    deflated_sharpe_ratio,
    drawn_days,
    expected_maximum_sharpe,
    in_parts,
    probabilistic_sharpe_ratio,
    sharpe_differences,
    sharpe_interval,
    stationary_bootstrap_intervals,
)

# Bailey and Lopez de Prado (2014): a year of 250 days, 5 years, Sharpe 2.5, cross-trial variance
# 1/2 a year, 100 trials.
PAPER = Moments(sharpe=2.5 / 250**0.5, skewness=-3.0, kurtosis=10.0, days=1250)
PAPER_VARIANCE = 0.5 / 250


def test_deflated_sharpe_of_the_paper() -> None:
    assert round(expected_maximum_sharpe(PAPER_VARIANCE, 100), 4) == 0.1132
    assert round(deflated_sharpe_ratio(PAPER, PAPER_VARIANCE, 100), 4) == 0.9004


def test_fewer_trials_would_have_convinced_the_paper() -> None:
    assert round(deflated_sharpe_ratio(PAPER, PAPER_VARIANCE, 46), 4) == 0.9505


def test_normal_returns_would_have_allowed_the_paper_more_trials() -> None:
    normal = Moments(PAPER.sharpe, skewness=0.0, kurtosis=3.0, days=1250)

    assert round(deflated_sharpe_ratio(normal, PAPER_VARIANCE, 88), 3) == 0.950


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "printed"), [(-2.448, 10.164, 0.913), (0, 3, 0.982)]
)
def test_probabilistic_sharpe_of_the_hedge_fund(
    skewness: float, kurtosis: float, printed: float
) -> None:
    # Bailey and Lopez de Prado (2012): 24 months, Sharpe 0.458 a month.
    fund = Moments(0.458, skewness, kurtosis, 24)

    assert round(probabilistic_sharpe_ratio(fund), 3) == printed


def test_probabilistic_sharpe_at_normal_returns_is_the_closed_form() -> None:
    moments = Moments(0.1, 0.0, 3.0, 253)

    expected = stats.norm.cdf(0.1 * math.sqrt(252) / math.sqrt(1.0 + 0.1**2 / 2.0))
    assert probabilistic_sharpe_ratio(moments) == pytest.approx(expected, abs=1e-12)


def test_a_small_probability_keeps_its_digits() -> None:
    moments = Moments(0.0, 0.0, 3.0, 82)
    nine_deviations_below = 1.12858840595384e-19  # the cumulative normal distribution there

    found = probabilistic_sharpe_ratio(moments, 1.0)

    assert found == pytest.approx(nine_deviations_below, rel=1e-12)


def test_a_ratio_is_as_likely_above_as_below_itself() -> None:
    assert probabilistic_sharpe_ratio(PAPER, PAPER.sharpe) == 0.5


def test_one_trial_needs_no_deflation() -> None:
    assert expected_maximum_sharpe(PAPER_VARIANCE, 1) == 0.0
    assert deflated_sharpe_ratio(PAPER, PAPER_VARIANCE, 1) == probabilistic_sharpe_ratio(PAPER)


@pytest.mark.parametrize("trials", [10, 100, 1000])
def test_expected_maximum_is_that_of_normal_draws(trials: int) -> None:
    drawn = np.random.default_rng(0).normal(size=(4000, trials)).max(axis=1).mean()

    assert expected_maximum_sharpe(1.0, trials) == pytest.approx(drawn, abs=0.06)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5000), st.floats(1e-5, 1e-2))
def test_deflated_sharpe_is_the_independent_computation(
    seed: int, trials: int, variance: float
) -> None:
    # From the returns, with scipy's moments and distributions alone.
    returns = np.random.default_rng(seed).standard_t(5, 300) * 0.01 + 5e-4

    ratio = returns.mean() / stats.tstd(returns)
    top, tail = stats.norm.ppf([1 - 1 / trials, 1 - 1 / (trials * np.e)])
    luck = variance**0.5 * ((1 - np.euler_gamma) * top + np.euler_gamma * tail)
    excess = stats.kurtosis(returns)
    spread = 1 - stats.skew(returns) * ratio + (excess + 2) / 4 * ratio**2
    expected = stats.norm.cdf((ratio - luck) * 299**0.5 / spread**0.5)

    found = deflated_sharpe_ratio(Moments.of(returns), variance, trials)
    assert found == pytest.approx(expected, abs=1e-9)
    assert expected_maximum_sharpe(variance, trials) == pytest.approx(luck, abs=1e-9)


def test_the_interval_is_that_of_arch() -> None:
    returns = np.random.default_rng(8).normal(0.001, 0.01, 150)

    generator = np.random.default_rng(6)
    theirs = StationaryBootstrap(block_length(returns), returns, seed=generator)
    low, high = theirs.conf_int(sharpe_ratio, 500, method="percentile")[:, 0]

    found = sharpe_interval(returns, repetitions=500, seed=6)
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_more_trials_deflate_more() -> None:
    ratios = [deflated_sharpe_ratio(PAPER, PAPER_VARIANCE, trials) for trials in (1, 2, 10, 500)]

    assert ratios == sorted(ratios, reverse=True)


def test_moments_agree_with_scipy() -> None:
    returns = np.random.default_rng(5).standard_t(5, 400) / 100.0

    moments = Moments.of(returns)

    assert moments.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1), rel=1e-12)
    assert moments.skewness == pytest.approx(stats.skew(returns), rel=1e-9)
    assert moments.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-9)


def test_a_still_path_is_a_coin_flip() -> None:
    assert probabilistic_sharpe_ratio(Moments.of(np.zeros(50))) == 0.5


def test_impossible_moments_and_trials_are_refused() -> None:
    with pytest.raises(DataError, match="variance"):
        probabilistic_sharpe_ratio(Moments(1.0, 5.0, 3.0, 100))
    with pytest.raises(DataError, match="0 trials"):
        expected_maximum_sharpe(1.0, 0)


def test_bootstrap_repeats_with_its_seed_only() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, 120)

    first, again, other = (
        sharpe_interval(returns, repetitions=200, seed=seed) for seed in (4, 4, 5)
    )

    assert first == again
    assert first != other
    assert first.low < sharpe_ratio(returns) < first.high


def test_bootstrap_interval_covers_the_true_ratio() -> None:
    # 80 samples of 150 days with a true Sharpe of 1 a year; 90 % +- three standard errors.
    random = np.random.default_rng(2)
    mean = 1.0 / 252**0.5 * 0.01
    covered = 0
    for sample in range(80):
        returns = random.normal(mean, 0.01, 150)
        interval = sharpe_interval(returns, level=0.9, repetitions=200, seed=sample)
        covered += interval.low <= 1.0 <= interval.high

    assert 0.8 <= covered / 80 <= 1.0


def test_difference_to_itself_is_nothing_and_to_a_still_path_the_ratio() -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, 100)

    twice = np.column_stack([returns, returns])
    over_cash = np.column_stack([returns, np.zeros(100)])

    nothing = stationary_bootstrap_intervals(twice, sharpe_differences, repetitions=50)
    assert nothing == [Interval(0.0, 0.0)]
    assert sharpe_differences(over_cash) == pytest.approx([sharpe_ratio(returns)], rel=1e-12)


def test_many_numbers_of_the_same_draws() -> None:
    paths = np.random.default_rng(5).normal(0.0, 0.01, (90, 3))

    first, second = stationary_bootstrap_intervals(paths, sharpe_differences, repetitions=300)

    def last(samples: np.ndarray) -> np.ndarray:
        return sharpe_differences(samples)[:, 1:]

    assert [second] == stationary_bootstrap_intervals(paths, last, repetitions=300)
    assert first != second


def test_what_is_drawn_at_once_is_what_arch_draws_one_by_one() -> None:
    paths = np.random.default_rng(9).normal(0.001, 0.01, (70, 2))
    block = block_length(paths)
    arch = StationaryBootstrap(block, paths, seed=np.random.default_rng(4))

    days = drawn_days(70, block, 400, 4)
    drawn = in_parts(paths, days, sharpe_differences)

    one_by_one = [sharpe_differences(sample) for (sample,), _ in arch.bootstrap(400)]
    assert drawn.shape == (400, 1)
    assert np.array_equal(drawn, one_by_one)


def test_draws_are_handed_out_again_and_cannot_be_changed() -> None:
    days = drawn_days(30, 3, 10, 0)

    assert drawn_days(30, 3, 10, 0) is days
    with pytest.raises(ValueError, match="read-only"):
        days[0, 0] = 1


def test_parts_give_what_the_whole_gives() -> None:
    paths = np.random.default_rng(2).normal(0.0, 0.01, (400, 30))
    days = drawn_days(400, 2, 400, 0)  # 4.8 million numbers: two parts

    assert np.array_equal(
        in_parts(paths, days, sharpe_differences), sharpe_differences(paths[days])
    )


def test_autocorrelated_returns_widen_the_interval() -> None:
    random = np.random.default_rng(6)
    shocks = random.normal(0.0, 0.01, 400)
    sticky = np.empty(400)
    sticky[0] = shocks[0]
    for day in range(1, 400):
        sticky[day] = 0.7 * sticky[day - 1] + shocks[day]

    def width(returns: np.ndarray) -> float:
        interval = sharpe_interval(returns, repetitions=300)
        return interval.high - interval.low

    assert width(sticky) > 1.5 * width(random.permutation(sticky))


def test_a_path_that_never_moves_has_a_point_interval() -> None:
    assert sharpe_interval(np.zeros(30), repetitions=20) == Interval(0.0, 0.0)
