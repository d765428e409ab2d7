"""Baselines on markets small enough to count by hand, and beside the environment itself."""

from dataclasses import replace

import numpy as np
import pytest

from envs import Market, V6Params, Window
from train.backtest.account import Account, monthly, session_ends
from train.backtest.baselines import BASELINES, baselines
from train.backtest.evaluation import evaluate
from train.backtest.holding import buy_and_hold, equal_weight, flat

FREE = {"slippage_model": "none", "spread_bps": 0.0, "sec_fee": 0.0, "finra_taf": 0.0}


def two_bars(**given: object) -> Market:
    """Two assets, bought at 100 and 50 at the open of the second bar, closing at 110 and 40."""
    arrays = {
        "close": [[99.0, 51.0], [110.0, 40.0]],
        "open": [[98.0, 52.0], [100.0, 50.0]],
        "session": [0, 1],
        "symbols": ["XLK", "XLF"],
    }
    return Market.from_arrays(**arrays | given)


def test_flat_keeps_the_balance(market: Market) -> None:
    kept = flat(market, V6Params.default(), Window(0, 420))

    assert kept.equity[-1] == 100_000.0
    assert kept.fills == 0
    assert kept.sharpe_ratio == 0.0


def test_buying_two_assets_without_costs_is_the_mean_of_their_returns() -> None:
    held = buy_and_hold(two_bars(), V6Params.default(**FREE), Window(0, 2))

    # (110 / 100 + 40 / 50) / 2 = 0.95
    assert held.daily_returns == pytest.approx([-0.05], abs=1e-8)
    assert held.fills == 2
    assert held.invested == pytest.approx([95_000.0], rel=1e-8)


def test_spread_fees_and_commission_come_off_the_purchase() -> None:
    params = V6Params.default(
        slippage_model="none", spread_bps=10.0, sec_fee=0.001, finra_taf=0.002, commission=50.0
    )

    held = buy_and_hold(two_bars(), params, Window(0, 2))

    each = (100_000.0 - 2 * 50.0) / 1.003 / 2
    worth = each / (100.0 * 1.001) * 110.0 + each / (50.0 * 1.001) * 40.0
    assert held.equity[-1] == pytest.approx(worth, rel=1e-7)
    # at the opens: what was paid less what the shares were worth there
    assert held.costs[0] == pytest.approx(100_000.0 - 2 * each / 1.001, rel=1e-6)


def test_the_index_is_held_alone_where_there_is_one() -> None:
    held = buy_and_hold(two_bars(symbols=["XLK", "SPY"]), V6Params.default(**FREE), Window(0, 2))

    assert (held.kind, held.symbol, held.name) == ("buy_and_hold", "SPY", "buy_and_hold SPY")
    assert held.daily_returns == pytest.approx([-0.2], abs=1e-8)


def test_an_asset_that_does_not_trade_at_the_first_fill_is_left_out() -> None:
    market = two_bars(tradable=[[True, True], [True, False]])

    held = buy_and_hold(market, V6Params.default(**FREE), Window(0, 2))

    assert held.fills == 1
    assert held.daily_returns == pytest.approx([0.1], abs=1e-8)


def test_equal_weight_restores_the_weights_after_21_sessions() -> None:
    close = np.full((24, 2), 100.0)
    close[1:, 0] = 300.0  # the first asset trebles at once ...
    close[22:, 0] = 150.0  # ... and halves after the weights were restored
    opens = np.vstack([close[:1], close[:-1]])
    market = Market.from_arrays(close=close, open=opens, session=np.arange(24))
    params = V6Params.default(**FREE)

    weighted, held = (make(market, params, Window(0, 24)) for make in (equal_weight, buy_and_hold))

    # bought at 100 each, 200 000 after the rise, 100 000 in each after 21 sessions
    assert weighted.equity[21] == pytest.approx(200_000.0, rel=1e-8)
    assert weighted.equity[-1] == pytest.approx(150_000.0, rel=1e-8)
    assert held.equity[-1] == pytest.approx(125_000.0, rel=1e-8)
    assert weighted.fills == 4


