from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cluster.errors import DataError
from features import (
    SimulatedMarket,
    aligned_table,
    compute_features,
    feature_names,
    read_bars,
    warmup_bars,
)
from features.bars.sessions import session_dates
from features.compute.catalog import FeatureSet
from places import DATA

WARMUP = warmup_bars("v6")
SESSIONS = WARMUP // 7 + 12
MATRICES = ("open", "high", "low", "close", "volume", "volatility", "tradable", "features")


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=3, sessions=SESSIONS, seed=1).bars()


@pytest.fixture(scope="module")
def table(bars):
    return aligned_table(bars)


def without(bars: pl.DataFrame, symbol: str, rows: slice) -> pl.DataFrame:
    """The bars less some of one symbol, `rows` counting its own bars."""
    number = pl.int_range(pl.len()).over("symbol")
    inside = (number >= rows.start) & (number < rows.stop)
    return bars.filter(~((pl.col("symbol") == symbol) & inside))


def test_shapes_and_types_are_those_of_the_contract(table, bars):
    bars_count = bars.height // 3
    names = feature_names("v6")

    assert table.ts.shape == table.session.shape == (bars_count,)
    assert table.ts.dtype == "datetime64[us]"
    assert table.session.dtype == np.int64
    assert table.symbols == ("SIMB01", "SIMC01", "SIME01")
    assert table.feature_names == names
    for name in ("open", "high", "low", "close", "volume", "volatility"):
        assert getattr(table, name).shape == (bars_count, 3)
        assert getattr(table, name).dtype == np.float64
    assert table.tradable.dtype == bool
    assert table.features.shape == (bars_count, 3, len(names))
    assert table.features.dtype == np.float32
    assert np.isfinite(table.features).all()
    assert np.abs(table.features).max() <= 10.0


def test_every_bar_is_where_its_time_and_symbol_say(table, bars):
    for a, symbol in enumerate(table.symbols):
        own = bars.filter(pl.col("symbol") == symbol)
        assert (table.ts == own["ts"].dt.replace_time_zone(None).to_numpy()).all()
        for column in ("open", "high", "low", "close"):
            assert (getattr(table, column)[:, a] == own[column].to_numpy()).all()


def test_a_bar_is_tradable_when_its_features_are_warm(table):
    assert not table.tradable[:WARMUP].any()
    assert table.tradable[WARMUP:].all()
    assert not table.features[:WARMUP].any()
    assert not table.volume[:WARMUP].any()
    assert (table.volume[WARMUP:] > 0).all()


def test_features_are_the_raw_columns_over_their_scale(table, bars):
    raw = compute_features(bars)
    for f, (name, scale) in enumerate(
        zip(table.feature_names, FeatureSet.of("v6").scales, strict=True)
    ):
        expected = np.clip(raw[name].to_numpy().reshape(3, -1).T / scale, -10, 10)
        assert table.features[WARMUP:, :, f] == pytest.approx(expected[WARMUP:], rel=1e-6, abs=1e-6)


def test_sessions_are_those_of_the_exchange(table):
    dates = table.ts.astype("datetime64[D]")

    assert (session_dates(table.session) == dates).all()
    assert (np.diff(table.session) >= 0).all()


def test_volatility_is_the_deviation_of_the_last_20_returns(table):
    returns = np.diff(np.log(table.close[:, 1]))

    for t in (20, 21, 100, len(returns)):
        assert table.volatility[t, 1] == pytest.approx(returns[t - 20 : t].std(ddof=1), rel=1e-9)
    assert (table.volatility[:20] == 0).all()


def test_prices_are_carried_where_a_symbol_has_no_bar(bars, table):
    gap = slice(WARMUP + 5, WARMUP + 9)

    holed = aligned_table(without(bars, "SIMC01", gap))

    assert (holed.ts == table.ts).all()
    assert (~holed.tradable[gap, 1]).all()
    assert holed.tradable[gap, [0]].all()
    last = table.close[gap.start - 1, 1]
    for column in ("open", "high", "low", "close"):
        assert (getattr(holed, column)[gap, 1] == last).all()
    assert (holed.volume[gap, 1] == 0).all()
    assert (holed.volatility[gap, 1] == table.volatility[gap.start - 1, 1]).all()
    assert not holed.features[gap, 1].any()
    assert holed.tradable[gap.stop, 1]


def test_symbols_are_aligned_by_time_and_never_by_row(bars, table):
    holed = aligned_table(without(bars, "SIMC01", slice(40, 45)))

    assert (holed.close[45:] == table.close[45:]).all()
    assert (holed.tradable[:, 0] == table.tradable[:, 0]).all()
    # five bars fewer: warm five bars later
    assert not holed.tradable[: WARMUP + 5, 1].any()
    assert holed.tradable[WARMUP + 5 :, 1].all()


