"""With gate and protection off, a replay and a backtest of the same decisions are one thing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_policy import ScriptedPolicy

from envs import Market, TradingVectorEnv, V6Params
from envs.observation import account_tail
from features import AlignedTable
from trade.bars.bar_table import decision_id
from trade.journal.journal import read_journal
from trade.session.replay import replay_table

SLIPPAGE = ["none", "impact", "realistic"]


def market_of(table: AlignedTable) -> Market:
    return Market.from_arrays(
        close=table.close,
        open=table.open,
        session=table.session,
        volume=table.volume,
        volatility=table.volatility,
        tradable=table.tradable,
        features=table.features,
        ts=table.ts,
        symbols=table.symbols,
        feature_names=table.feature_names,
    )


def backtest(table: AlignedTable, params: V6Params, actions: np.ndarray, start: int, seed: int):
    """Equity at each close, the observations decided on, and the number of trades."""
    env = TradingVectorEnv(market_of(table), params, num_envs=1, observation="full")
    observation, infos = env.reset(seed=seed, options={"start": start})
    equity, seen = [infos["equity"][0]], []
    for row in actions[start : len(table.ts) - 1]:
        seen.append(observation[0])
        observation, _, terminated, _, infos = env.step(row[None])
        equity.append(infos["equity"][0])
        if terminated[0]:
            break
    return np.array(equity), np.array(seen), int(infos["total_trades"][0])


def script(table: AlignedTable, actions: np.ndarray) -> ScriptedPolicy:
    rows = {decision_id(table, bar): row for bar, row in enumerate(actions)}
    return ScriptedPolicy("0123456789abcdef", rows)


@pytest.mark.parametrize("slippage_model", SLIPPAGE)
def test_equity_trades_and_observations_are_equal(
    slippage_model, walk_table, request_for, journal
) -> None:
    # given bars with holes, and random decisions
    table = walk_table(bars=140, assets=5, seed=3, holes=0.1)
    params = V6Params.default(slippage_model=slippage_model, max_trades_per_day=6, commission=0.35)
    actions = np.random.default_rng(8).integers(0, 3, (140, 5))
    start, seed = 17, 5
    day = table.ts[start].astype("datetime64[D]").item()
    start = int(np.searchsorted(table.ts.astype("datetime64[D]"), np.datetime64(day)))
    # when they are backtested and replayed
    equity, seen, trades = backtest(table, params, actions, start, seed)
    policy = script(table, actions)
    ask = request_for(table, policy, journal, params.to_dict(), seed=seed, start=day)
    result = replay_table(ask, table)
    # then each bar's equity and the number of trades agree
    replayed = np.array([value for _, value in result.equity_curve])
    np.testing.assert_allclose(replayed, equity, rtol=1e-9)
    assert result.fills == trades > 50
    assert result.risk_breaches == 0
    # and the policy saw the environment's observations
    tails = np.array(
        [
            account_tail(v.position_values, v.cash, v.equity, v.peak, v.initial_balance)
            for v in policy.shown
        ]
    )
    np.testing.assert_allclose(tails, seen[:, -8:], rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(table.features[start:-1].reshape(len(seen), -1), seen[:, :-8])


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    slippage_model=st.sampled_from(SLIPPAGE),
    max_trades_per_day=st.integers(1, 12),
    min_holding_period=st.integers(0, 5),
    buy_pct=st.floats(0.05, 1.0),
)
def test_parity_holds_for_any_parameters(
    seed,
    slippage_model,
    max_trades_per_day,
    min_holding_period,
    buy_pct,
    walk_table,
    request_for,
    tmp_path_factory,
) -> None:
    table = walk_table(bars=50, assets=3, seed=seed % 1000, holes=0.2)
    params = V6Params.default(
        slippage_model=slippage_model,
        max_trades_per_day=max_trades_per_day,
        min_holding_period=min_holding_period,
        buy_pct=buy_pct,
        max_position_pct=1.0,
    )
    actions = np.random.default_rng(seed).integers(0, 3, (50, 3))
    equity, _, trades = backtest(table, params, actions, 0, seed)
    journal = tmp_path_factory.mktemp("parity") / "session.jsonl"
    ask = request_for(table, script(table, actions), journal, params.to_dict(), seed=seed)
    result = replay_table(ask, table)
    replayed = np.array([value for _, value in result.equity_curve])
    np.testing.assert_allclose(replayed, equity, rtol=1e-9)
    assert result.fills == trades


def test_ruin_ends_both_at_the_same_mark(flat_table, request_for, journal) -> None:
    # given: 90 % in one symbol, which falls to 10 at bar 4 and would rise to 1,000 at bar 6
    table = flat_table(bars=9)
    for bar, price in ((4, 10.0), (5, 10.0), (6, 1_000.0), (7, 1_000.0), (8, 1_000.0)):
        for prices in (table.open, table.high, table.low, table.close):
            prices[bar] = price
    params = V6Params.default(slippage_model="none", buy_pct=0.9, max_position_pct=0.9)
    actions = np.zeros((9, 1), np.int64)
    actions[0] = actions[5] = 1
    equity, _, trades = backtest(table, params, actions, 0, 0)
    # when
    ask = request_for(table, script(table, actions), journal, params.to_dict())
    result = replay_table(ask, table)
    # then nobody decides, buys or earns after the mark of bar 4
    replayed = [value for _, value in result.equity_curve]
    np.testing.assert_allclose(replayed, equity, rtol=1e-9)
    assert len(replayed) == 5
    assert result.final_equity == pytest.approx(19_000, rel=0.01)
    assert (result.fills, trades, result.decisions, result.halted) == (1, 1, 4, "RUIN")
    # also when it was cut off right after that mark, and when it is resumed once more
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    for _ in range(2):
        again = replay_table(replace(ask, resume=True), table)
        assert (again.halted, again.final_equity) == ("RUIN", result.final_equity)
        assert len(journal.read_bytes().splitlines()) == len(whole.splitlines())


def test_trades_of_a_day_are_counted_by_the_session_of_the_decision(
    flat_table, scripted, request_for, journal
) -> None:
    # given two trades a day, and decisions around the change of a session
    table = flat_table(bars=14, assets=4)
    buys = {5: {"S0": 1}, 6: {"S1": 1, "S2": 1}, 7: {"S3": 1}}
    params = {"max_trades_per_day": 2, "slippage_model": "none"}
    result = replay_table(request_for(table, scripted(table, buys), journal, params), table)
    # then the third of the first session is refused, though it would fill in the second
    assert result.denials == {"MAX_TRADES_PER_DAY": 1}
    fills = [r.event.payload() for r in read_journal(journal) if r.kind == "fill"]
    assert [(f["symbol"], f["bar"]) for f in fills] == [("S0", 6), ("S1", 7), ("S3", 8)]
