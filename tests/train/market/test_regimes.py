"""Regimes are told by the past, and each bar is in one of each pair."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Market
from train.market.regimes import MEMORY, REGIMES, rank_so_far, regimes, trailing


def market_of(returns: np.ndarray) -> Market:
    return Market.from_arrays(close=100 * np.exp(np.cumsum(returns))[:, None])


def test_what_was_planted_is_named() -> None:
    # given: a calm rise, a wild fall, and a calm rise again
    rng = np.random.default_rng(3)
    parts = [(1e-3, 1e-3, 500), (-4e-3, 2e-2, 300), (1e-3, 1e-3, 500)]
    market = market_of(
        np.concatenate([mean + sd * rng.standard_normal(bars) for mean, sd, bars in parts])
    )

    found = regimes(market)

    assert found["rising"][MEMORY:500].all()
    assert found["falling"][700:800].mean() > 0.9
    assert found["wild"][520:800].all()
    assert found["calm"][1100:].mean() > 0.9


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9999), cut=st.integers(MEMORY + 2, 390))
def test_what_follows_changes_nothing_and_pairs_split_the_bars(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.standard_t(3, 400) * 0.01
    other = np.concatenate([returns[:cut], rng.standard_t(3, 400 - cut) * 0.05])

    whole, changed = regimes(market_of(returns)), regimes(market_of(other))

    assert tuple(whole) == REGIMES
    for name in REGIMES:
        np.testing.assert_array_equal(whole[name][:cut], changed[name][:cut])
        assert not whole[name][:MEMORY].any()
    for one, two in (("rising", "falling"), ("calm", "wild")):
        assert (whole[one][MEMORY:] ^ whole[two][MEMORY:]).all()


def test_trailing_numbers_are_those_of_the_definition() -> None:
    returns = np.random.default_rng(1).normal(size=200)

    volatility, trend = trailing(returns)

    assert np.isnan(volatility[:MEMORY]).all()
    assert volatility[150] == np.std(returns[11:151])
    np.testing.assert_allclose(trend[150], np.mean(returns[11:151]), rtol=1e-12)


def test_ranks_count_what_came_before() -> None:
    np.testing.assert_allclose(
        rank_so_far(np.array([np.nan, 2.0, 1.0, 3.0, 2.0]))[1:], [1, 0.5, 1, 0.75]
    )
