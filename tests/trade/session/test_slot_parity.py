"""A policy of slots: a replay of its decisions is a backtest of them, hand-overs and all."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scripted_policy import ScriptedPolicy

from envs import Market, TradingVectorEnv, V6Params
from envs.from_bars import market_from_slots
from envs.observation import account_tail
from features import AlignedTable
from features.bars.sessions import session_dates
from features.slots.bars import SlottedBars
from features.slots.occupancy import Seating, seat
from features.slots.plan import EMPTY, SlotPlan
from trade.bars.bar_table import decision_id
from trade.journal.audit import audit
from trade.journal.journal import read_journal
from trade.journal.journal_queries import orders
from trade.orders.protection import Protection
from trade.risk.limits import RiskLimits
from trade.session.replay import replay_table

SLOTS = ("Energy/1", "Energy/2", "Utilities/1")
MODELS = ["none", "impact", "realistic"]


def seated(table: AlignedTable, seed: int, every: int = 2) -> Seating:
    """Slots that are dealt anew every few sessions; some stay empty for a while."""
    random = np.random.default_rng(seed)
    days = session_dates(np.unique(table.session))[::every]
    deal = [*table.symbols, EMPTY, EMPTY]
    holders = []
    for _ in days:
        drawn = random.permutation(deal)[: len(SLOTS)].tolist()
        kept = holders[-1] if holders else (EMPTY,) * len(SLOTS)
        stays = [name and name not in drawn and random.random() < 0.4 for name in kept]
        holders.append(tuple(k if s else d for k, s, d in zip(kept, stays, drawn, strict=True)))
    return seat(SlotPlan(SLOTS, tuple(days.tolist()), tuple(holders)), table)


def backtest(
    market: Market, params: V6Params, actions: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Equity at each close, the observations decided on, and the number of trades."""
    env = TradingVectorEnv(market, params, num_envs=1, observation="full")
    observation, infos = env.reset(seed=seed, options={"start": 0})
    equity, seen = [infos["equity"][0]], []
    for row in actions[: market.num_bars - 1]:
        seen.append(observation[0])
        observation, _, terminated, _, infos = env.step(row[None])
        assert not terminated[0]
        equity.append(infos["equity"][0])
    return np.array(equity), np.array(seen), int(infos["total_trades"][0])


def script(table: AlignedTable, actions: np.ndarray) -> ScriptedPolicy:
    rows = {decision_id(table, bar): row for bar, row in enumerate(actions)}
    return ScriptedPolicy("0123456789abcdef", rows)


def from_first(table: AlignedTable, seating: Seating) -> tuple[AlignedTable, Seating, Market]:
    """Table and seats cut to where the slots can be traded, and their Market."""
    slotted = SlottedBars.of(table, seating)
    return slotted.names, slotted.seating, market_from_slots(slotted)


@pytest.mark.parametrize("model", MODELS)
def test_equity_trades_and_observations_are_equal(model, walk_table, request_for, journal) -> None:
    # given bars with holes, slots that change names, and random decisions
    whole = walk_table(bars=140, assets=6, seed=3, holes=0.15)
    table, seating, market = from_first(whole, seated(whole, seed=4))
    params = V6Params.default(slippage_model=model, commission=0.35, max_trades_per_day=6)
    actions = np.random.default_rng(8).integers(0, 3, (len(table.ts), 3))
    # when they are backtested and replayed
    equity, seen, trades = backtest(market, params, actions, seed=5)
    policy = script(table, actions)
    ask = request_for(table, policy, journal, params.to_dict(), seed=5)
    result = replay_table(ask, table, seating=seating)
    # then each bar's equity and the number of trades agree
    replayed = np.array([value for _, value in result.equity_curve])
    np.testing.assert_allclose(replayed, equity, rtol=1e-9)
    assert result.fills == trades > 40
    assert result.risk_breaches == 0
    # and the policy saw the environment's observations
    tails = np.array(
        [
            account_tail(v.position_values, v.cash, v.equity, v.peak, v.initial_balance)
            for v in policy.shown
        ]
    )
    np.testing.assert_allclose(tails, seen[:, -6:], rtol=1e-6, atol=1e-7)
    shown = [seating.gathered(table.features)[bar].ravel() for bar in range(len(seen))]
    np.testing.assert_array_equal(shown, seen[:, :-6])
    # and leavers were sold among them
    sold = [row for row in orders(read_journal(journal)) if row["leg"] == "leaver"]
    assert len(sold) > 5
    assert {row["status"] for row in sold} == {"filled"}


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    model=st.sampled_from(MODELS),
    max_trades_per_day=st.integers(1, 12),
    min_holding_period=st.integers(0, 30),
    holes=st.sampled_from([0.0, 0.2, 0.6]),
)
def test_parity_holds_for_any_parameters(
    seed,
    model,
    max_trades_per_day,
    min_holding_period,
    holes,
    walk_table,
    request_for,
    tmp_path_factory,
) -> None:
    whole = walk_table(bars=60, assets=5, seed=seed % 1000, holes=holes)
    table, seating, market = from_first(whole, seated(whole, seed=seed, every=1))
    params = V6Params.default(
        slippage_model=model,
        max_trades_per_day=max_trades_per_day,
        min_holding_period=min_holding_period,
        buy_pct=0.5,
        max_position_pct=1.0,
    )
    actions = np.random.default_rng(seed).integers(0, 3, (len(table.ts), 3))
    equity, _, trades = backtest(market, params, actions, seed)
    journal = tmp_path_factory.mktemp("slots") / "session.jsonl"
    ask = request_for(table, script(table, actions), journal, params.to_dict(), seed=seed)
    result = replay_table(ask, table, seating=seating)
    replayed = np.array([value for _, value in result.equity_curve])
    np.testing.assert_allclose(replayed, equity, rtol=1e-9)
    assert result.fills == trades