def test_rebalancing_pays_for_what_it_trades_only(market: Market) -> None:
    params = V6Params.default()

    weighted, held = (make(market, params, Window(0, 420)) for make in (equal_weight, buy_and_hold))

    assert held.fills == 3
    assert np.count_nonzero(held.traded) == 1
    assert np.count_nonzero(weighted.traded) == 3  # sessions 0, 21, 42
    assert held.costs.sum() < weighted.costs.sum() < 1.5 * held.costs.sum()
    assert weighted.exposure > 0.999


def test_a_policy_that_buys_once_pays_exactly_what_the_baseline_pays() -> None:
    # With fees and commission off, a BUY of the whole cash in V6 is the baseline's purchase.
    random = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (50, 1)), axis=0))
    market = Market.from_arrays(close=close, open=close * 1.001, session=np.arange(50) // 5)
    params = V6Params.default(**FREE, buy_pct=1.0, max_position_pct=1.0)
    params = replace(params, slippage_model="realistic", spread_bps=5.0)
    actions = iter([1] + [0] * 48)

    policy = evaluate(lambda _: np.array([[next(actions)]]), market, params, Window(0, 50), seed=9)
    held = buy_and_hold(market, params, Window(0, 50), seed=9)

    np.testing.assert_allclose(held.equity, policy.equity, rtol=1e-8)
    np.testing.assert_allclose(held.costs, policy.costs, rtol=1e-6, atol=1e-3)


@pytest.mark.parametrize("model", ["none", "realistic", "impact"])
def test_every_slippage_model_can_price_them(market: Market, model: str) -> None:
    params = V6Params.default(slippage_model=model)

    walked = baselines(market, params, Window(14, 301), seed=2)

    assert [row.kind for row in walked] == list(BASELINES)
    for row in walked:
        assert (row.actions is None) == (row.name != "always_buy")
        np.testing.assert_array_equal(row.sessions, walked[0].sessions)
    assert (walked[1].costs.sum() > 0.0) == (walked[1].fills > 0)


def test_fills_at_the_close_serve_the_reference_preset(market: Market) -> None:
    held = buy_and_hold(market, V6Params.reference(**FREE), Window(0, 420))

    expected = np.mean(market.close[418] / market.close[0]) * 100_000.0
    assert held.equity[-1] == pytest.approx(expected, rel=1e-8)


def test_share_too_dear_for_the_account_stays_cash() -> None:
    market = two_bars(open=[[98.0, 52.0], [60_000.0, 50.0]])

    held = buy_and_hold(market, V6Params.default(**FREE), Window(0, 2))

    assert held.fills == 1
    assert held.invested == pytest.approx([40_000.0], rel=1e-8)


def test_every_baseline_sees_the_past_only(market: Market) -> None:
    # given: the same bars, but for what comes after bar 250
    later = np.random.default_rng(1).normal(0.0, 0.02, (419 - 250, 3))
    close = market.close.copy()
    close[251:] *= np.exp(np.cumsum(later, axis=0))
    opens = market.open.copy() if market.open is not None else close
    opens[252:] = close[251:-1]
    other = replace(market, close=close, open=opens)

    for one, two in zip(
        baselines(market, V6Params.default(), Window(150, 420)),
        baselines(other, V6Params.default(), Window(150, 420)),
        strict=True,
    ):
        np.testing.assert_array_equal(one.equity[:100], two.equity[:100])
        assert one.shares is not None
        assert two.shares is not None
        np.testing.assert_array_equal(one.shares[:100], two.shares[:100])


def test_an_asset_that_is_no_longer_wanted_is_sold() -> None:
    account = Account(two_bars(), V6Params.reference(**FREE), seed=0)

    account.rebalance(0, np.array([0.5, 0.5]))
    account.rebalance(1, np.array([0.0, 0.25]))

    # 50 000 in each: bought at 99 and 51, worth 110 and 40
    worth = 50_000 / 99 * 110 + 50_000 / 51 * 40
    assert account.shares == pytest.approx([0.0, 0.25 * worth / 40], rel=1e-6)
    assert account.cash == pytest.approx(0.75 * worth, rel=1e-6)


def test_what_cannot_be_bought_goes_to_the_others() -> None:
    market = two_bars(tradable=[[True, False], [True, True]])
    account = Account(market, V6Params.reference(**FREE), seed=0)

    account.rebalance(0, np.array([0.4, 0.2]))

    assert account.shares == pytest.approx([60_000 / 99, 0.0], rel=1e-6)


def test_nothing_that_trades_changes_nothing() -> None:
    account = Account(two_bars(), V6Params.reference(**FREE), seed=0)
    account.rebalance(0, np.array([0.5, 0.5]))
    account.market = two_bars(tradable=[[True, True], [False, True]])
    before = account.fills, account.cash

    account.rebalance(1, np.array([1.0, 0.0]))

    assert (account.fills, account.cash) == before


def test_months_and_finished_sessions(market: Market) -> None:
    assert sorted(monthly(market, Window(14, 420))) == [14, 14 + 21 * 7, 14 + 42 * 7]
    np.testing.assert_array_equal(session_ends(market, 23), [6, 13, 20])
    assert len(session_ends(market, 6)) == 0


def two_slots(**given: object) -> Market:
    """Slot 1 goes from OLD to NEW at bar 3, OLD leaving at 120; slot 2 is KEPT at 50."""
    one = [100.0, 100.0, 110.0, 10.0, 10.0, 15.0, 15.0]
    prices = np.array([[price, 50.0] for price in one])
    exits = np.zeros((7, 2))
    exits[3, 0] = 120.0
    arrays = {
        "close": prices,
        "open": prices,
        "session": np.arange(7),
        "occupant": [[0, 2]] * 3 + [[1, 2]] * 4,
        "exit_price": exits,
        "names": ["OLD", "NEW", "KEPT"],
        "symbols": ["Energy/1", "Energy/2"],
    }
    return Market.from_arrays(**arrays | given)


@pytest.mark.parametrize("make", [buy_and_hold, equal_weight])
def test_a_leaver_is_sold_at_its_own_open_and_the_newcomer_bought_an_open_later(make) -> None:
    held = make(two_slots(), V6Params.default(**FREE), Window(0, 7))

    # 50,000 at 100, out at 120: 60,000, in cash at the close of bar 3, then NEW from 10 to 15
    cash = held.equity[1:] - held.invested
    assert cash == pytest.approx([0.0, 0.0, 60_000.0, 0.0, 0.0, 0.0], abs=0.01)
    final = 140_000.0 if make is buy_and_hold else 55_000.0 * 1.5 + 55_000.0
    assert held.equity[-1] == pytest.approx(final, rel=1e-8)
    assert held.traded[2] == pytest.approx(60_000.0)


def test_a_baseline_pays_for_a_leaver_what_a_policy_pays() -> None:
    # given one slot, in which a policy buys with its whole cash at the first open
    one = two_slots()
    alone = {name: getattr(one, name)[:, :1] for name in ("close", "open", "occupant")}
    market = Market.from_arrays(
        **alone, exit_price=one.exit_price[:, :1], session=one.session, names=one.names
    )
    params = V6Params.default(**FREE | {"slippage_model": "realistic", "spread_bps": 5.0})
    params = replace(params, buy_pct=1.0, max_position_pct=1.0, min_holding_period=0)
    actions = iter([1, 0, 0, 1, 0, 0])  # at bar 3 it buys the newcomer
    policy = evaluate(lambda _: np.array([[next(actions)]]), market, params, Window(0, 7), seed=4)
    # then buy and hold ends with the same money, cost by cost
    held = buy_and_hold(market, params, Window(0, 7), seed=4)
    np.testing.assert_allclose(held.equity, policy.equity, rtol=1e-8)
    np.testing.assert_allclose(held.costs, policy.costs, rtol=1e-6, atol=1e-3)
    assert held.fills == policy.fills == 3


def test_buying_waits_for_a_bar_at_which_no_slot_changes() -> None:
    held = buy_and_hold(two_slots(), V6Params.default(**FREE), Window(2, 7))

    assert held.traded[0] == 0.0  # decided at bar 2, and at bar 3 NEW comes
    assert held.invested[1] == pytest.approx(100_000.0, rel=1e-8)
