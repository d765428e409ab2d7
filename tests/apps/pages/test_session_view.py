"""A journal as the pages and the trade commands tell it."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.cli.readers import journal_paths, newest_bar, newest_journal, read_log, read_trials
from apps.pages.reference_curve import equal_weight
from apps.pages.session_view import ALIVE_WITHIN, view_session
from apps.pages.status_strip import age
from cluster.errors import BundleError
from cluster.settings import Home
from envs import Market
from trade.journal.journal import read_journal

NOW = datetime(2026, 11, 23, 20, tzinfo=UTC)


@pytest.fixture
def place(filled_home) -> Home:
    return Home(filled_home)


@pytest.fixture
def view(place):
    return view_session(newest_journal(place))


def test_the_counts_are_those_of_the_journal(view, place):
    records = read_journal(place.journal / "demo.jsonl")
    fills = [record for record in records if record.kind == "fill"]

    assert view.stages["fills"] == len(fills) == view.stages["orders"]
    assert sum(view.denials.values()) == view.stages["denials"]
    assert len(view.orders) == view.stages["orders"] + view.stages["denials"]


def test_money_adds_up(view):
    invested = sum(row["value"] for row in view.positions)

    assert view.equity == pytest.approx(view.summary["cash"] + invested)
    assert view.exposure == pytest.approx(invested / view.equity)
    assert view.profit == pytest.approx(view.equity - 100_000)
    assert view.profit_share == pytest.approx(view.profit / 100_000)


def test_drawdown_is_measured_from_the_highest_equity_so_far(view):
    highest = 0.0
    for row in view.curve:
        highest = max(highest, row["equity"])
        assert row["drawdown"] == pytest.approx(row["equity"] / highest - 1)


def test_newest_orders_come_first(view):
    stamps = [row["bar_ts"] for row in view.orders]

    assert stamps == sorted(stamps, reverse=True)


def test_a_session_that_stopped_writing_is_not_called_running(place):
    journal = place.journal / "demo.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    view = view_session(read_log(journal))
    written = view.log.last_written

    assert view.status(written + timedelta(seconds=1))[0] == "RUNNING"
    assert view.status(written + ALIVE_WITHIN + timedelta(seconds=1))[0] == "STOPPED"
    assert "--resume" in view.status(NOW + timedelta(days=9))[1]


def test_an_ended_session_stays_ended(view):
    assert view.status(NOW) == ("ENDED", "the session is over")


@pytest.mark.parametrize("cut", [1, 20, 300])
def test_a_torn_tail_is_left_out_and_told(place, cut):
    journal = place.journal / "demo.jsonl"
    whole = len(read_log(journal).records)
    journal.write_bytes(journal.read_bytes()[:-cut])

    log = read_log(journal)

    assert "torn" in log.fault
    assert whole - 3 <= len(log.records) < whole


def test_interior_damage_yields_no_records(place):
    journal = place.journal / "demo.jsonl"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)

    log = read_log(journal)

    assert log.records == ()
    assert "damaged at line" in log.fault
    assert view_session(log) is None


def test_an_empty_home_has_nothing_to_read(tmp_path):
    place = Home(tmp_path / "none")

    assert journal_paths(place) == []
    assert newest_journal(place) is None
    assert newest_bar(place) is None
    assert read_trials(place).table is None


def test_equal_weight_is_the_mean_growth_of_the_symbols(view, place):
    (folder,) = place.tables.iterdir()
    market = Market.load(folder)
    times = [datetime.fromisoformat(row["bar_ts"]) for row in view.curve]
    first, last = (
        market.ts.tolist().index(time.replace(tzinfo=None)) for time in (times[0], times[-1])
    )

    curve = equal_weight(place, view.summary["bundle_id"], times, 100_000.0)

    assert curve[0] == pytest.approx(100_000)
    growth = (market.close[last] / market.close[first]).mean()
    assert curve[-1] == pytest.approx(100_000 * growth)


def test_equal_weight_is_absent_where_the_market_does_not_cover_the_session(view, place):
    times = [datetime(2031, 1, 2, 14, 30, tzinfo=UTC)]
    bundle = view.summary["bundle_id"]

    assert equal_weight(place, bundle, times, 1.0) is None
    assert equal_weight(place, "another", times, 1.0) is None
    assert equal_weight(place, bundle, [], 1.0) is None


def test_a_bundle_is_found_by_the_first_digits_of_its_id(place):
    from apps.cli.readers import find_bundle

    (bundle,) = place.bundles.iterdir()

    assert find_bundle(place, None) == find_bundle(place, bundle.name[:4]) == bundle
    assert find_bundle(place, str(bundle)) == bundle
    with pytest.raises(BundleError, match="no bundle zzzz"):
        find_bundle(place, "zzzz")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 s"),
        (12, "12 s"),
        (360, "6 min"),
        (7300, "2 h"),
        (90_000, "25 h"),
        (400_000, "4 days"),
    ],
)
def test_ages_are_told_in_their_largest_unit(seconds, said):
    assert age(timedelta(seconds=seconds)) == said
