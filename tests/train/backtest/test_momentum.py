"""Momentum 12-1 on prices whose winners are known."""

import numpy as np
import pytest

from envs import Market, V6Params, Window
from train.backtest.momentum import HELD, LOOKBACK, SKIPPED, momentum, momentum_weights

FREE = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}
ALONE = np.arange(6)


def daily(*paths: np.ndarray, **given: object) -> Market:
    """Daily bars of these closes; opens are the closes before."""
    close = np.column_stack(paths)
    opens = np.vstack([close[:1], close[:-1]])
    return Market.from_arrays(close=close, open=opens, session=np.arange(len(close)), **given)


def rising(rates: list[float], days: int = 300) -> Market:
    return daily(*(100.0 * (1.0 + rate) ** np.arange(days) for rate in rates))


def test_the_best_third_is_held_in_equal_amounts() -> None:
    weights = momentum_weights(rising([0.001, 0.004, 0.0, 0.002, -0.001, 0.003]), ALONE, 280)

    assert weights == pytest.approx([0.0, 0.5, 0.0, 0.0, 0.0, 0.5])


def test_the_last_month_and_the_day_itself_are_skipped() -> None:
    # given: of two, the second one leads until 21 sessions ago, and then collapses
    steady, late = np.full(300, 100.0), np.linspace(100.0, 200.0, 300)
    late[280 - SKIPPED :] = 10.0
    market = daily(steady, late)

    # when: decided at bar 280, whose last finished session is 279
    weights = momentum_weights(market, np.arange(2), 280)
    seen = momentum_weights(market, np.arange(2), 281)

    assert weights == pytest.approx([0.0, 1.0])
    assert seen == pytest.approx([1.0, 0.0])


def test_a_year_is_252_returns() -> None:
    # given: the second one fell from 100 to 50 just before its year began, and rose since
    first, second = np.full(300, 100.0), np.full(300, 60.0)
    second[: 279 - LOOKBACK] = 100.0
    second[279 - LOOKBACK] = 50.0

    assert momentum_weights(daily(first, second), np.arange(2), 280) == pytest.approx([0.0, 1.0])
    assert momentum_weights(daily(first, second), np.arange(2), 279) == pytest.approx([1.0, 0.0])


def test_sectors_are_ranked_by_the_mean_of_their_names() -> None:
    market = rising([0.004, -0.004, 0.001, 0.001, 0.0, 0.0])

    weights = momentum_weights(market, np.array([0, 0, 1, 1, 2, 2]), 280)

    # (1.004^231 + 0.996^231)/2 - 1 = 0.46 for the first, 0.26 for the second
    assert weights == pytest.approx([0.5, 0.5, 0.0, 0.0, 0.0, 0.0])


def test_simulated_symbols_tell_their_sector() -> None:
    market = rising([0.001, 0.004, 0.0026, 0.0])
    names = ("SIMK01", "SIMK02", "SIMB01", "SIMF01")
    named = Market.from_arrays(
        close=market.close, open=market.open, session=market.session, symbols=names
    )

    walked = momentum(named, V6Params.default(**FREE), Window(280, 300))

    assert walked.shares is not None
    assert (walked.shares[-1] > 0).tolist() == [True, True, False, False]


def test_a_short_history_holds_everything() -> None:
    market = rising([0.0, 0.01, -0.01], days=80)

    assert momentum_weights(market, np.arange(3), 2 * SKIPPED) == pytest.approx([1 / 3] * 3)
    assert momentum_weights(market, np.arange(3), 2 * SKIPPED + 2) == pytest.approx([0, 1, 0])


def test_a_name_that_came_later_is_not_ranked() -> None:
    trading = np.ones((300, 3), bool)
    trading[:100, 1] = False
    market = rising([0.0, 0.01, -0.01])
    listed = Market.from_arrays(
        close=market.close, open=market.open, session=market.session, tradable=trading
    )

    assert momentum_weights(listed, np.arange(3), 280) == pytest.approx([1.0, 0.0, 0.0])


def test_the_walk_earns_the_winners_return_and_trades_monthly() -> None:
    market = rising([0.0, 0.002, 0.001])

    walked = momentum(market, V6Params.default(**FREE), Window(278, 300))

    assert walked.name == "momentum"
    assert walked.fills == 1
    # 21 marks; bought at the open of the first, which is the close before
    assert walked.equity[-1] == pytest.approx(1e5 * 1.002**21, rel=1e-6)
    assert -(-3 // HELD) == 1
