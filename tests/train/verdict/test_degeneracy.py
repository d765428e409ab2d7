"""What is no policy is named, and what only looks like one of those is not."""

from dataclasses import replace

import numpy as np
import pytest
from random_trader import trade_at_random

from envs import Market, V6Params, Window
from train.backtest.baselines import baselines
from train.backtest.evaluation import Evaluation, evaluate
from train.backtest.holding import buy_and_hold
from train.verdict.degeneracy import ENTRY_TURN, degeneracy

PARAMS = V6Params.default(max_trades_per_day=50)
WINDOW = Window(0, 420)


def scripted(market: Market, actions: np.ndarray) -> Evaluation:
    rows = iter(actions)
    return evaluate(lambda _: next(rows)[None], market, PARAMS, WINDOW)


def silent(market: Market) -> np.ndarray:
    return np.zeros((419, market.num_assets), np.int64)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (0, "degenerate: it never traded"),
        (1, "degenerate: it sent the same actions at every bar"),
        (2, "degenerate: it never traded"),
    ],
)
def test_constant_actions(market: Market, action: int, told: str) -> None:
    walked = scripted(market, silent(market) + action)

    assert degeneracy(walked, baselines(market, PARAMS, WINDOW)) == told


def test_one_asset_of_several(market: Market) -> None:
    random = np.random.default_rng(0)
    actions = silent(market)
    actions[:, 1] = random.integers(0, 3, 419)
    one = scripted(market, actions)
    actions[:, 2] = random.integers(0, 3, 419)
    two = scripted(market, actions)

    assert degeneracy(one) == "degenerate: it held one asset only"
    assert degeneracy(two) == ""


def test_a_market_of_one_asset_has_no_other() -> None:
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, (420, 1)), axis=0))
    market = Market.from_arrays(close=close, open=close, session=np.arange(420) // 7)

    assert degeneracy(trade_at_random(market, PARAMS, WINDOW)) == ""


def test_buying_in_once_is_buy_and_hold(market: Market) -> None:
    actions = silent(market)
    actions[:40:2] = 1
    walked = scripted(market, actions)

    told = degeneracy(walked, baselines(market, PARAMS, WINDOW))

    assert told.startswith("degenerate: always_buy in disguise, correlation 1.0")
    assert "turned over 0.4" in told


def test_half_of_the_market_is_the_market(market: Market) -> None:
    # given: entry in the first bars, with a little cash kept for ever
    actions = silent(market)
    actions[:6:2] = 1
    walked = scripted(market, actions)

    assert walked.exposure < 0.9
    assert "in disguise" in degeneracy(walked, baselines(market, PARAMS, WINDOW))


def test_trading_at_random_is_bad_but_no_disguise(market: Market) -> None:
    assert (
        degeneracy(trade_at_random(market, PARAMS, WINDOW), baselines(market, PARAMS, WINDOW)) == ""
    )


def test_being_in_and_out_with_few_trades_is_no_disguise(market: Market) -> None:
    actions = silent(market)
    actions[:40:2], actions[140], actions[280:320:2] = 1, 2, 1
    walked = scripted(market, actions)

    assert degeneracy(walked, baselines(market, PARAMS, WINDOW)) == ""


def test_both_the_likeness_and_the_rest_are_needed(market: Market) -> None:
    # given: the very path of the baseline
    held = buy_and_hold(market, PARAMS, WINDOW)
    turned = held.traded.sum() / 2.0 / held.equity[1:].mean()
    allowed = ENTRY_TURN + held.days / 252
    varied = replace(
        held, kind="policy", actions=np.eye(3, dtype=np.int8).repeat(140, axis=0)[:419]
    )

    def with_turn(turn: float) -> str:
        return degeneracy(replace(varied, traded=held.traded * turn / turned), [held])

    assert "in disguise" in with_turn(allowed - 0.01)
    assert with_turn(allowed + 0.01) == ""


def noisy(held: Evaluation, correlation: float) -> Evaluation:
    """A path whose daily returns correlate with those of `held` exactly so."""
    unit = (held.daily_returns - held.daily_returns.mean()) / held.daily_returns.std()
    drawn = np.random.default_rng(2).normal(size=held.days)
    drawn -= drawn.mean() + unit * np.mean(drawn * unit)
    own = drawn / drawn.std()
    mixed = correlation * unit + (1.0 - correlation**2) ** 0.5 * own
    return replace(held, kind="policy", daily_returns=0.01 * mixed)


@pytest.mark.parametrize(("correlation", "named"), [(0.995, True), (0.985, False), (-1.0, False)])
def test_the_threshold_of_likeness(market: Market, correlation: float, named: bool) -> None:
    held = buy_and_hold(market, PARAMS, WINDOW)

    told = degeneracy(noisy(held, correlation), [held])

    assert (f"correlation {correlation:.4f}" in told) == named


def test_cash_is_like_nothing(market: Market) -> None:
    walked = scripted(market, np.eye(3, dtype=np.int64)[np.arange(419) % 3])

    flat = [row for row in baselines(market, PARAMS, WINDOW) if row.name == "flat"]
    assert degeneracy(walked, flat) == ""
