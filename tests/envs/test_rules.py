import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs import rules
from envs.kernel import compiled_rules
from envs.params import V6Params
from envs.rules import DrawKey, Fill, Quote, Standing

QUIET = V6Params.default(slippage_model="none").rule_params()
ORIGINAL = V6Params.reference(slippage_model="none").rule_params()
IMPACT = V6Params.default(slippage_model="impact").rule_params()
KEY = DrawKey(7, 0, 12, 3)
COMPILED = compiled_rules()

money = st.floats(1.0, 1e7)
price = st.floats(0.01, 5e3)
share = st.floats(0.0, 1.0)
models = st.sampled_from(["none", "realistic", "impact"])
word = st.integers(0, 2**31 - 1)


@settings(max_examples=60, deadline=None)
@given(cash=money, x=price, volatility=share, dollars=st.floats(0.0, 1e9), key=word, model=models)
def test_compiled_and_plain_rules_agree_to_the_last_bit(
    cash: float, x: float, volatility: float, dollars: float, key: int, model: str
) -> None:
    p = V6Params.default(slippage_model=model).rule_params()
    quote, draw = Quote(x, volatility, dollars), DrawKey(key, 3, 9999, 21)
    invest = rules.buy_notional(cash, cash, p)
    assert COMPILED["buy_notional"](cash, cash, p) == invest
    bought = rules.fill_buy(invest, cash, quote, draw, p)
    assert tuple(COMPILED["fill_buy"](invest, cash, quote, draw, p)) == tuple(bought)
    sold = rules.fill_sell(cash / x, x * 0.97, quote, draw, p)
    assert tuple(COMPILED["fill_sell"](cash / x, x * 0.97, quote, draw, p)) == tuple(sold)
    for fill in (bought, sold):
        assert COMPILED["order_term"](fill, p) == rules.order_term(fill, p)
        entry = rules.entry_after(3.0, x, fill, p)
        assert COMPILED["entry_after"](3.0, x, fill, p) == entry


@settings(max_examples=60, deadline=None)
@given(before=money, equity=money, rise=st.floats(0.0, 1e5), trades=st.integers(0, 40))
def test_compiled_and_plain_rewards_agree_to_the_last_bit(
    before: float, equity: float, rise: float, trades: int
) -> None:
    after = Standing(equity, max(before, equity) + rise, trades, trades * 2 // 3)
    plain = rules.step_reward(before, after, trades, 0.37, QUIET)
    assert COMPILED["step_reward"](before, after, trades, 0.37, QUIET) == plain
    assert -10.0 <= plain <= 10.0


@given(state=word, words=st.lists(word, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_hash_is_the_same_integer_in_python_and_compiled(state: int, words: list[int]) -> None:
    ours = state
    for each in words:
        assert COMPILED["mix"](ours, each) == rules.mix(ours, each)
        ours = rules.mix(ours, each)
        assert 0 <= ours < 2**31


def test_uniform_slippage_spreads_over_1_to_10_bps_without_a_pattern() -> None:
    draws = np.array(
        [
            [rules.uniform_slippage(DrawKey(5, env, bar, 0)) for bar in range(400)]
            for env in range(50)
        ]
    )
    assert 1e-4 <= draws.min() < 1.02e-4
    assert 9.98e-4 < draws.max() <= 1e-3
    assert draws.mean() == pytest.approx(5.5e-4, abs=8e-6)
    counts, _ = np.histogram(draws, bins=20, range=(1e-4, 1e-3))
    assert ((counts - 1000) ** 2 / 1000).sum() < 45  # chi-square, 19 degrees, p = 0.0007
    centred = draws - draws.mean()
    for shifted in (centred[:, 1:] * centred[:, :-1], centred[1:] * centred[:-1]):
        assert abs(shifted.mean()) < 0.03 * draws.var()


def test_draws_differ_by_seed_environment_bar_and_asset() -> None:
    base = DrawKey(1, 2, 3, 4)
    others = [base._replace(**{field: 9}) for field in DrawKey._fields]
    assert len({rules.uniform_slippage(key) for key in (base, *others)}) == 5
    assert rules.fold_seed(2**40 + 5) != rules.fold_seed(5)


def test_impact_grows_with_the_square_root_of_participation_and_is_capped() -> None:
    quote = Quote(price=50.0, volatility=0.01, dollar_volume=1e6)
    small = rules.impact_slippage(1e4, quote, IMPACT)
    large = rules.impact_slippage(4e4, quote, IMPACT)
    assert small == pytest.approx(0.0001 + 0.01 * 0.1)
    assert large - 0.0001 == pytest.approx(2 * (small - 0.0001))
    assert rules.impact_slippage(1e12, quote, IMPACT) == 0.05
    assert rules.impact_slippage(1.0, quote._replace(dollar_volume=0.0), IMPACT) == 0.05


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
