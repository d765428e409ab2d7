"""The bias report: zero where both lists are one, and right where the bias is planted."""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError
from features import SimulatedMarket
from features.slots.scan import ScanRules
from features.slots.scan_bias import bias_report
from features.universe.files import universe_from_files
from features.universe.universe import SECTOR_SCHEMA, SPELL_SCHEMA, Universe
from places import DATA

MARKET = SimulatedMarket(symbols=44, sessions=300, interval="1d", seed=2)
RULES = ScanRules(lookback=60, min_dollar_volume=0.0, risk_free_rate=0.0)
START, END = date(2016, 6, 1), date(2017, 1, 31)


def universe_without(gone: set[str], late: set[str]) -> Universe:
    spells = [
        (
            symbol,
            date(2016, 12, 1) if symbol in late else date(2010, 1, 4),
            date(2016, 12, 1) if symbol in gone else None,
            symbol,
        )
        for symbol in MARKET.tickers()
    ]
    companies = [(s, s, sector, None, None) for s, sector in MARKET.sectors().items()]
    return Universe(
        pl.DataFrame(spells, schema=SPELL_SCHEMA, orient="row"),
        pl.DataFrame(companies, schema=SECTOR_SCHEMA, orient="row"),
        "test",
        datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return MARKET.bars()


def test_an_index_that_never_changes_has_no_bias(bars: pl.DataFrame) -> None:
    month, quarter = bias_report(bars, universe_without(set(), set()), START, END, RULES)

    assert (month.months, quarter.months) == (1, 3)
    assert (month.scans, quarter.scans) == (8, 4)
    assert month.sessions == quarter.sessions == 169
    assert (month.bias, month.t, month.other_picks, month.not_yet) == (0.0, 0.0, 0.0, 0.0)
    assert month.coverage == 1.0


def test_the_sharpe_ratio_is_that_of_equal_weights(bars: pl.DataFrame) -> None:
    rules = ScanRules(per_sector=4, lookback=60, min_dollar_volume=0.0, risk_free_rate=0.02)

    month, _ = bias_report(bars, universe_without(set(), set()), START, END, rules)

    close = bars["close"].to_numpy().reshape(44, -1)
    dates = bars["ts"].dt.date().to_numpy().reshape(44, -1)[0, 1:]
    daily = (close[:, 1:] / close[:, :-1] - 1).mean(axis=0)
    held = daily[(dates >= np.datetime64(START)) & (dates <= np.datetime64(END))] - 0.02 / 252
    assert month.sharpe_then == pytest.approx(held.mean() / held.std(ddof=1) * 252**0.5, rel=1e-9)


def test_a_list_of_survivors_is_found_to_flatter(bars: pl.DataFrame) -> None:
    close = bars["close"].to_numpy().reshape(44, -1)
    order = np.argsort(close[:, 270] / close[:, 100])
    names = np.array(sorted(MARKET.tickers()))
    losers, winners = set(names[order[:11]]), set(names[order[-11:]])

    month, quarter = bias_report(bars, universe_without(losers, winners), START, END, RULES)

    assert month.bias == month.sharpe_today - month.sharpe_then
    assert month.bias > 0.5
    assert quarter.bias > 0.5
    assert month.t > 1.0
    assert 0.1 < month.not_yet <= month.other_picks <= 1.0


def test_days_without_a_session_are_refused(bars: pl.DataFrame) -> None:
    with pytest.raises(DataError, match="no session from 2016-07-02 to 2016-07-04"):
        bias_report(bars, universe_without(set(), set()), date(2016, 7, 2), date(2016, 7, 4), RULES)


@pytest.mark.skipif(not DATA.exists(), reason="no real bars in ../shared")
def test_on_the_real_bars_todays_list_flatters() -> None:
    universe = universe_from_files(DATA / "membership.parquet", DATA / "constituents.parquet")
    bars = pl.read_parquet(DATA / "daily.parquet").with_columns(
        pl.col("ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        pl.col("close").cast(pl.Float64),
    )

    month, _ = bias_report(
        bars, universe, date(2018, 1, 2), date(2018, 6, 29), today=date(2023, 12, 29)
    )

    assert (month.scans, month.sessions) == (6, 125)
    assert 0.8 < month.coverage < 0.9
    assert month.not_yet > 0.1
