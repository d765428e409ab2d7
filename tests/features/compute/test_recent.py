"""`RecentBars`: the last bars of every symbol are those of all bars put together."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from features import SimulatedMarket
from features.compute.recent import RecentBars

KEY = ["symbol", "ts"]
MARKET = SimulatedMarket(symbols=7, sessions=40, interval="1d", seed=2)
BARS = MARKET.bars().with_columns(
    sector=pl.col("symbol").replace_strict(MARKET.sectors(), return_dtype=pl.String())
)
CLOCK = BARS["ts"].unique().sort()


def known_until(bars: pl.DataFrame, last: object, length: int) -> pl.DataFrame:
    return bars.filter(pl.col("ts") <= last).group_by("symbol", maintain_order=True).tail(length)


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(1, 12),
    begin=st.integers(0, 25),
    steps=st.integers(1, 12),
    gaps=st.floats(0.0, 0.7),
    seed=st.integers(0, 2**32 - 1),
)
def test_after_any_bars_the_last_ones_are_kept(
    length: int, begin: int, steps: int, gaps: float, seed: int
) -> None:
    present = np.random.default_rng(seed).random(BARS.height) >= gaps
    bars = BARS.filter(pl.Series(present) | (pl.col("ts") == CLOCK[0]))
    columns = bars.columns
    recent = RecentBars(bars.filter(pl.col("ts") <= CLOCK[begin]), length)

    for ts in CLOCK[begin + 1 : begin + 1 + steps]:
        new = bars.filter(pl.col("ts") == ts)
        if new.height:
            recent.append(new)

    wanted = known_until(bars, CLOCK[begin + steps], length)
    got = recent.frame(length)
    assert got.select(columns).equals(wanted.select(columns))
    number = pl.int_range(pl.len(), dtype=pl.Int32).over("symbol").alias("bar_number")
    assert got["bar_number"].equals(wanted.select(number)["bar_number"])
    last = wanted.group_by("symbol", maintain_order=True).agg(last=pl.col("ts").last())
    assert recent.last().equals(last)


def test_a_new_symbol_finds_its_place_in_the_order() -> None:
    late = BARS.filter(pl.col("symbol") == "SIMC01")
    rest = BARS.filter(pl.col("symbol") != "SIMC01", pl.col("ts") < CLOCK[-1])
    recent = RecentBars(rest, 3)

    recent.append(BARS.filter(pl.col("ts") == CLOCK[-1]))

    assert recent.symbols.to_list() == sorted(MARKET.tickers())
    assert recent.frame(3).filter(pl.col("symbol") == "SIMC01")["ts"].to_list() == [CLOCK[-1]]
    assert recent.rows(late.tail(1)).tolist() == [1]


def test_some_symbols_of_a_few_bars() -> None:
    recent = RecentBars(BARS, 10)

    got = recent.frame(2, recent.rows(BARS.filter(pl.col("ts") == CLOCK[-1]).head(2)))

    two = BARS["symbol"].unique().sort().head(2).to_list()
    wanted = BARS.filter(pl.col("symbol").is_in(two), pl.col("ts") >= CLOCK[-2])
    assert got.drop("bar_number").select(wanted.columns).equals(wanted)
    assert got["bar_number"].to_list() == [0, 1, 0, 1]
