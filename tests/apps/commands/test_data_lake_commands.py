"""`ploutos data status`, `export` and `remove` as a user calls them."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from features import BAR_COLUMNS, Lake, SimulatedMarket
from features.lake.actions import ACTION_SCHEMA, SPLIT, ActionStore

BARS = SimulatedMarket(symbols=3, sessions=30, interval="1h", seed=4).bars()
NAMES = sorted(BARS["symbol"].unique())
FETCHED = datetime(2024, 3, 1, 21, 30, tzinfo=UTC)


@pytest.fixture
def lake(home_root: Path) -> Lake:
    """Hourly bars of a vendor, and those of a file under another interval."""
    lake = Lake(home_root / "lake")
    lake.write(BARS, interval="1h", source="alpaca", adjustment="split", retrieved=FETCHED)
    daily = SimulatedMarket(symbols=2, sessions=5, interval="1d").bars()
    lake.write(daily, interval="1d", source="file")
    return lake


def contents(lake: Lake, interval: str = "1h", source: str | None = None) -> pl.DataFrame:
    return lake.scan(interval, source=source).select(BAR_COLUMNS).collect()


def test_the_status_says_what_prices_are_adjusted_for_and_as_of_when(ploutos, lake):
    row = (NAMES[0], date(2024, 1, 3), SPLIT, 4.0, None, None)
    actions = pl.DataFrame([row], schema=ACTION_SCHEMA, orient="row")
    ActionStore(lake.root).add(actions, source="yahoo", retrieved=FETCHED)

    document, text = ploutos("data", "status", "--json").document, ploutos("data", "status").stdout

    daily, hourly = document["lake"]
    assert [daily[n] for n in ("interval", "source", "symbols", "bars")] == ["1d", "file", 2, 10]
    assert (daily["adjustment"], daily["retrieved"]) == ("as given", None)
    assert (hourly["adjustment"], hourly["retrieved"]) == ("split", "2024-03-01T21:30:00+00:00")
    assert document["actions"][0]["splits"] == 1
    assert "split" in text
    assert "2024-03-01 21:30" in text


def test_the_status_has_a_row_a_symbol_when_asked(ploutos, lake):
    rows = ploutos("data", "status", "--symbols", "--json").document["symbols"]

    hourly = [row for row in rows if row["interval"] == "1h"]
    assert [row["symbol"] for row in hourly] == NAMES
    assert {row["bars"] for row in hourly} == {BARS.height // 3}


@pytest.mark.parametrize("name", ["bars.parquet", "bars [1]*.csv"])
def test_an_export_is_imported_as_the_same_bars(ploutos, lake, tmp_path, name):
    out = tmp_path / name

    exported = ploutos("data", "export", "--interval", "1h", "--out", out, "--json")
    assert ploutos("data", "import", out, "--source", "again").code == 0

    assert exported.document["bars"] == BARS.height
    assert contents(lake, source="again").equals(contents(lake, source="alpaca"))


def test_an_export_takes_symbols_and_days(ploutos, lake, tmp_path):
    out, day = tmp_path / "some.parquet", BARS["ts"].dt.date().unique().sort()[3]
    window = ("--start", day, "--end", day, "--out", out)

    outcome = ploutos("data", "export", NAMES[1].lower(), NAMES[1], "--interval", "1h", *window)
    assert outcome.code == 1  # SIMC01 is no ticker of a stock: its case is kept
    assert ploutos("data", "export", NAMES[1], "--interval", "1h", *window).code == 0

    found = pl.read_parquet(out)
    assert found["symbol"].unique().to_list() == [NAMES[1]]
    assert found["ts"].dt.date().unique().to_list() == [day]
    assert found.height == 7


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ((), 2, "--interval 1d --source file"),
        (("--interval", "5m"), 1, "no 5m bars"),
        (("NOPE", "--interval", "1h"), 1, "no bars of NOPE"),
        (("--interval", "1h", "--start", "2040-01-02"), 1, "no 1h alpaca bars in that window"),
        (("--interval", "1h", "--start", "soon"), 2, "no day"),
        (("--interval", "1h", "--out", "x.xlsx"), 2, "bars.parquet"),
    ],
)
def test_an_export_that_cannot_be_is_refused_with_a_way_on(
    ploutos, lake, tmp_path, args, code, said
):
    out = ("--out", tmp_path / "bars.parquet")
    outcome = ploutos("data", "export", *out, *args)

    assert outcome.code == code
    assert said.replace("bars.parquet", "x.parquet") in outcome.stderr
    assert not (tmp_path / "bars.parquet").exists()


def test_a_symbol_is_removed_and_put_back(ploutos, lake):
    before = contents(lake)

    asked = ploutos("data", "remove", NAMES[0])
    assert (asked.code, contents(lake).equals(before)) == (2, True)
    removed = ploutos("data", "remove", NAMES[0], "--series", "alpaca", "--yes", "--json")

    assert removed.document["removed"] == BARS.height // 3
    assert contents(lake)["symbol"].unique().sort().to_list() == NAMES[1:]
    assert ploutos("data", "repair", "--restore", "--yes").code == 0
    assert contents(lake).equals(before)


def test_a_series_is_removed_and_the_others_stay(ploutos, lake):
    assert ploutos("data", "remove", "--series", "file", "--yes").code == 0

    assert lake.status()["source"].to_list() == ["alpaca"]
    assert ploutos("data", "remove", "--series", "file", "--yes", "--json").document["removed"] == 0
    assert ploutos("data", "remove").code == 2
    assert ploutos("data", "remove", "NOPE", "--yes").code == 1
