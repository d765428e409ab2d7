"""Fills are compared with the opens that they should have had."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_trader import trade_at_random

from envs import Market, V6Params, Window
from train.backtest.evaluation import Evaluation, evaluate
from train.diagnose.fill_check import equity_at_next_open, fill_fault

WINDOW = Window(30, 251)


@pytest.fixture(scope="module")
def dear_market() -> Market:
    """Opens half a per cent around the close before, so that every cent of a wrong fill shows."""
    random = np.random.default_rng(8)
    bars, assets = 260, 3
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (bars, assets)), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * np.exp(random.normal(0, 0.005, close.shape))
    tradable = random.random(close.shape) > 0.05
    return Market.from_arrays(
        close=close,
        open=open_,
        session=np.arange(bars) // 7,
        tradable=tradable,
        volume=np.full(close.shape, 2e4),
        volatility=np.full(close.shape, 0.01),
    )


def walk(market: Market, params: V6Params, seed: int = 0) -> Evaluation:
    return trade_at_random(market, params, WINDOW, seed=seed)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    slippage=st.sampled_from(["none", "realistic", "impact"]),
    commission=st.sampled_from([0.0, 5.0]),
    limit=st.integers(1, 12),
    wait=st.integers(0, 4),
    average=st.booleans(),
)
def test_the_kernels_own_walks_are_clean(
    dear_market: Market,
    seed: int,
    slippage: str,
    commission: float,
    limit: int,
    wait: int,
    average: bool,
) -> None:
    params = V6Params.default(
        slippage_model=slippage,
        commission=commission,
        max_trades_per_day=limit,
        min_holding_period=wait,
        average_cost=average,
    )
    walked = walk(dear_market, params, seed)

    assert walked.fills > 10
    assert fill_fault(walked, dear_market, params, WINDOW, seed) == ""


def slots(seed: int) -> Market:
    """Two slots, four names; each slot changes its name about every tenth bar."""
    random = np.random.default_rng(seed)
    bars = 260
    own_close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (bars, 4)), axis=0))
    own_open = own_close * np.exp(random.normal(0.0, 0.005, own_close.shape))
    turns = np.cumsum(random.random((bars, 2)) < 0.1, axis=0)  # (T, 2)
    occupant = turns % 2 + np.array([0, 2])
    left = np.zeros(occupant.shape, bool)
    left[1:] = occupant[1:] != occupant[:-1]
    was = np.vstack([occupant[:1], occupant[:-1]])
    rows = np.arange(bars)[:, None]
    return Market.from_arrays(
        close=own_close[rows, occupant],
        open=own_open[rows, occupant],
        occupant=occupant,
        exit_price=np.where(left, own_open[rows, was], 0.0),
        names=["A", "B", "C", "D"],
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_who_leaves_a_slot_is_sold_at_its_own_open(seed: int) -> None:
    market, params = slots(seed), V6Params.default()
    walked = walk(market, params, seed)

    assert fill_fault(walked, market, params, WINDOW, seed) == ""
    # then: at another price the walk would be another
    dearer = replace(market, exit_price=market.exit_price * 1.01)
    assert fill_fault(walk(dearer, params, seed), market, params, WINDOW, seed)


def test_the_close_that_was_seen_is_told() -> None:
    random = np.random.default_rng(1)
    close = 100.0 * np.exp(np.cumsum(random.normal(0.0, 0.01, (260, 2)), axis=0))
    market = Market.from_arrays(close=close, open=close)
    params = V6Params.default(fill_lag=0)

    told = fill_fault(walk(market, params), market, params, WINDOW)

    assert told.startswith("orders fill at the close that they were decided on (fill_lag 0)")


@pytest.mark.parametrize("early", ["close that was seen", "open of the bar before"])
def test_prices_one_bar_early_are_told_with_bar_and_sums(dear_market: Market, early: str) -> None:
    # given: a walk on a market whose next open is in truth a price of the bar before
    price = dear_market.close if early == "close that was seen" else dear_market.open
    shifted = replace(dear_market, open=np.vstack([price[:1], price[:-1]]))
    params = V6Params.default(slippage_model="none")
    walked = walk(shifted, params)

    told = fill_fault(walked, dear_market, params, WINDOW)

    # then: the first wrong mark is that of the first fill
    booked = equity_at_next_open(walked, dear_market, params)
    first = int(np.flatnonzero(walked.traded)[0])
    assert told.startswith(f"the walk has {walked.equity[first + 1]:,.2f} at the close of bar ")
    assert f"bar {walked.bars[first]}," in told
    assert told.endswith(f"leave {booked[first + 1]:,.2f}")


def test_one_fill_too_good_by_a_basis_point_is_found(dear_market: Market) -> None:
    params = V6Params.default()
    walked = walk(dear_market, params)
    equity = walked.equity.copy()
    equity[100:] *= 1.0001

    told = fill_fault(replace(walked, equity=equity), dear_market, params, WINDOW)

    assert f"at the close of bar {walked.bars[99]}" in told


def test_another_seed_of_the_slippage_is_another_walk(dear_market: Market) -> None:
    params = V6Params.default()

    assert fill_fault(walk(dear_market, params, seed=3), dear_market, params, WINDOW, seed=4)


def test_a_ruined_account_stays_as_it_was() -> None:
    close = 100.0 * 0.87 ** np.arange(260)[:, None]
    falling = Market.from_arrays(close=close, open=close)
    params = V6Params.default(buy_pct=0.9, max_position_pct=1.0)
    walked = evaluate(lambda seen: np.ones((1, 1), int), falling, params, WINDOW)

    assert walked.ruined
    assert fill_fault(walked, falling, params, WINDOW) == ""
