"""Probes find a planted look-ahead, a forgotten warm-up, and nothing in the set itself."""

from datetime import datetime

import polars as pl
import pytest

from cluster.errors import ConfigError, DataError
from features.bench.bench_features import random_walks
from features.compute.compute import compute_features
from features.compute.probes import Compute, ProbeReport, probe_features


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return random_walks(5, 800, seed=4)


def planting(name: str, planted: pl.Expr) -> Compute:
    """The feature set with one more column, computed by symbol."""

    def compute(frame: pl.DataFrame) -> pl.DataFrame:
        ordered = frame.sort("symbol", "ts")
        column = ordered.select(planted.over("symbol").fill_null(0.0).alias(name))
        return compute_features(ordered).hstack(column)

    return compute


def found(report: ProbeReport) -> set[tuple[str, str]]:
    return {(violation.column, violation.kind) for violation in report.violations}


def test_the_feature_set_passes_every_probe(bars: pl.DataFrame) -> None:
    report = probe_features(bars, cuts=2)

    assert report.violations == ()
    assert report.probes == 5 * 2 * 3  # symbols, cuts, kinds


@pytest.mark.parametrize(
    "peek",
    [
        pl.col("close").shift(-1) / pl.col("close"),
        pl.col("close") / pl.col("close").mean(),
        pl.col("close").rank() / pl.len(),
        pl.col("close").rolling_mean(5, center=True) / pl.col("close"),
        (pl.col("close").shift(-3) > pl.col("close")).cast(pl.Float64),
    ],
    ids=["next close", "mean of all bars", "rank among all bars", "centred window", "flag"],
)
def test_a_planted_look_ahead_is_found(bars: pl.DataFrame, peek: pl.Expr) -> None:
    report = probe_features(bars, cuts=2, compute=planting("peek", peek))

    assert {"future cut", "future scrambled"} <= {v.kind for v in report.violations}
    assert {v.column for v in report.violations} == {"peek"}


def test_a_look_ahead_across_symbols_is_found(bars: pl.DataFrame) -> None:
    def compute(frame: pl.DataFrame) -> pl.DataFrame:
        level = pl.col("close").mean()  # of all symbols and bars
        return frame.select("symbol", "ts", share=pl.col("close") / level)

    report = probe_features(bars, cuts=2, compute=compute)

    assert ("share", "future cut") in found(report)
    assert {violation.symbol for violation in report.violations} == set(bars["symbol"])


def test_a_memory_longer_than_the_warmup_is_found(bars: pl.DataFrame) -> None:
    report = probe_features(bars, cuts=2, compute=planting("total", pl.col("volume").cum_sum()))

    assert found(report) == {("total", "past cut")}


def test_a_violation_says_where_and_how_much(bars: pl.DataFrame) -> None:
    peek = pl.col("close").shift(-1) - pl.col("close")

    report = probe_features(bars, cuts=1, compute=planting("peek", peek))

    violation = next(v for v in report.violations if v.kind == "future cut")
    of_symbol = bars.filter(pl.col("symbol") == violation.symbol)
    row = of_symbol["ts"].to_list().index(violation.ts)
    step = abs(of_symbol["close"][row + 1] - of_symbol["close"][row])
    assert isinstance(violation.ts, datetime)
    assert violation.difference == pytest.approx(step)


def test_lost_rows_are_a_violation(bars: pl.DataFrame) -> None:
    def compute(frame: pl.DataFrame) -> pl.DataFrame:
        kept = frame.filter(pl.int_range(pl.len()).over("symbol").reverse().over("symbol") > 0)
        return kept.select("symbol", "ts", level=pl.col("close"))

    report = probe_features(bars, cuts=1, compute=compute)

    assert ("level", "future cut") in found(report)


def test_many_symbols_are_thinned_out_evenly() -> None:
    report = probe_features(random_walks(9, 60), cuts=1, max_symbols=3)

    assert report.probes == 3 * 3


def test_a_symbol_that_ends_before_the_cut_is_not_counted_for_the_future(
    bars: pl.DataFrame,
) -> None:
    start = bars["ts"].min()
    early = (pl.col("symbol") != "W0000") | (pl.col("ts") < start + pl.duration(hours=20))

    report = probe_features(bars.filter(early), cuts=1)

    assert report.probes == 4 * 3
    assert report.violations == ()


def test_the_same_seed_finds_the_same(bars: pl.DataFrame) -> None:
    compute = planting("peek", pl.col("close").shift(-1))

    first = probe_features(bars, cuts=2, seed=7, compute=compute)
    again = probe_features(bars, cuts=2, seed=7, compute=compute)

    assert first == again
    assert first != probe_features(bars, cuts=2, seed=8, compute=compute)


def test_too_few_bars_are_refused() -> None:
    with pytest.raises(DataError, match="cannot cut 5 bar times in 4 places"):
        probe_features(random_walks(1, 5), cuts=4)


def test_an_unknown_set_is_refused(bars: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match="no feature set"):
        probe_features(bars, "v0")
