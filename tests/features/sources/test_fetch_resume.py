"""However a lake was filled, in whatever pieces and after whatever end, it holds the same bars."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_fetch import START, Shop, day

from features import Lake
from features.bars.schema import BAR_COLUMNS
from places import ROOT
from servers import Reply

SYMBOLS = [f"S{n}" for n in range(6)]
WINDOWS = st.lists(
    st.tuples(st.integers(2, 28), st.integers(1, 12)).map(lambda w: (w[0], min(31, w[0] + w[1]))),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(windows=WINDOWS)
def test_pieces_in_any_order_make_the_same_series_as_one_fetch(vendors, tmp_path_factory, windows):
    pieces = Shop(vendors, Lake(tmp_path_factory.mktemp("pieces")))
    whole = Shop(vendors, Lake(tmp_path_factory.mktemp("whole")))
    asked = []
    for first, last in windows:
        start, end = day(first), day(last)
        if (end - start) > timedelta(days=4):  # some session lies within
            assert pieces.fetch("AAA BBB", start, end).complete
            asked += [start, end]
    if not asked:
        return

    assert whole.fetch("AAA BBB", min(asked), max(asked)).complete

    assert pieces.bars().select(BAR_COLUMNS).equals(whole.bars().select(BAR_COLUMNS))


FETCH = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from features import Lake
from features.sources.fetch import Fetcher, FetchRequest
from features.sources.polygon import PolygonSource
from features.sources.http.transport import Transport
from features.sources.protocol import Access
now = lambda: datetime(2024, 3, 1, 22, tzinfo=UTC)
transport = Transport("polygon", per_minute=1000)
source = PolygonSource("key", Access(sys.argv[2], transport, now))
request = FetchRequest(tuple(sys.argv[3:]), "1d", datetime(2024, 1, 8, tzinfo=UTC))
Fetcher(Lake(Path(sys.argv[1])), [source], now=now).fetch(request)
"""


def test_a_fetch_that_was_killed_is_finished_by_the_next_one(vendors, market, tmp_path):
    market.prices |= dict.fromkeys(SYMBOLS, 100.0)
    market.until = datetime(2024, 3, 2, tzinfo=UTC)
    answer = vendors.polygon.answer
    vendors.polygon.answer = lambda call: Reply(hang=True) if "/S4/" in call.path else answer(call)
    command = [sys.executable, "-c", FETCH, str(tmp_path / "lake"), vendors.polygon.url, *SYMBOLS]
    child = subprocess.Popen(command, cwd=ROOT)
    ends = time.monotonic() + 60
    while not any("/S4/" in call.path for call in vendors.polygon.calls):
        assert time.monotonic() < ends, "the fetch never came to the fifth symbol"
        time.sleep(0.01)
    child.kill()
    child.wait()
    vendors.polygon.answer = answer
    vendors.polygon.calls.clear()
    shop = Shop(vendors, Lake(tmp_path / "lake"))
    shop.names = ["polygon"]
    kept = shop.bars()["symbol"].unique().sort().to_list()

    result = shop.fetch(" ".join(SYMBOLS), START)

    assert kept == SYMBOLS[:4]
    assert result.complete
    assert {call.path.split("/")[4] for call in vendors.polygon.calls} == {"S4", "S5"}
    counts = shop.bars().group_by("symbol").agg(pl.len(), pl.col("ts").max())
    assert counts["len"].unique().len() == 1
    assert counts["ts"].unique().to_list() == [datetime(2024, 3, 1, tzinfo=UTC)]
