"""Shuffled bars are the same moves in another order, and valid bars."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SimulatedMarket, check_bars
from features.bars.schema import BAR_COLUMNS
from features.simulated.edge import knowing_returns
from features.simulated.shuffled import shuffled_bars


def simulated(interval: str, **changes: object) -> pl.DataFrame:
    return SimulatedMarket(symbols=3, sessions=60, interval=interval, seed=2, **changes).bars()


def moves(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.sort("symbol", "ts").select(
        "symbol",
        body=pl.col("close") / pl.col("open"),
        up=pl.col("high") / pl.col("open"),
        down=pl.col("low") / pl.col("open"),
        volume=pl.col("volume"),
    )


@pytest.mark.parametrize("interval", ["1d", "1h"])
def test_the_bars_stay_valid_and_keep_their_keys(interval: str) -> None:
    bars = simulated(interval)

    shuffled = shuffled_bars(bars, seed=5)

    check_bars(shuffled, origin="shuffled")
    assert shuffled.columns == list(BAR_COLUMNS)
    assert shuffled.select("symbol", "ts").equals(bars.select("symbol", "ts"))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_every_move_is_there_once_and_symbols_still_move_together(seed: int) -> None:
    bars = simulated("1d")

    shuffled = shuffled_bars(bars, seed)

    was, now = (moves(frame).to_numpy()[:, 1:].astype(float) for frame in (bars, shuffled))
    days = len(was) // 3
    was, now = was.reshape(3, days, 4), now.reshape(3, days, 4)
    order = np.lexsort(was[0].T)[np.argsort(np.lexsort(now[0].T))]
    np.testing.assert_allclose(now, was[:, order], rtol=1e-9)  # one permutation for all symbols


def test_an_opening_hour_stays_an_opening_hour() -> None:
    bars = simulated("1h")

    shuffled = shuffled_bars(bars, seed=1)

    for frame in (bars, shuffled):
        assert frame.filter(pl.col("ts").dt.hour() > 15)["volume"].sum() > 0
    opening = pl.int_range(pl.len()).over("symbol", pl.col("ts").dt.date()) == 0
    was, now = (frame.filter(opening)["volume"].sort() for frame in (bars, shuffled))
    assert now.equals(was)


def test_the_seed_decides() -> None:
    bars = simulated("1d")

    assert shuffled_bars(bars, 3).equals(shuffled_bars(bars, 3))
    assert not shuffled_bars(bars, 3).equals(shuffled_bars(bars, 4))


def test_a_symbol_that_lacks_bars_gets_as_many_in_other_places() -> None:
    bars = simulated("1d")
    late = bars["ts"].unique().sort()[30]
    part = bars.filter((pl.col("symbol") != "SIMC01") | (pl.col("ts") >= late))

    shuffled = shuffled_bars(part, seed=2)

    check_bars(shuffled, origin="shuffled")
    counts = dict(shuffled.group_by("symbol").len().iter_rows())
    assert counts == {"SIMB01": 60, "SIMC01": 30, "SIME01": 60}


def test_a_planted_edge_is_gone() -> None:
    """The trader who knows it earns ten a year on the bars, and nothing on the shuffled ones."""
    bars = SimulatedMarket(symbols=6, sessions=1500, interval="1d", edge=10.0, seed=1).bars()

    def known(frame: pl.DataFrame) -> float:
        wide = [
            frame.sort("ts", "symbol")[name].to_numpy().reshape(-1, 6) for name in ("open", "close")
        ]
        returns = knowing_returns(*wide)
        return float(returns.mean() / returns.std() * np.sqrt(252))

    assert known(bars) > 8.0
    assert abs(known(shuffled_bars(bars, seed=0))) < 1.5  # standard error 0.4
