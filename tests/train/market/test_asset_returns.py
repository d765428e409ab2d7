"""Returns of assets, and of slots that change their names."""

import numpy as np
import pytest

from envs import Market
from features.universe.sector_of import sectors_by_name
from train.backtest.momentum import momentum_weights
from train.market.asset_returns import bar_returns
from train.market.regimes import market_returns


def test_without_slots_they_are_from_close_to_close(market: Market) -> None:
    found = bar_returns(market)

    np.testing.assert_array_equal(found.log[0], 0.0)
    np.testing.assert_allclose(np.exp(found.log[1:]), market.close[1:] / market.close[:-1])
    assert found.known[1:].all()
    assert not found.known[0].any()


def test_there_is_no_return_before_the_second_price_of_a_name() -> None:
    # given: B begins at bar 2 with 50, pauses at bar 4, and has gone when C begins
    close = [[10.0, 0.0, 0.0], [11.0, 0.0, 0.0], [11.0, 50.0, 0.0], [12.0, 55.0, 0.0]]
    close += [[12.0, 55.0, 0.0], [12.0, 66.0, 7.0]]
    tradable = np.array(close) > 0.0
    tradable[4, 1] = False
    market = Market.from_arrays(close=close, tradable=tradable)

    found = bar_returns(market)

    assert np.exp(found.log[:, 1]) == pytest.approx([1.0, 1.0, 1.0, 1.1, 1.0, 1.2])
    assert found.known[:, 1].tolist() == [False, False, False, True, True, True]
    assert not found.known[:, 2].any()
    assert not found.log[:, 2].any()
    # the market of bar 2 is A alone, that of bar 3 is A and B, that of bar 4 A alone again
    expected = [0.0, np.log(1.1), 0.0, (np.log(12 / 11) + np.log(1.1)) / 2, 0.0, np.log(1.2) / 2]
    assert market_returns(market) == pytest.approx(expected)


def one_slot(**given: object) -> Market:
    """OLD at 100 to 110, then NEW, which opens at 10 and closes at 12."""
    arrays = {
        "close": [[100.0], [110.0], [12.0], [15.0]],
        "open": [[100.0], [100.0], [10.0], [12.0]],
        "occupant": [[0], [0], [1], [1]],
        "exit_price": [[0.0], [0.0], [120.0], [0.0]],
        "names": ["OLD", "NEW"],
        "symbols": ["Energy/1"],
    }
    return Market.from_arrays(**arrays | given)


def test_nobody_earns_the_jump_between_two_names() -> None:
    assert np.exp(bar_returns(one_slot()).log[:, 0]) == pytest.approx([1.0, 1.1, 1.2, 1.25])


def test_without_opens_the_newcomer_earns_nothing_on_its_first_bar() -> None:
    found = bar_returns(one_slot(open=None))

    assert np.exp(found.log[:, 0]) == pytest.approx([1.0, 1.1, 1.0, 1.25])
    assert found.known[:, 0].tolist() == [False, True, False, True]


def test_an_empty_slot_has_no_return() -> None:
    # given: nobody sits in the slot until NEW does, at bar 2
    nobody = [[-1], [-1], [1], [1]]
    close = [[0.0], [0.0], [12.0], [15.0]]
    market = one_slot(
        close=close,
        occupant=nobody,
        exit_price=np.zeros((4, 1)),
        tradable=[[False], [False], [True], [True]],
    )

    found = bar_returns(market)

    assert np.exp(found.log[:, 0]) == pytest.approx([1.0, 1.0, 1.2, 1.25])
    assert found.known[:, 0].tolist() == [False, False, True, True]


def test_momentum_ranks_slots_by_what_their_names_earned() -> None:
    # given: slot 1 rises by 0.1 % a day, but its second name is dearer by far; slot 2 by 0.2 %
    days = 300
    close = 100.0 * np.exp(np.cumsum(np.tile([0.001, 0.002, 0.0], (days, 1)), axis=0))
    close[150:, 0] *= 50.0
    occupant = np.tile([0, 1, 2], (days, 1))
    occupant[150:, 0] = 3
    exits = np.zeros((days, 3))
    exits[150, 0] = 100.0
    names = ["Energy/1", "Financials/1", "Utilities/1"]
    slots = Market.from_arrays(
        close=close,
        open=close,
        occupant=occupant,
        exit_price=exits,
        names=["A", "B", "C", "D"],
        symbols=names,
    )

    assert sectors_by_name(names)["Energy/1"] == "Energy"
    np.testing.assert_array_equal(momentum_weights(slots, np.arange(3), 299), [0.0, 1.0, 0.0])
