"""The source of docs/how-to/source.md against a local server, and every registered one."""

import inspect
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

import servers
from cluster.errors import ConfigError
from cluster.settings import Settings
from features import Lake
from features.sources.configured import SOURCES, configured_sources
from features.sources.fetch import Fetcher, FetchRequest
from places import ROOT
from servers import Call, Reply, Vendor

PAGE = ROOT / "docs" / "how-to" / "source.md"
START, END = datetime(2024, 1, 8, tzinfo=UTC), datetime(2024, 1, 20, tzinfo=UTC)  # 9 sessions


@pytest.fixture(scope="module")
def tally() -> type:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    names: dict[str, type] = {"__name__": "features.sources.tally"}
    exec(compile(code, str(PAGE), "exec"), names)
    return names["TallySource"]


@pytest.fixture
def vendor(market: servers.Market) -> Iterator[Vendor]:
    def answer(call: Call) -> Reply:
        if call.headers.get("Authorization") != "Bearer key":
            return Reply(401, {"message": "who are you?"})
        start, end = (servers.utc(call.query[side]) for side in ("from", "to"))
        daily = market.daily(call.path.rpartition("/")[2], start, end)
        return Reply(document=[{"t": f"{day}T05:00:00Z", **bar} for day, bar in daily])

    with servers.serving(Vendor(answer)) as vendor:
        yield vendor


def test_the_source_of_the_page_fills_the_lake(tally, vendor, vendors, tmp_path):
    source, lake = tally("key", vendors.access("tally", vendor)), Lake(tmp_path / "lake")

    fetcher = Fetcher(lake, [source], now=lambda: vendors.now)
    result = fetcher.fetch(FetchRequest(("AAA", "BBB"), "1d", START, END))

    bars = lake.scan("1d", source="tally").collect()
    assert result.complete
    assert bars.group_by("symbol").len().sort("symbol").rows() == [("AAA", 9), ("BBB", 9)]
    assert bars.filter(pl.col("symbol") == "AAA")["open"].to_list() == [104.0 + n for n in range(9)]
    assert len(vendor.calls) == 2


def test_the_next_source_stands_in_when_that_of_the_page_is_down(tally, vendor, vendors, tmp_path):
    vendor.always = Reply(document=[{"another": "form"}])
    sources = [tally("key", vendors.access("tally", vendor)), vendors.alpaca_source()]

    fetcher = Fetcher(Lake(tmp_path / "lake"), sources, now=lambda: vendors.now)
    outcome = fetcher.fetch(FetchRequest(("AAA",), "1d", START, END)).outcomes["AAA"]

    assert (outcome.complete, outcome.series, outcome.bars) == (True, "alpaca", 9)
    assert outcome.reasons == {"tally": "its answer has another form than bars"}


def test_one_line_puts_the_source_into_the_order_of_failover(tally, monkeypatch, tmp_path):
    monkeypatch.setitem(SOURCES, "tally", tally)
    monkeypatch.delenv("TALLY_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)

    without = configured_sources(Settings(), tmp_path)
    with pytest.raises(ConfigError, match="tally needs a key"):
        configured_sources(Settings(), tmp_path, "tally")
    monkeypatch.setenv("TALLY_API_KEY", "key")
    alone = configured_sources(Settings(), tmp_path, "tally")

    assert without.skipped["tally"] == "it has no key (TALLY_API_KEY)"
    assert [source.name for source in alone.usable] == ["tally"]


def test_registered_sources_are_called_what_they_call_their_series():
    assert list(SOURCES) == ["alpaca", "yahoo", "polygon"]
    assert [source.name for source in SOURCES.values()] == list(SOURCES)


def test_the_page_names_what_is_there():
    text = PAGE.read_text()

    for path in set(re.findall(r"`((?:features|tests)/[\w/]+\.py)`", text)) - {
        "features/sources/tally.py"
    }:
        assert (ROOT / path).is_file(), path
    assert "SOURCES in `features/sources/configured.py`" in text
    for source in SOURCES.values():
        assert inspect.signature(source.fetch) == inspect.signature(SOURCES["yahoo"].fetch)
