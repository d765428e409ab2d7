"""One spelling of a symbol: what is a US stock, and what is left alone."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.errors import DataError
from features import check_bars, split_bad
from features.bars.symbols import canonical, canonical_symbols, dotted, spellings
from features.simulated.simulated import SimulatedMarket
from train.scenarios.sections import Data


@pytest.mark.parametrize("spelt", ["BRK.B", "BRK/B", "BRK B", "BRK_B", "BRK-B", "brk.b", "Brk-b"])
def test_every_spelling_of_a_class_is_the_same_symbol(spelt):
    assert canonical(spelt) == "BRK-B"
    assert dotted(canonical(spelt)) == "BRK.B"


@pytest.mark.parametrize(
    ("spelt", "symbol"), [("aapl", "AAPL"), ("BAC.PRA", "BAC-PRA"), ("V", "V")]
)
def test_stocks_are_written_in_capitals(spelt, symbol):
    assert canonical(spelt) == symbol


@pytest.mark.parametrize(
    "symbol",
    [
        *("BTC/USD", "btc-usd", "ES=F", "^GSPC", "7203.T", "SIMK01", "Energy/1", "Energy/12"),
        *("a b", "", "nan", "None", "null", "../../x", "; drop", "AAPL.US"),
    ],
)
def test_what_is_no_us_stock_stays_as_it_is(symbol):
    assert canonical(symbol) == dotted(symbol) == symbol


@given(st.text("ABab.-/_ 1=^", max_size=9))
def test_a_spelling_is_settled_at_once(symbol):
    assert canonical(canonical(symbol)) == canonical(symbol)
    assert canonical(dotted(canonical(symbol))) == canonical(symbol)


def test_of_symbols_that_differ_by_case_only_the_first_is_respelt():
    found = spellings(["aapl", "AAPL", "msft", "BRK.B", "BRK-B", "bf.b", "BF/B"])

    assert found == {"msft": "MSFT", "BRK.B": "BRK-B", "bf.b": "bf-b", "BF/B": "BF-B"}
    assert canonical_symbols(["msft", "BRK.B", "MSFT", "BRK-B"]) == ("MSFT", "BRK-B")


def renamed(names: dict[str, str]) -> pl.DataFrame:
    bars = SimulatedMarket(symbols=3, sessions=4, interval="1d").bars()
    old = sorted(bars["symbol"].unique())
    return bars.with_columns(pl.col("symbol").replace(dict(zip(old, names, strict=True))))


def test_bars_get_the_one_spelling_where_they_are_checked():
    assert check_bars(renamed(["BRK.B", "bf/b", "V"]), origin="x").symbols == ("BF-B", "BRK-B", "V")
    given = renamed(["BRK.B", "bf/b", "V"]).cast({"symbol": pl.Categorical})
    assert check_bars(given, origin="x").symbols == ("BF-B", "BRK-B", "V")


def test_two_cases_of_one_symbol_are_still_refused():
    for names in (["AAPL", "aapl", "V"], ["BRK-B", "brk.b", "V"]):
        with pytest.raises(DataError, match=f"symbol differs from {names[0]} only by case"):
            check_bars(renamed(names), origin="x")
        good, bad = split_bad(renamed(names))
        assert good.symbols == (names[0], "V")
        assert bad.height == 4


def test_a_scenario_names_symbols_as_bars_have_them():
    assert Data(tickers=("BRK.B", "spy")).tickers == ("BRK-B", "SPY")
    with pytest.raises(ValueError, match="named twice: BRK-B"):
        Data(tickers=("BRK.B", "BRK-B"))
