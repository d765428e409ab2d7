"""Slots: assets whose name changes, and what happens to a position whose name leaves."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import ConfigError, DataError
from envs import Market, TradingVectorEnv, V6Params, Window, rules
from envs.slippage.draws import DrawKey, fold_seed
from envs.slippage.model import Quote

FREE: dict[str, Any] = {
    "slippage_model": "none",
    "spread_bps": 0.0,
    "sec_fee": 0.0,
    "finra_taf": 0.0,
}
HOLD, BUY, SELL = 0, 1, 2
seeds = st.integers(0, 10_000)


def one_slot(**changes: Any) -> Market:
    """Eight bars: OLD at 100, handed over at bar 4 at OLD's open of 120 to NEW at 10."""
    close = np.array([[100.0]] * 3 + [[110.0]] + [[10.0]] * 4)
    exit_price = np.zeros((8, 1))
    exit_price[4] = 120.0
    arrays = {
        "close": close,
        "open": close,
        "occupant": np.array([[0]] * 4 + [[1]] * 4),
        "exit_price": exit_price,
        "names": ["OLD", "NEW"],
        "symbols": ["Energy/1"],
    }
    return Market.from_arrays(**(arrays | changes))


def walked(market: Market, params: V6Params, actions: list[int], start: int = 0) -> Any:
    """The environment after these actions, and the infos of each step."""
    env = TradingVectorEnv(market, params, num_envs=1)
    env.reset(seed=0, options={"start": start})
    return env, [env.step(np.array([[action]]))[4] for action in actions]


def test_a_leaver_is_sold_whole_at_its_own_open() -> None:
    params = V6Params.default(**FREE, buy_pct=0.2, max_position_pct=1.0)
    env, infos = walked(one_slot(), params, [BUY, HOLD, HOLD, HOLD])

    # 20,000 USD bought 200 at 100; they are sold at 120, and the newcomer is not touched
    assert infos[2]["equity"][0] == pytest.approx(102_000.0)  # marked at 110, the bar before
    assert infos[3]["equity"][0] == infos[3]["cash"][0] == pytest.approx(104_000.0)
    assert infos[3]["turnover"][0] == pytest.approx(200 * 120.0)
    assert (infos[3]["total_trades"][0], infos[3]["wins"][0], infos[3]["losses"][0]) == (2, 1, 0)
    assert env.batch.state.shares[0, 0] == env.batch.state.entry_price[0, 0] == 0.0


def test_a_leaver_pays_what_any_sale_pays() -> None:
    params = V6Params.default(slippage_model="realistic", commission=3.0, buy_pct=0.2)
    env, infos = walked(one_slot(), params, [BUY, HOLD, HOLD, HOLD])

    shares = infos[3]["turnover"][0] / 120.0
    key = DrawKey(fold_seed(env.batch.rules_seed), 0, 3, 0)
    quote = Quote(120.0, 0.0, 0.0)
    expected = rules.fill_sell(shares, 100.0, quote, key, params.rule_params())
    assert infos[3]["cash"][0] - infos[2]["cash"][0] == pytest.approx(expected.cash, rel=1e-12)
    assert infos[3]["costs"][0] == pytest.approx(shares * 120.0 - expected.cash, rel=1e-9)


@pytest.mark.parametrize("action", [BUY, SELL])
def test_what_was_decided_on_the_old_name_is_void(action: int) -> None:
    params = V6Params.default(**FREE, penalty_overtrading=100.0, max_trades_per_day=50)
    quiet, _ = walked(one_slot(), params, [BUY, HOLD, HOLD, HOLD])
    eager, infos = walked(one_slot(), params, [BUY, HOLD, HOLD, action])

    assert infos[3]["trade_terms"][0] == 0.0
    for name in ("cash", "shares", "total_trades", "trades_today"):
        np.testing.assert_array_equal(
            getattr(eager.batch.state, name), getattr(quiet.batch.state, name)
        )


def test_void_orders_are_no_attempts() -> None:
    # given two markets that differ in one thing: at bar 6 every slot has another name
    close = np.full((12, 4), 50.0)
    occupant = np.tile(np.arange(4), (12, 1))
    moved = occupant.copy()
    moved[6:] += 4
    exits = np.zeros((12, 4))
    exits[6] = 50.0
    names = [f"N{i}" for i in range(8)]
    still = Market.from_arrays(
        close=close, open=close, occupant=occupant, exit_price=np.zeros((12, 4)), names=names
    )
    handed = Market.from_arrays(
        close=close, open=close, occupant=moved, exit_price=exits, names=names
    )
    rewards = []
    for market in (still, handed):
        env = TradingVectorEnv(market, V6Params.default(**FREE, penalty_overtrading=1.0), 1)
        env.reset(seed=0, options={"start": 4})
        env.step(np.zeros((1, 4), int))
        # when four sells of nothing are decided at bar 5
        rewards.append(env.step(np.full((1, 4), SELL))[1][0])
    # then they count where they meant something, and not where they were void
    assert rewards == [-4.0 * 1.5, 0.0]


