"""Corporate actions: merged by key, whole or absent, and read by symbol and day."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cluster.errors import DataError
from features.lake.actions import ACTION_SCHEMA, DIVIDEND, SPLIT, STORED_SCHEMA, ActionStore

FIRST = datetime(2024, 6, 11, 21, tzinfo=UTC)


def actions_of(*rows: tuple[object, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=ACTION_SCHEMA, orient="row")


NVDA = ("NVDA", date(2024, 6, 10), SPLIT, 10.0, None, None)
BRK = ("BRK.B", date(2010, 1, 21), SPLIT, 50.0, None, None)
PAID = ("NVDA", date(2024, 6, 11), DIVIDEND, None, 0.01, "USD")


@pytest.fixture
def store(tmp_path: Path) -> ActionStore:
    store = ActionStore(tmp_path / "lake")
    store.add(actions_of(NVDA, BRK, PAID), source="alpaca", retrieved=FIRST)
    return store


def test_nothing_is_there_before_the_first_write(tmp_path):
    store = ActionStore(tmp_path / "lake")

    assert store.actions().schema == STORED_SCHEMA
    store.add(actions_of(), source="alpaca", retrieved=FIRST)
    assert not (tmp_path / "lake").exists()


def test_actions_are_read_by_symbol_and_day(store):
    found = store.actions(["NVDA"], date(2024, 6, 10), date(2024, 6, 10))

    assert found.rows() == [(*NVDA, FIRST, "alpaca")]
    assert store.actions(["BRK/B"])["symbol"].to_list() == ["BRK-B"]
    assert store.actions(end=date(2024, 6, 10))["ratio"].to_list() == [50.0, 10.0]
    assert store.actions(start=date(2024, 6, 11))["amount"].to_list() == [0.01]


def test_the_later_write_of_a_source_wins_and_the_rest_stays(store):
    store.add(actions_of((*PAID[:4], 0.02, "USD")), source="alpaca", retrieved=FIRST + timedelta(1))

    assert store.actions()["amount"].to_list() == [None, None, 0.02]
    assert [path.name for path in store.files()] == ["alpaca.parquet"]


def test_of_two_sources_the_one_asked_last_is_believed(store):
    store.add(actions_of((*NVDA[:3], 9.0, None, None)), source="yahoo", retrieved=FIRST)
    assert store.actions(["NVDA"])["ratio"][0] == 9.0  # at the same time the last by name

    store.add(actions_of(NVDA), source="polygon", retrieved=FIRST + timedelta(1))

    found = store.actions(["NVDA"])
    assert found.select("ratio", "source").row(0) == (10.0, "polygon")
    assert found.height == 2


@pytest.mark.parametrize(
    "row",
    [
        ("A", date(2024, 1, 2), SPLIT, 0.0, None, None),
        ("A", date(2024, 1, 2), SPLIT, float("nan"), None, None),
        ("A", date(2024, 1, 2), SPLIT, None, 1.0, "USD"),
        ("A", date(2024, 1, 2), DIVIDEND, None, None, "USD"),
        ("A", date(2024, 1, 2), "spin-off", None, 1.0, "USD"),
        ("A", None, SPLIT, 2.0, None, None),
        (None, date(2024, 1, 2), SPLIT, 2.0, None, None),
    ],
)
def test_what_is_no_action_is_refused_and_nothing_is_written(store, row):
    with pytest.raises(DataError, match="no corporate action"):
        store.add(actions_of(NVDA, row), source="yahoo", retrieved=FIRST)

    assert [path.name for path in store.files()] == ["alpaca.parquet"]


def test_a_damaged_file_is_named(store):
    (path,) = store.files()
    path.write_bytes(path.read_bytes()[:-9])

    with pytest.raises(DataError, match="are damaged") as caught:
        store.actions()

    assert str(path) in caught.value.what
    assert caught.value.next_command == "ploutos data repair sets it aside"
