"""One pass over a window: what it marks, what it counts and when it ends."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from random_trader import trade_at_random

from cluster.errors import DataError
from envs import Market, V6Params, Window
from train.backtest.evaluation import evaluate

FREE = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}
WHOLE = Window(0, 420)


def always(action: int, assets: int = 3):
    return lambda observation: np.full((len(observation), assets), action)


def one_asset(opens: list[float], closes: list[float], sessions: list[int]) -> Market:
    return Market.from_arrays(
        close=np.array(closes)[:, None], open=np.array(opens)[:, None], session=sessions
    )


def test_holding_cash_earns_nothing(market: Market) -> None:
    held = evaluate(always(0), market, V6Params.default(), WHOLE)

    assert held.days == 60
    assert held.fills == 0
    assert not held.daily_returns.any()
    assert (held.turnover, held.exposure, held.cost_drag) == (0.0, 0.0, 0.0)


def test_a_purchase_is_marked_session_by_session() -> None:
    # decided at bar 0, filled at open 10 of bar 1: 50 % of the balance; closes 12 | 15, 9
    market = one_asset([10, 10, 12, 15], [10, 12, 15, 9], [0, 0, 1, 1])
    params = V6Params.default(**FREE, buy_pct=0.5, max_position_pct=0.5, max_trades_per_day=1)
    actions = iter([1, 0, 0])

    walked = evaluate(lambda observation: np.array([[next(actions)]]), market, params, Window(0, 4))

    np.testing.assert_allclose(walked.equity, [1e5, 1.1e5, 1.25e5, 0.95e5], rtol=1e-12)
    np.testing.assert_array_equal(walked.bars, [1, 2, 3])
    np.testing.assert_array_equal(walked.sessions, [0, 1])
    np.testing.assert_allclose(walked.daily_returns, [0.1, 0.95 / 1.1 - 1.0], rtol=1e-12)
    np.testing.assert_allclose(walked.invested, [6e4, 7.5e4, 4.5e4], rtol=1e-12)
    np.testing.assert_allclose(walked.traded, [5e4, 0.0, 0.0], rtol=1e-12)
    assert walked.fills == 1


def test_daily_returns_compound_to_the_last_equity(market: Market) -> None:
    walked = trade_at_random(market, V6Params.default(), Window(30, 402), seed=3)

    growth = np.prod(1.0 + walked.daily_returns)
    assert growth == pytest.approx(walked.equity[-1] / 100_000.0, rel=1e-12)
    assert walked.days == 401 // 7 - 30 // 7 + 1
    assert walked.fills > 50
    assert 0.0 < walked.exposure < 1.0


def test_the_dates_are_those_of_the_sessions(market: Market) -> None:
    walked = evaluate(always(0), market, V6Params.default(), Window(0, 21))

    assert walked.dates() == [date(2024, 1, day) for day in (2, 3, 4)]


def test_a_market_without_a_clock_has_no_dates() -> None:
    market = one_asset([10, 10, 10], [10, 10, 10], [0, 1, 2])

    walked = evaluate(always(0, 1), market, V6Params.default(), Window(0, 3))

    np.testing.assert_array_equal(walked.sessions, [1, 2])
    with pytest.raises(DataError, match="no dates"):
        walked.dates()


def test_fills_at_the_close_mark_the_bar_of_the_decision() -> None:
    market = one_asset([10, 10, 12], [10, 20, 12], [0, 1, 2])
    params = V6Params.reference(**FREE, buy_pct=1.0, max_position_pct=1.0)

    walked = evaluate(always(1, 1), market, params, Window(0, 3))

    np.testing.assert_array_equal(walked.bars, [0, 1])
    np.testing.assert_allclose(walked.daily_returns, [0.0, 1.0], rtol=1e-12)


def test_the_time_limit_of_training_does_not_end_a_pass(market: Market) -> None:
    short, long = V6Params.default(max_steps=5), V6Params.default(max_steps=5000)

    first = trade_at_random(market, short, WHOLE)

    assert len(first.bars) == 419
    np.testing.assert_array_equal(first.equity, trade_at_random(market, long, WHOLE).equity)


def test_the_same_seed_gives_the_same_pass_and_another_one_other_slippage(market: Market) -> None:
    params = V6Params.default()

    first, again = (evaluate(always(1), market, params, WHOLE, seed=1) for _ in range(2))
    other = evaluate(always(1), market, params, WHOLE, seed=2)

    np.testing.assert_array_equal(first.equity, again.equity)
    assert first.equity[-1] != other.equity[-1]


def test_costs_are_what_still_prices_lose() -> None:
    still = Market.from_arrays(
        close=np.full((40, 2), 50.0), open=np.full((40, 2), 50.0), session=np.arange(40) // 4
    )
    params = V6Params.default(max_trades_per_day=100)

    walked = trade_at_random(still, params, Window(0, 40), seed=5)

    assert walked.fills > 10
    lost = 1e5 - walked.equity[-1]
    assert walked.costs.sum() == pytest.approx(lost, rel=1e-9)
    # in mean equities a year, of 10 sessions (the first one is marked on three of its bars)
    assert walked.days == 10
    drag = lost / walked.equity[1:].mean() * 25.2
    assert walked.cost_drag == pytest.approx(drag, rel=1e-9)


def test_holdings_are_noted_at_every_mark(market: Market) -> None:
    walked = trade_at_random(market, V6Params.default(), WHOLE, seed=2)

    assert walked.shares is not None
    worth = (walked.shares * market.close[walked.bars]).sum(axis=1)
    np.testing.assert_allclose(worth, walked.invested, rtol=1e-9, atol=1e-6)
    traded = np.abs(np.diff(walked.shares, axis=0)).sum(axis=1) > 0.0
    np.testing.assert_array_equal(traded, walked.traded[1:] > 0.0)


def test_ruin_ends_in_cash_and_is_told() -> None:
    market = one_asset([10, 10, 4, 4, 40], [10, 10, 4, 4, 40], [0, 1, 2, 3, 4])
    params = V6Params.default(**FREE, buy_pct=0.999, max_position_pct=0.999)

    walked = evaluate(always(1, 1), market, params, Window(0, 5))

    assert walked.ruined
    assert walked.equity[2] == pytest.approx(40_060.0)
    np.testing.assert_array_equal(walked.equity[3:], walked.equity[2])
    np.testing.assert_array_equal(walked.daily_returns[2:], 0.0)
    np.testing.assert_array_equal(walked.invested[2:], 0.0)


def test_a_policy_sees_raw_features(market: Market) -> None:
    seen = []

    def act(observation: np.ndarray) -> np.ndarray:
        seen.append(observation[0, :6].copy())
        return np.zeros((1, 3), np.int64)

    evaluate(act, market, V6Params.default(), Window(10, 13))

    np.testing.assert_array_equal(seen, market.table[10:12])


@pytest.mark.parametrize("window", [(5, 6), (-1, 9), (0, 421), (9, 4)])
def test_a_window_must_lie_inside_the_market(market: Market, window: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="no window of 420 bars"):
        evaluate(always(0), market, V6Params.default(), Window(*window))


def test_numbers_of_a_results_table(market: Market) -> None:
    walked = trade_at_random(market, V6Params.default(), WHOLE)

    numbers = walked.to_dict()

    assert numbers["sharpe_ratio"] == walked.sharpe_ratio == walked.performance.sharpe_ratio
    assert numbers["fills"] == walked.fills
    assert set(numbers) >= {"turnover", "exposure", "cost_drag", "hit_rate", "days"}
    assert replace(walked, kind="other").to_dict() == numbers