def test_the_newcomer_has_no_past_and_the_sale_is_not_one_of_the_days() -> None:
    params = V6Params.default(**FREE, min_holding_period=6, max_trades_per_day=1)
    market = one_slot(session=np.zeros(8, int))
    env, infos = walked(market, params, [HOLD, HOLD, BUY, HOLD, BUY])
    # the day's one trade was the purchase at bar 3, so bar 4's decision is refused for the day
    assert infos[4]["trade_terms"][0] == pytest.approx(-0.02)
    assert env.batch.state.trades_today[0] == 1
    assert infos[4]["total_trades"][0] == 2

    free_day, infos = walked(one_slot(), params, [HOLD, HOLD, BUY, HOLD, BUY])
    # two bars after OLD was bought NEW is: the holding period was OLD's
    assert infos[4]["trade_terms"][0] == pytest.approx(0.1)
    assert free_day.batch.state.entry_price[0, 0] == 10.0


def test_a_name_in_an_empty_slot_is_not_bought_unseen() -> None:
    market = one_slot(
        occupant=np.array([[-1]] * 4 + [[1]] * 4),
        exit_price=np.zeros((8, 1)),
        tradable=np.array([[False]] * 4 + [[True]] * 4),
    )
    _, infos = walked(market, V6Params.default(**FREE), [HOLD, HOLD, HOLD, BUY])
    assert infos[3]["total_trades"][0] == 0
    _, infos = walked(market, V6Params.default(**FREE), [HOLD, HOLD, HOLD, BUY, BUY])
    assert infos[4]["total_trades"][0] == 1


@given(seed=seeds)
@settings(max_examples=25, deadline=None)
def test_without_costs_wealth_moves_by_prices_of_the_same_name_only(
    make_slot_market: Any, seed: int
) -> None:
    # given random trading without costs in slots that change hands
    market = make_slot_market(bars=50, seed=seed)
    env = TradingVectorEnv(market, V6Params.default(**FREE, max_trades_per_day=50), num_envs=2)
    env.reset(seed=seed, options={"start": 3})
    random = np.random.default_rng(seed)
    equity, shares, sold = np.full(2, 1e5), np.zeros((2, 3)), 0
    for t in range(3, 45):
        infos = env.step(random.integers(0, 3, (2, 3)))[4]
        held = env.batch.state.shares.copy()
        changed = market.occupant[t + 1] != market.occupant[t]
        # then a name that leaves is valued from its last close to its own open, and no further
        fill = np.where(changed, market.exit_price[t + 1], market.open[t + 1])
        gain = shares @ (fill - market.close[t]) + held @ (market.close[t + 1] - fill)
        np.testing.assert_allclose(infos["equity"], equity + gain, rtol=1e-10)
        np.testing.assert_allclose(infos["costs"], 0.0, atol=1e-6)
        # and nothing is held of what has just come
        assert (held[:, changed] == 0.0).all()
        assert (infos["wins"] + infos["losses"] <= infos["total_trades"]).all()
        sold += int((shares[:, changed] > 0).sum())
        equity, shares = infos["equity"], held
    assert seed or sold > 3  # of one known seed, so that the property is about something


def test_slots_whose_names_never_change_are_a_plain_market(make_market: Any) -> None:
    plain = make_market(bars=60, assets=3, seed=2)
    slots = dataclasses.replace(
        plain,
        occupant=np.tile(np.arange(3), (60, 1)),
        exit_price=np.zeros((60, 3)),
        names=("A", "B", "C"),
    )
    runs = []
    for market in (plain, slots):
        env = TradingVectorEnv(market, V6Params.default(slippage_model="impact"), num_envs=4)
        env.reset(seed=1)
        random = np.random.default_rng(3)
        runs.append([env.step(random.integers(0, 3, (4, 3)))[1] for _ in range(50)])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_fills_at_the_close_are_refused() -> None:
    with pytest.raises(ConfigError, match="fill_lag"):
        TradingVectorEnv(one_slot(), V6Params.reference(), num_envs=1)


def test_slots_are_saved_windowed_and_part_of_the_fingerprint(
    make_slot_market: Any, make_market: Any, tmp_path: Path
) -> None:
    market = make_slot_market(seed=4)
    loaded = Market.load(market.save(tmp_path))
    assert loaded.names == market.names
    assert loaded.fingerprint == market.fingerprint
    np.testing.assert_array_equal(loaded.occupant, market.occupant)
    np.testing.assert_array_equal(loaded.exit_price, market.exit_price)
    part = market.window(Window(10, 31))
    np.testing.assert_array_equal(part.exit_price, market.exit_price[10:31])
    renamed = dataclasses.replace(market, names=tuple(reversed(market.names)))
    assert renamed.fingerprint != market.fingerprint
    # and a market without slots says nothing of them
    plain = make_market()
    assert set(plain.header()) == {"symbols", "feature_names", "shapes"}
    assert not {"occupant", "exit_price"} & set(plain.arrays())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"names": ["OLD"]}, "names nobody"),
        ({"names": ["OLD", "OLD"]}, "not whole"),
        ({"exit_price": None}, "not whole"),
        ({"occupant": None}, "not whole"),
        ({"exit_price": np.zeros((8, 1))}, "exit_price of Energy/1 at bar 4 is 0"),
        ({"exit_price": np.full((8, 1), 5.0)}, "exit_price of Energy/1 at bar 1 is 5"),
        ({"occupant": np.full((8, 1), -1), "exit_price": np.zeros((8, 1))}, "empty slot"),
    ],
)
def test_slots_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        one_slot(**changes)
    assert message in str(error.value)


def test_a_name_in_two_slots_is_refused() -> None:
    close = np.full((4, 2), 10.0)
    with pytest.raises(DataError, match="OLD sits in two slots at bar 0"):
        Market.from_arrays(
            close=close,
            occupant=np.zeros((4, 2), int),
            exit_price=np.zeros((4, 2)),
            names=["OLD"],
        )
