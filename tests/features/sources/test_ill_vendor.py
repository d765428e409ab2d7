"""A vendor that is ill in every way and gets well: the lake ends as the truth, or it is said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import Lake
from features.bars.schema import BAR_SCHEMA
from features.bars.sessions import midnight, session_dates, sessions_between
from features.sources.fetch import Fetcher, FetchRequest
from features.sources.fetch_result import FetchResult
from features.sources.http.errors import SourceDown
from features.sources.protocol import Fetched

START = datetime(2024, 1, 2, tzinfo=UTC)
DAYS = session_dates(sessions_between(date(2024, 1, 2), date(2024, 3, 8))).tolist()
FAULTS = (
    *("down", "lags", "cut front", "cut back", "holes", "nulls", "empty", "repeats", "mislabels"),
    *("other interval", "text", "provisional", "split late"),
)


@dataclass
class IllVendor:
    """Bars of AAA, daily or hourly, with a 4:1 split on `split`, and a fault a fetch.

    Args:
        interval: Of its bars.
        split: The session that first trades after it.
    """

    interval: str
    split: date
    name: str = "ill"
    delay: timedelta = timedelta(0)
    fault: str = ""
    now: datetime = START
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def batches(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> list[list[str]]:
        return [list(symbols)]

    def truth(self, start: datetime, end: datetime, known: date | None = None) -> pl.DataFrame:
        """Bars of [start, end), on the basis of `known`: that of today."""
        known = known or self.now.date()
        rows = []
        for number, day in enumerate(DAYS):
            hours = [0] if self.interval == "1d" else range(14, 21)
            for hour in hours:
                ts = midnight(day) + timedelta(hours=hour)
                price = 100.0 + number + hour / 100
                rebased = day < self.split <= known
                price, shares = (price / 4, 4) if rebased or day >= self.split else (price, 1)
                values = price, price * 1.01, price * 0.99, price * 1.005, 1000.0 * shares + number
                rows.append(("AAA", ts, *values))
        bars = pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row")
        return bars.filter(pl.col("ts").is_between(start, end, closed="left"))

    def fetch(
        self, symbols: Sequence[str], interval: str, start: datetime, end: datetime
    ) -> Fetched:
        if self.fault == "down":
            raise SourceDown(self.name, "down")
        late = self.split - timedelta(days=1) if self.fault == "split late" else None
        bars = self._with_fault(self.truth(start, end, late))
        return Fetched(bars, "split", self.now, {})

    def _with_fault(self, bars: pl.DataFrame) -> pl.DataFrame:
        row, count = pl.int_range(pl.len()), bars.height
        last = row == count - 1
        prices = pl.col("open", "high", "low", "close")
        if self.fault == "nulls":
            return bars.with_columns(pl.when(row % 5 != 3).then(pl.exclude("symbol", "ts")))
        if self.fault == "text":
            return bars.with_columns(pl.when(row % 4 != 1).then("close"))
        if self.fault == "provisional":
            worse = prices * 1.002
            return bars.with_columns(pl.when(last).then(worse).otherwise(prices)).with_columns(
                pl.when(last).then(7.0).otherwise("volume").alias("volume")
            )
        shown = {
            "lags": bars.head(max(0, count - 3)),
            "cut front": bars.tail(count - count // 3),
            "cut back": bars.head(count - count // 3),
            "holes": bars.filter(row % 6 != 2),
            "empty": bars.clear(),
            "repeats": pl.concat([bars.head(count // 2), bars.head(count // 2)]),
            "mislabels": bars.with_columns(symbol=pl.lit("ZZZ")),
            "other interval": bars.filter(row % 7 == 0),
        }
        return shown.get(self.fault, bars)


def check(vendor: IllVendor, steps: list[tuple[int, str]]) -> None:
    """Fetch at growing times, each with a fault, and look at the lake after each."""
    with TemporaryDirectory() as folder:
        lake = Lake(Path(folder))
        day = 10
        for days, fault in [*steps, (1, "")]:
            day = min(len(DAYS) - 1, day + days)
            vendor.now, vendor.fault = midnight(DAYS[day]) + timedelta(hours=22), fault
            result = fetch(lake, vendor)
            stored = bars_of(lake, vendor.interval)
            expected = vendor.truth(START, result.window[1])
            lacking = expected.join(stored, on="ts", how="anti")["ts"].dt.date().unique()
            outcome = result.outcomes["AAA"]
            noted = any("it was not traded then" in note for note in outcome.notes)
            assert set(lacking) <= set(outcome.lacking) or noted or stored.is_empty()
            assert result.complete <= (lacking.is_empty() or noted)
        assert result.complete
        assert stored.equals(expected)


def fetch(lake: Lake, vendor: IllVendor) -> FetchResult:
    fetcher = Fetcher(lake, [vendor], now=lambda: vendor.now)
    return fetcher.fetch(FetchRequest(("AAA",), vendor.interval, START))


def bars_of(lake: Lake, interval: str) -> pl.DataFrame:
    if not lake.blocks(interval):
        return pl.DataFrame(schema=BAR_SCHEMA)
    return lake.scan(interval).select(list(BAR_SCHEMA)).collect()


STEPS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(FAULTS)), max_size=5)
SPLITS = st.sampled_from(DAYS[5:45:5])


@settings(max_examples=8, deadline=None)
@given(interval=st.sampled_from(["1d", "1h"]), split=SPLITS, steps=STEPS)
def test_a_vendor_that_gets_well_leaves_the_lake_as_the_truth(interval, split, steps):
    check(IllVendor(interval, split), steps)


@pytest.mark.parametrize(("interval", "fault"), zip(["1d", "1h"] * 7, FAULTS, strict=False))
def test_every_fault_once_before_and_once_after_a_good_day(interval, fault):
    check(IllVendor(interval, DAYS[22]), [(0, fault), (5, ""), (3, fault), (4, fault)])


@pytest.mark.chaos
@settings(max_examples=1500, deadline=None)
@given(interval=st.sampled_from(["1d", "1h"]), split=SPLITS, steps=STEPS)
def test_a_vendor_that_gets_well_at_length(interval, split, steps):
    check(IllVendor(interval, split), steps)