def handed_over_at(table: AlignedTable, bar: int) -> Seating:
    """S0 sits in the one slot until S1 takes it at `bar`."""
    occupant = np.where(np.arange(len(table.ts)) < bar, 0, 1)[:, None]
    price = np.zeros((len(table.ts), 1))
    price[bar] = table.open[bar, 0]
    return Seating(("Energy/1",), occupant, price)


def test_no_limit_of_entries_keeps_a_leaver(flat_table, request_for, journal) -> None:
    # given a day whose one trade is the purchase, a breaker that the gap trips, and a hand-over
    table = flat_table(bars=12, assets=2)
    table.open[6, 0] = table.close[6:, 0] = 60.0  # the leaver opens 40 % lower
    seating = handed_over_at(table, 6)
    actions = np.zeros((12, 1), np.int64)
    actions[3] = actions[5] = actions[6] = 1
    params = {"slippage_model": "none", "max_trades_per_day": 1, "min_holding_period": 9}
    limits = RiskLimits(max_position=0.2, portfolio_risk=0.2, daily_loss=0.01)
    policy = script(table, actions)
    protection = Protection(0.5, 0.5)
    ask = request_for(table, policy, journal, params, limits=limits, protection=protection)
    result = replay_table(ask, table, seating=seating)
    # then it is sold at its own open, the breaker having tripped
    records = read_journal(journal)
    fills = [r.event.payload() for r in records if r.kind == "fill"]
    assert [(f["symbol"], f["leg"], f["bar"]) for f in fills] == [
        ("S0", "entry", 4),
        ("S0", "leaver", 6),
    ]
    assert fills[1]["price"] == pytest.approx(60.0 * (1 - 2e-4))
    assert result.halts == 1
    assert result.denials["HANDED_OVER"] == 1  # what was decided at bar 5 on S0
    assert result.denials["DAILY_LOSS"] == 1  # S1 at bar 6
    assert audit(records) == []


def test_a_name_that_no_longer_trades_is_taken_out(flat_table, request_for, journal) -> None:
    table = flat_table(bars=12, assets=2)
    table.tradable[5:, 0] = False
    actions = np.zeros((12, 1), np.int64)
    actions[2] = 1
    ask = request_for(table, script(table, actions), journal)
    result = replay_table(ask, table, seating=handed_over_at(table, 8))
    fills = [r.event.payload() for r in read_journal(journal) if r.kind == "fill"]
    assert [(f["leg"], f["bar"]) for f in fills] == [("entry", 3), ("leaver", 8)]
    assert result.final_equity == pytest.approx(100_000.0)


@pytest.mark.parametrize("kept", range(3, 40, 3))
def test_a_session_that_was_cut_off_anywhere_ends_the_same(
    kept, walk_table, request_for, tmp_path
) -> None:
    # given a whole session, and its first records alone
    whole = walk_table(bars=60, assets=5, seed=6, holes=0.1)
    table, seating, _ = from_first(whole, seated(whole, seed=2, every=1))
    actions = np.random.default_rng(1).integers(0, 3, (len(table.ts), 3))
    params = {"slippage_model": "realistic"}
    ask = request_for(table, script(table, actions), tmp_path / "s.jsonl", params)
    result = replay_table(ask, table, seating=seating)
    lines = (tmp_path / "s.jsonl").read_bytes().splitlines(keepends=True)
    at = [i for i, line in enumerate(lines) if b'"leaver"' in line or b'"handover"' in line]
    cut = at[kept % len(at)] + kept % 2
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "s.jsonl").write_bytes(b"".join(lines[:cut]))
    # when it is resumed
    again = dataclasses.replace(ask, journal=tmp_path / "cut" / "s.jsonl", resume=True)
    resumed = replay_table(again, table, seating=seating)
    # then nothing is sold twice or forgotten
    assert resumed.final_equity == result.final_equity
    assert (resumed.fills, resumed.denials) == (result.fills, result.denials)
    assert resumed.risk_breaches == 0
