"""What the loop does bar by bar, on the exchange's calendar."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scripted_policy import ScriptedPolicy

from cluster.errors import ConfigError, DataError
from features import SimulatedMarket, aligned_table
from features.bars.sessions import is_half_day, session_close, session_dates
from trade.bars.bar_table import decision_id
from trade.journal.journal import read_journal
from trade.risk.limits import RiskLimits
from trade.session.replay import replay_table

CORE = """
import sys
import trade.session.session, trade.session.replay, trade.brokers.registry, trade.policy.policy
import trade.journal.journal_queries, trade.journal.audit
heavy = {"torch", "ray", "pandas", "numba", "polars", "gymnasium", "streamlit", "onnxruntime"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_core_imports_nothing_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", CORE], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_order_of_events(flat_table, scripted, request_for, journal: Path) -> None:
    table = flat_table(bars=3)
    policy = scripted(table, {0: {"S0": 1}})
    replay_table(request_for(table, policy, journal), table)
    kinds = [
        (r.kind, r.event.payload().get("at", r.event.payload().get("bar")))
        for r in read_journal(journal)
    ]
    assert kinds == [
        ("session_started", None),
        ("mark", "close"),
        ("decision", 0),
        ("intent", 0),
        ("mark", "open"),
        ("order", 1),
        ("fill", 1),
        ("mark", "close"),
        ("decision", 1),
        ("mark", "open"),
        ("mark", "close"),
        ("session_ended", 2),
    ]


def test_intents_go_out_in_asset_order_each_with_the_cash_that_is_left(
    flat_table, scripted, request_for, journal: Path
) -> None:
    table = flat_table(bars=3, assets=3)
    policy = scripted(table, {0: {"S2": 1, "S0": 1, "S1": 1}})
    replay_table(request_for(table, policy, journal), table)
    orders = [r.event.payload() for r in read_journal(journal) if r.kind == "order"]
    assert [order["symbol"] for order in orders] == ["S0", "S1", "S2"]
    assert [order["notional"] for order in orders] == pytest.approx([20_000, 16_000, 12_800])


def test_selling_nothing_is_holding(flat_table, scripted, request_for, journal: Path) -> None:
    table = flat_table(bars=3)
    result = replay_table(request_for(table, scripted(table, {0: {"S0": 2}}), journal), table)
    assert (result.orders, result.denials) == (0, {})


@pytest.mark.parametrize(
    "row", [[0, 3], [0], [0, 0, 0], [0.0, 1.0]], ids=["code", "short", "long", "float"]
)
def test_an_unusable_answer_is_no_decision(row, flat_table, request_for, journal: Path) -> None:
    table = flat_table(bars=3, assets=2)
    policy = ScriptedPolicy("0123456789abcdef", {decision_id(table, 0): np.array(row)})
    result = replay_table(request_for(table, policy, journal), table)
    assert (result.policy_failures, result.orders) == (1, 0)


def test_an_answer_of_another_bundle_is_no_decision(
    flat_table, scripted, request_for, journal: Path
) -> None:
    table = flat_table(bars=3)
    policy = scripted(table, {0: {"S0": 1}})
    policy.bundle_id = "f" * 16
    result = replay_table(request_for(table, policy, journal), table)
    assert (result.policy_failures, result.orders) == (2, 0)


def test_a_bundle_that_fills_at_the_decided_close_is_refused(
    flat_table, scripted, request_for, journal: Path
) -> None:
    table = flat_table(bars=3)
    ask = request_for(table, scripted(table, {}), journal, {"fill_lag": 0})
    with pytest.raises(ConfigError, match="fill_lag is 0"):
        replay_table(ask, table)
    assert not journal.exists()


def test_a_window_without_two_bars_is_refused(
    flat_table, scripted, request_for, journal: Path
) -> None:
    table = flat_table(bars=8)
    ask = request_for(table, scripted(table, {}), journal)
    with pytest.raises(DataError, match="fewer than two bars between 2025-03-04 and the last"):
        replay_table(replace(ask, start=date(2025, 3, 4)), table)
    with pytest.raises(DataError, match="the bars cover 2025-03-03 to 2025-03-04"):
        replay_table(replace(ask, end=date(2024, 1, 1)), table)


def test_a_half_day_is_a_session_of_its_own_that_ends_at_one_o_clock(
    request_for, journal: Path
) -> None:
    # given hourly bars around the day after Thanksgiving of 2016, which closes at 13:00 New York
    half, whole = date(2016, 11, 25), date(2016, 11, 28)
    assert is_half_day(half)
    assert session_close(half).hour == 18
    table = aligned_table(SimulatedMarket(symbols=2, sessions=75, start=date(2016, 8, 12)).bars())
    days = session_dates(table.session)
    # when both symbols are bought or sold at every close, two trades a session at most
    rows = {decision_id(table, bar): np.full(2, 1 + bar % 2) for bar in range(len(table.ts) - 1)}
    policy = ScriptedPolicy("0123456789abcdef", rows)
    params = {"max_trades_per_day": 2, "min_holding_period": 0, "buy_pct": 0.5}
    ask = request_for(table, policy, journal, params, start=half, end=whole)
    result = replay_table(ask, table)
    # then the half day has the four decisions of its four bars, none after 12:30, and two trades
    asked = [ts for ts in policy.asked if ts.startswith("20161125")]
    assert asked == ["20161125T143000", "20161125T153000", "20161125T163000", "20161125T173000"]
    assert (days == np.datetime64(half)).sum() == 4
    assert result.sessions == 2
    fills = [r.event.payload()["decided_in"] for r in read_journal(journal) if r.kind == "fill"]
    assert [fills.count(session) for session in sorted(set(fills))] == [2, 2]


def test_a_name_that_trades_no_more_does_not_keep_others_out(
    walk_table, scripted, request_for, journal: Path
) -> None:
    # given: S0 has been delisted, and the policy wants it before S1
    table = walk_table(bars=60, assets=2, seed=3)
    table.tradable[20:, 0] = False
    policy = scripted(table, {50: {"S0": 1, "S1": 1}})

    result = replay_table(request_for(table, policy, journal, limits=RiskLimits()), table)

    assert result.denials == {"NOT_TRADABLE": 1}
    orders = [r.event.payload() for r in read_journal(journal) if r.kind == "order"]
    assert [order["symbol"] for order in orders] == ["S1"]