def test_a_symbol_listed_later_has_no_price_before(bars):
    late = aligned_table(without(bars, "SIME01", slice(0, 30)))

    assert (late.close[:30, 2] == 0).all()
    assert (late.open[:30, 2] == 0).all()
    assert (late.close[30:, 2] > 0).all()
    assert not late.tradable[: WARMUP + 30, 2].any()


def test_bars_outside_the_session_do_not_count(bars, table):
    early = bars.with_columns(pl.col("ts") - timedelta(hours=10), close=pl.col("low"))

    mixed = aligned_table(pl.concat([bars, early]).sort("symbol", "ts"))

    assert (mixed.ts == table.ts).all()
    for name in MATRICES:
        assert (getattr(mixed, name) == getattr(table, name)).all()


def test_after_hours_bars_at_midnight_utc_are_no_daily_bars(bars, table):
    midnight = bars.gather_every(7)
    midnight = midnight.with_columns(pl.col("ts").dt.truncate("1d")).unique(["symbol", "ts"])

    mixed = aligned_table(pl.concat([bars, midnight]).sort("symbol", "ts"))

    assert (mixed.ts == table.ts).all()
    assert (mixed.features == table.features).all()


def test_symbols_come_in_the_order_asked_for(bars, table):
    chosen = aligned_table(bars, symbols=("SIME01", "SIMB01"))

    assert chosen.symbols == ("SIME01", "SIMB01")
    assert (chosen.close == table.close[:, [2, 0]]).all()
    assert (chosen.features == table.features[:, [2, 0]]).all()


def test_the_order_of_rows_does_not_matter(bars, table):
    shuffled = bars.sort("ts", "symbol", descending=[False, True])

    assert (aligned_table(shuffled).features == table.features).all()


@pytest.mark.parametrize("cut", [WARMUP + 1, WARMUP + 8, WARMUP + 40])
def test_cutting_the_future_changes_nothing_before(bars, table, cut):
    end = table.ts[cut - 1]

    past = aligned_table(bars.filter(pl.col("ts").dt.replace_time_zone(None) <= end))

    assert len(past.ts) == cut
    for name in MATRICES:
        assert (getattr(past, name) == getattr(table, name)[:cut]).all(), name


def test_another_future_changes_nothing_before(bars, table):
    cut = WARMUP + 20
    start = pl.lit(table.ts[cut]).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    later = pl.col("ts") >= start
    crash = [
        pl.when(later).then(pl.col(c) * 0.3).otherwise(pl.col(c))
        for c in ("open", "high", "low", "close")
    ]

    other = aligned_table(bars.with_columns(crash))

    for name in MATRICES:
        assert (getattr(other, name)[:cut] == getattr(table, name)[:cut]).all(), name
    assert (other.close[cut:] != table.close[cut:]).all()


def test_daily_bars_stamped_at_any_hour_have_one_row_a_session():
    bars = SimulatedMarket(symbols=2, sessions=WARMUP + 5, interval="1d").bars()
    stamped = bars.with_columns(pl.col("ts") + timedelta(hours=5))  # midnight in New York

    table, same = aligned_table(bars), aligned_table(stamped)

    assert len(table.ts) == WARMUP + 5
    assert (np.diff(table.session) == 1).all()
    assert (same.ts == table.ts).all()
    assert (same.features == table.features).all()


def test_a_symbol_with_too_short_a_history_is_named(bars):
    short = without(bars, "SIMC01", slice(0, bars.height // 3 - 50))

    with pytest.raises(DataError, match="SIMC01 has no usable bar") as caught:
        aligned_table(short)

    assert caught.value.why == f"it has 50 session bars, and the features need {WARMUP} to warm up"
    assert "leave SIMC01 out" in caught.value.next_command


def test_a_symbol_without_bars_is_named(bars):
    with pytest.raises(DataError, match="no bars for NVDA, XLK"):
        aligned_table(bars, symbols=("SIMB01", "XLK", "NVDA"))


def test_bars_of_the_night_only_are_refused(bars):
    night = bars.with_columns(pl.col("ts") + timedelta(hours=9))

    with pytest.raises(DataError, match="no bar starts inside a session"):
        aligned_table(night)


def test_a_bad_bar_is_refused(bars):
    bad = bars.with_columns(
        close=pl.when(pl.int_range(pl.len()) == 7).then(None).otherwise("close")
    )

    with pytest.raises(DataError, match="SIMB01 at 2016-01-05 14:30 UTC"):
        aligned_table(bad)


def test_real_hourly_bars_start_at_ten_and_are_tradable_once_warm():
    path = DATA / "hourly.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    start = datetime(2023, 9, 1, tzinfo=UTC)
    bars = read_bars(path).filter(pl.col("ts") >= start)

    table = aligned_table(bars)

    local = pl.Series(table.ts).dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    assert local.dt.hour().unique().sort().to_list() == [10, 11, 12, 13, 14, 15]
    assert table.features.shape[1] == 20
    assert table.tradable[-1].all()
    assert (table.close[table.tradable] > 0).all()
