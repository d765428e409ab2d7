import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import rules
from envs.kernel import compiled
from envs.params import V6Params
from envs.rules import Fill, Standing
from envs.slippage.draws import DrawKey
from envs.slippage.model import Quote
from envs.slippage.registry import CODES

QUIET = V6Params.default(slippage_model="none").rule_params()
ORIGINAL = V6Params.reference(slippage_model="none").rule_params()
KEY = DrawKey(7, 0, 12, 3)

money = st.floats(1.0, 1e7)
price = st.floats(0.01, 5e3)
share = st.floats(0.0, 1.0)
models = st.sampled_from(list(CODES))
word = st.integers(0, 2**31 - 1)


@settings(max_examples=60, deadline=None)
@given(cash=money, x=price, volatility=share, dollars=st.floats(0.0, 1e9), key=word, model=models)
def test_compiled_and_plain_rules_agree_to_the_last_bit(
    cash: float, x: float, volatility: float, dollars: float, key: int, model: str
) -> None:
    p = V6Params.default(slippage_model=model).rule_params()
    quote, draw = Quote(x, volatility, dollars), DrawKey(key, 3, 9999, 21)
    invest = rules.buy_notional(cash, cash, p)
    assert compiled(rules.buy_notional)(cash, cash, p) == invest
    bought = rules.fill_buy(invest, cash, quote, draw, p)
    assert tuple(compiled(rules.fill_buy)(invest, cash, quote, draw, p)) == tuple(bought)
    sold = rules.fill_sell(cash / x, x * 0.97, quote, draw, p)
    assert tuple(compiled(rules.fill_sell)(cash / x, x * 0.97, quote, draw, p)) == tuple(sold)
    for fill in (bought, sold):
        assert compiled(rules.order_term)(fill, p) == rules.order_term(fill, p)
        entry = rules.entry_after(3.0, x, fill, p)
        assert compiled(rules.entry_after)(3.0, x, fill, p) == entry


@settings(max_examples=60, deadline=None)
@given(before=money, equity=money, rise=st.floats(0.0, 1e5), trades=st.integers(0, 40))
def test_compiled_and_plain_rewards_agree_to_the_last_bit(
    before: float, equity: float, rise: float, trades: int
) -> None:
    after = Standing(equity, max(before, equity) + rise, trades, trades * 2 // 3)
    plain = rules.step_reward(before, after, trades, 0.37, QUIET)
    assert compiled(rules.step_reward)(before, after, trades, 0.37, QUIET) == plain
    assert -10.0 <= plain <= 10.0


def test_a_buy_costs_spread_and_fees() -> None:
    fill = rules.fill_buy(20_000.0, 100_000.0, Quote(100.0, 0.0, 0.0), KEY, QUIET)
    assert fill.code == rules.FILLED
    assert fill.price == pytest.approx(100.02)
    assert fill.shares == pytest.approx(20_000 / 100.02)
    assert fill.cash == pytest.approx(-20_000 * (1 + 0.0000221 + 0.000145))


def test_a_sell_returns_the_net_and_its_pnl() -> None:
    p = QUIET._replace(commission=5.0)
    fill = rules.fill_sell(200.0, 90.0, Quote(100.0, 0.0, 0.0), KEY, p)
    net = 200 * 99.98 * (1 - 0.0001671) - 5
    assert fill.cash == pytest.approx(net)
    assert fill.pnl == pytest.approx(net / 18_000 - 1)
    assert rules.order_term(fill, p) == 0.5


@pytest.mark.parametrize(
    ("invest", "cash", "code", "term"),
    [
        (109.0, 1e5, rules.TOO_SMALL, -0.01),
        (20_000.0, 20_000.0, rules.NO_CASH, 0.0),
        (20_000.0, 20_004.0, rules.FILLED, 0.1),
    ],
)
def test_a_buy_is_refused_for_size_and_for_cash(
    invest: float, cash: float, code: int, term: float
) -> None:
    fill = rules.fill_buy(invest, cash, Quote(100.0, 0.0, 0.0), KEY, QUIET)
    assert fill.code == code
    assert rules.order_term(fill, QUIET) == term
    if code != rules.FILLED:
        assert fill == rules.refused(code)


def test_nothing_is_sold_without_a_position() -> None:
    fill = rules.fill_sell(9e-7, 100.0, Quote(100.0, 0.0, 0.0), KEY, QUIET)
    assert fill.code == rules.NO_POSITION
    assert rules.order_term(fill, QUIET) == -0.01


@pytest.mark.parametrize(
    ("trades", "waited", "x", "tradable", "code", "term"),
    [
        (10, 0, 0.0, False, rules.DAY_LIMIT, -0.02),
        (9, 1, 0.0, False, rules.TOO_SOON, -0.01),
        (9, 2, 0.0, True, rules.NO_PRICE, -0.05),
        (9, 2, 50.0, False, rules.NO_PRICE, -0.05),
        (9, 2, 50.0, True, rules.FILLED, 0.0),
    ],
)
def test_checks_come_in_the_contracts_order(
    trades: int, waited: int, x: float, tradable: bool, code: int, term: float
) -> None:
    assert rules.order_refusal(trades, waited, x, tradable, QUIET) == code
    if code != rules.FILLED:
        assert rules.order_term(rules.refused(code), QUIET) == term


def test_the_entry_price_is_average_cost_or_the_last_price() -> None:
    second = Fill(rules.FILLED, 10.0, 200.0, -2000.0, 0.0)
    assert rules.entry_after(30.0, 100.0, second, QUIET) == 125.0
    assert rules.entry_after(30.0, 100.0, second, ORIGINAL) == 200.0
    sold = Fill(rules.FILLED, -40.0, 210.0, 8400.0, 0.05)
    assert rules.entry_after(40.0, 125.0, sold, QUIET) == 0.0


def reward(before: float, after: Standing, attempts: int = 0, **changes: Any) -> float:
    return rules.step_reward(before, after, attempts, 0.5, QUIET._replace(**changes))


def test_the_reward_adds_its_parts() -> None:
    flat = Standing(100.0, 100.0, 0, 0)
    assert reward(100.0, flat) == 0.0
    assert reward(100.0, flat, attempts=2) == 0.0
    assert reward(100.0, flat, attempts=3) == pytest.approx(-0.015 * 1.5)
    assert reward(100.0, flat._replace(equity=102.0, peak=102.0)) == pytest.approx((2 + 0.3) * 1.5)
    deep = Standing(84.0, 100.0, 0, 0)
    assert reward(84.0, deep) == pytest.approx(-0.16 * 3 * 1.5)
    assert reward(84.0, deep, use_drawdown_penalty=False) == 0.0
    assert reward(100.0, flat._replace(total_trades=11, wins=7)) == pytest.approx(0.2 * 1.5)
    assert reward(100.0, flat._replace(total_trades=10, wins=10)) == 0.0
    assert reward(100.0, flat, trade_terms_in_reward=True) == pytest.approx(0.5 * 1.5)
    assert reward(100.0, flat._replace(equity=130.0, peak=130.0)) == 10.0
    assert math.isclose(reward(100.0, deep, reward_scaling=1.0), -10.0)


def test_ruin_is_half_the_balance_or_cash_below_zero() -> None:
    assert rules.is_ruined(49_999.99, 10.0, QUIET)
    assert not rules.is_ruined(50_000.0, 10.0, QUIET)
    assert rules.is_ruined(90_000.0, -0.01, QUIET)
