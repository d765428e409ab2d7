import polars as pl
import pytest

from features import SimulatedMarket
from features.bars.rebase import PriceRatio, price_ratio


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return SimulatedMarket(symbols=1, sessions=60, interval="1d").bars()


def scaled(bars: pl.DataFrame, factor: float) -> pl.DataFrame:
    return bars.with_columns(pl.col("close") * factor)


def test_the_same_bars_have_the_ratio_one(bars):
    assert price_ratio(bars, bars[20:]) == PriceRatio(40, 1.0, 1.0)
    assert not price_ratio(bars, bars).rebased


@pytest.mark.parametrize("factor", [0.1, 0.98, 0.995, 1.02, 4.0])
def test_a_factor_is_found_on_the_common_bars(bars, factor):
    found = price_ratio(bars[:40], scaled(bars[20:], factor))

    assert (found.bars, found.steady) == (20, 1.0)
    assert found.median == pytest.approx(factor, rel=1e-12)
    assert found.rebased


def test_rounding_to_cents_is_no_rebase_and_one_corrected_bar_neither(bars):
    cents = bars.with_columns(pl.col("close").round(2))
    corrected = pl.concat([scaled(bars[:1], 1.3), bars[1:]])

    assert not price_ratio(bars, cents).rebased
    assert price_ratio(bars, corrected) == PriceRatio(60, 1.0, 59 / 60)


def test_another_series_has_no_steady_ratio(bars):
    found = price_ratio(bars, bars.with_columns(pl.col("close").shuffle(seed=1)))

    assert found.steady < 0.2
    assert not found.rebased


def test_series_without_a_common_bar_say_so(bars):
    assert price_ratio(bars[:20], bars[20:]) == PriceRatio(0, 1.0, 0.0)
