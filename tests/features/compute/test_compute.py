"""`compute_features`: kinds of frames, order of rows, first bars, bad bars."""

import polars as pl
import pytest

from cluster.errors import DataError
from features.bench.bench_features import random_walks
from features.compute.catalog import FeatureSet, feature_names
from features.compute.compute import compute_features


@pytest.fixture
def bars() -> pl.DataFrame:
    return random_walks(3, 120, seed=1)


def test_a_frame_has_both_keys_and_float_columns_in_order(bars: pl.DataFrame) -> None:
    features = compute_features(bars)

    assert features.columns == ["symbol", "ts", *feature_names()]
    assert set(features.dtypes[2:]) == {pl.Float64}
    assert features.select("symbol", "ts").equals(bars.select("symbol", "ts"))


def test_a_lazy_frame_stays_lazy_and_collects_to_the_same(bars: pl.DataFrame) -> None:
    lazy = compute_features(bars.lazy())

    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect_schema() == compute_features(bars).schema
    assert lazy.collect().equals(compute_features(bars))


def test_a_lazy_frame_is_computed_before_it_is_filtered(bars: pl.DataFrame) -> None:
    last = bars["ts"].max()

    filtered = compute_features(bars.lazy()).filter(pl.col("ts") == last).select("roc_20").collect()

    assert filtered.equals(compute_features(bars).filter(pl.col("ts") == last).select("roc_20"))


def test_rows_in_any_order_are_sorted_first(bars: pl.DataFrame) -> None:
    shuffled = bars.sample(fraction=1.0, shuffle=True, seed=3)

    assert compute_features(shuffled).equals(compute_features(bars))
    assert compute_features(bars.sort("ts", "symbol")).equals(compute_features(bars))


def test_float32_bars_dates_and_further_columns_are_taken(bars: pl.DataFrame) -> None:
    days = bars.with_columns(
        pl.date_range(pl.date(2020, 1, 1), pl.date(2020, 4, 29)).over("symbol").alias("ts"),
        pl.col("open", "high", "low", "close").cast(pl.Float32),
        source=pl.lit("somewhere"),
    )

    features = compute_features(days)

    assert features.schema["ts"] == pl.Date
    assert features.schema["roc_5"] == pl.Float64
    assert "source" not in features.columns


def test_what_does_not_exist_yet_is_zero(bars: pl.DataFrame) -> None:
    first = compute_features(bars).filter(pl.int_range(pl.len()).over("symbol") < 5)

    assert (first["roc_5"] == 0.0).all()
    assert (first["risk_adjusted_roc_100"] == 0.0).all()
    assert first.select(pl.col(feature_names()).is_finite().all()).row(0) == (True,) * len(
        FeatureSet.of("v6").columns
    )


def test_no_bars_yield_no_rows(bars: pl.DataFrame) -> None:
    features = compute_features(bars.clear())

    assert features.height == 0
    assert features.columns == ["symbol", "ts", *feature_names()]


def test_two_bars_at_one_time_are_refused(bars: pl.DataFrame) -> None:
    twice = pl.concat([bars, bars.filter(pl.col("symbol") == "W0001").slice(7, 1)])

    with pytest.raises(DataError, match=r"W0001 has two bars at 2020-01-01 07:00") as refusal:
        compute_features(twice)

    assert "next:" in str(refusal.value)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 0.0])
def test_a_bad_price_is_refused_with_symbol_bar_and_column(
    bars: pl.DataFrame, value: float | None
) -> None:
    spoilt = (pl.col("symbol") == "W0002") & (pl.int_range(pl.len()).over("symbol") == 30)
    bad = bars.with_columns(close=pl.when(spoilt).then(value).otherwise(pl.col("close")))

    with pytest.raises(DataError, match=r"W0002") as refusal:
        compute_features(bad)

    assert "2020-01-02 06:00" in refusal.value.what
    assert refusal.value.next_command


def test_missing_columns_are_named(bars: pl.DataFrame) -> None:
    for incomplete in (bars.drop("high", "volume"), bars.lazy().drop("high", "volume")):
        with pytest.raises(DataError, match="no high, volume"):
            compute_features(incomplete)


def test_a_negative_volume_is_refused(bars: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=r"volume of W0000 at 2020-01-01 00:00.* is -1\.0"):
        compute_features(bars.with_columns(volume=-1.0))


def test_prices_of_absurd_sizes_are_refused_not_laundered(bars: pl.DataFrame) -> None:
    odd = (pl.int_range(pl.len()) % 2 == 0).over("symbol")
    prices = pl.col("open", "high", "low", "close")

    absurd = bars.with_columns(pl.when(odd).then(prices * 1e150).otherwise(prices * 1e-150))

    with pytest.raises(DataError, match="orders of magnitude"):
        compute_features(absurd)


def test_bench_walks_are_valid_bars() -> None:
    bars = random_walks(4, 50)

    assert bars.select(pl.col("high") >= pl.max_horizontal("open", "close")).to_series().all()
    assert bars.select(pl.col("low") <= pl.min_horizontal("open", "close")).to_series().all()
    assert bars.equals(bars.sort("symbol", "ts"))
