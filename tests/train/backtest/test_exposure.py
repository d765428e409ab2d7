"""Exposure to sectors, from what a walk has noted."""

from dataclasses import replace

import numpy as np
import pytest
from random_trader import trade_at_random

from cluster.errors import DataError
from envs import Market, V6Params, Window
from train.backtest.evaluation import evaluate
from train.backtest.exposure import Exposure, exposure, joined
from train.backtest.holding import equal_weight
from train.report.charts import GROUPS_DRAWN, exposure_chart

WINDOW = Window(217, 420)


def test_the_groups_add_up_to_what_is_invested(market: Market) -> None:
    walked = trade_at_random(market, V6Params.default(), WINDOW)

    found = exposure(walked, market)

    last = np.flatnonzero(np.diff(market.session[walked.bars], append=-1))
    invested = walked.invested[last] / walked.equity[1 + last]
    np.testing.assert_allclose(found.shares.sum(axis=1), invested, rtol=1e-9)
    assert found.dates == tuple(walked.dates())
    assert found.groups == ("XLE", "XLF", "XLK")  # no name here tells a sector


def test_slots_of_one_sector_are_one_group(market: Market) -> None:
    slots = replace(market, symbols=("Energy/1", "Financials/1", "Energy/2"))
    walked = equal_weight(slots, V6Params.default(slippage_model="none"), WINDOW)

    found = exposure(walked, slots)

    assert found.groups == ("Energy", "Financials")
    assert found.shares[0] == pytest.approx([2 / 3, 1 / 3], abs=0.02)


def test_who_never_buys_is_not_exposed(market: Market) -> None:
    def wait(observation: np.ndarray) -> np.ndarray:
        return np.zeros((len(observation), 3), np.int64)

    found = exposure(evaluate(wait, market, V6Params.default(), WINDOW), market)

    assert (found.shares == 0.0).all()


def test_a_walk_without_holdings_is_refused(market: Market) -> None:
    walked = replace(trade_at_random(market, V6Params.default(), WINDOW), shares=None)

    with pytest.raises(DataError, match="holdings"):
        exposure(walked, market)


def test_parts_of_a_path_are_put_one_after_the_other(market: Market) -> None:
    day = np.datetime64("2024-01-02").item()
    one = Exposure((day,), ("A", "C"), np.array([[0.1, 0.3]]))
    two = Exposure((day, day), ("B",), np.array([[0.2], [0.4]]))

    whole = joined([one, two])

    assert whole.groups == ("A", "B", "C")
    np.testing.assert_array_equal(whole.shares, [[0.1, 0.0, 0.3], [0.0, 0.2, 0.0], [0.0, 0.4, 0.0]])


def test_small_groups_are_drawn_as_one() -> None:
    day = np.datetime64("2024-01-02").item()
    groups = tuple(f"S{number:02}" for number in range(GROUPS_DRAWN + 4))
    found = Exposure((day,), groups, np.linspace(0.1, 0.01, len(groups))[None])

    figure = exposure_chart(found)

    assert [trace.name for trace in figure.data] == [*groups[:GROUPS_DRAWN], "4 others"]
    total = sum(trace.y[0] for trace in figure.data)
    assert total == pytest.approx(found.shares.sum())
