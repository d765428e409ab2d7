from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import Market, TradingVectorEnv, V6Params

PRESETS = [V6Params.default, V6Params.reference]
presets = st.sampled_from(PRESETS)
seeds = st.integers(0, 10_000)


@given(preset=presets, model=st.sampled_from(["none", "realistic", "impact"]), seed=seeds)
@settings(max_examples=30, deadline=None)
def test_money_is_conserved(make_market: Any, preset: Any, model: str, seed: int) -> None:
    # given random trading with every cost
    market = make_market(bars=50, seed=seed)
    params = preset(slippage_model=model, commission=1.0)
    env = TradingVectorEnv(market, params, num_envs=2)
    env.reset(seed=seed, options={"start": 3})
    random = np.random.default_rng(seed)
    lag = params.fill_lag
    equity, shares = np.full(2, 1e5), np.zeros((2, 3))
    for t in range(3, 40):
        # when a step is taken
        infos = env.step(random.integers(0, 3, (2, 3)))[4]
        held = env.batch.state.shares.copy()
        # then equity moved by the price of what was held, less the costs that were reported
        mark, fill = market.close[t + lag], (market.open if lag else market.close)[t + lag]
        before = market.close[t - 1 + lag]
        gain = shares @ (fill - before) + held @ (mark - fill)
        np.testing.assert_allclose(infos["equity"], equity + gain - infos["costs"], rtol=1e-10)
        np.testing.assert_allclose(infos["turnover"], np.abs(held - shares) @ fill, rtol=1e-9)
        assert (infos["costs"] >= 0).all()
        assert (infos["cash"] >= 0).all()
        assert (held >= 0).all()
        assert (infos["wins"] + infos["losses"] <= infos["total_trades"]).all()
        equity, shares = infos["equity"], held


def _changed_after(market: Market, bar: int, seed: int) -> Market:
    random = np.random.default_rng(seed)
    arrays = {name: array.copy() for name, array in market.arrays().items() if name != "ts"}
    for name in ("open", "close", "volume", "volatility"):
        arrays[name][bar + 1 :] *= random.uniform(0.5, 2.0, arrays[name][bar + 1 :].shape)
    arrays["features"][bar + 1 :] = 0.0
    arrays["tradable"][bar + 1 :] = False
    return Market.from_arrays(**arrays)


@given(preset=presets, seed=seeds, cut=st.integers(8, 40))
@settings(max_examples=30, deadline=None)
def test_the_future_changes_nothing_before_it(
    make_market: Any, preset: Any, seed: int, cut: int
) -> None:
    # given two markets that are the same up to bar `cut`
    market = make_market(bars=50, seed=seed)
    params = preset(slippage_model="impact")
    runs = []
    for each in (market, _changed_after(market, cut, seed)):
        env = TradingVectorEnv(each, params, num_envs=2, observation="full")
        rows = [env.reset(seed=1, options={"start": 5})[0]]
        random = np.random.default_rng(seed)
        # when the same actions are taken up to the last step that is over at that bar
        for _ in range(5, cut + 1 - params.fill_lag):
            observation, reward, _, _, infos = env.step(random.integers(0, 3, (2, 3)))
            rows += [reward, infos["equity"], infos["cash"], infos["costs"]]
            if observation is not None and env.batch.state.bar[0] <= cut:
                rows.append(observation)
        runs.append(rows)
    # then everything observed and earned is the same
    for ours, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(ours, other)


def test_an_untradable_bar_refuses_the_order_and_keeps_the_position() -> None:
    close = np.full((12, 1), 100.0)
    tradable = np.ones((12, 1), bool)
    tradable[6] = False
    market = Market.from_arrays(close=close, open=close, tradable=tradable)
    env = TradingVectorEnv(market, V6Params.default(slippage_model="none"), num_envs=1)
    env.reset(seed=0, options={"start": 2})
    env.step(np.array([[1]]))  # decided at 2, filled at the open of 3
    env.step(np.array([[0]]))
    env.step(np.array([[0]]))
    infos = env.step(np.array([[2]]))[4]  # decided at 5; there is no open at 6
    assert infos["trade_terms"][0] == pytest.approx(-0.05)
    assert env.batch.state.shares[0, 0] > 0
    infos = env.step(np.array([[2]]))[4]  # decided at the untradable 6, filled at 7
    assert infos["losses"][0] == 1
    assert env.batch.state.shares[0, 0] == 0


def test_the_default_preset_pays_the_next_open_and_the_reference_this_close() -> None:
    close = np.array([[100.0], [110.0], [120.0], [130.0]])
    market = Market.from_arrays(close=close, open=close - 5.0)
    costless: dict[str, Any] = {
        "slippage_model": "none",
        "spread_bps": 0.0,
        "sec_fee": 0.0,
        "finra_taf": 0.0,
    }
    paid = []
    for preset in PRESETS:
        env = TradingVectorEnv(market, preset(**costless), num_envs=1)
        env.reset(seed=0, options={"start": 0})
        env.step(np.array([[1]]))
        paid.append(env.batch.state.entry_price[0, 0])
    assert paid == [105.0, 100.0]


def test_trades_today_start_anew_with_a_session() -> None:
    close = np.full((20, 4), 10.0)
    market = Market.from_arrays(close=close, open=close, session=np.arange(20) // 5)
    params = V6Params.default(max_trades_per_day=3, min_holding_period=0)
    env = TradingVectorEnv(market, params, num_envs=1)
    env.reset(seed=0, options={"start": 3})
    trades = [int(env.step(np.ones((1, 4), int))[4]["total_trades"][0]) for _ in range(4)]
    assert trades == [3, 3, 6, 6]


def test_prices_only_matter_relative_to_money(make_market: Any) -> None:
    # given a market, and the same one in cents with a hundred times the money
    market = make_market(share_of_gaps=0.0)
    cents = Market.from_arrays(
        close=market.close * 128, open=market.open * 128, session=market.session
    )
    runs = []
    for each, balance in ((market, 1e5), (cents, 1e5 * 128)):
        env = TradingVectorEnv(each, V6Params.default(initial_balance=balance), num_envs=2)
        env.reset(seed=4, options={"start": 0})
        random = np.random.default_rng(2)
        runs.append([env.step(random.integers(0, 3, (2, 3)))[1] for _ in range(50)])
    np.testing.assert_array_equal(runs[0], runs[1])
