"""Whatever DuckDB answers, Polars holds without a loss: what it lacks is DuckDB's own text."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from features import Lake, SimulatedMarket


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    place = Lake(tmp_path_factory.mktemp("lake"))
    market = SimulatedMarket(symbols=1, sessions=5, interval="1h", seed=3)
    place.write(market.bars(), interval="1h", source="simulated")
    return place


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("interval '1 month 2 days'", "1 month 2 days"),
        ("[interval '1 day']", "[1 day]"),
        ("170141183460469231731687303715884105727::hugeint", 2**127 - 1),
        ("-170141183460469231731687303715884105727::hugeint", 1 - 2**127),
        ("sum(2)", 70),
        ("12345678901234567890.12::decimal(38, 2)", Decimal("12345678901234567890.12")),
        ("'6f2c8f5e-0000-4000-8000-000000000001'::uuid", "6f2c8f5e-0000-4000-8000-000000000001"),
        ("time '12:30'", time(12, 30)),
        ("'a\\x00'::blob", b"a\x00"),
        ("'0101'::bitstring", "0101"),
        ("[1, 2]", [1, 2]),
        ("{'a': 1, 'b': 'x'}", {"a": 1, "b": "x"}),
        ("map {'a': 1}", "{a=1}"),
        ("union_value(k := 1)", "1"),
        ("'a'::enum('a', 'b')", "a"),
        ("date '9999-12-31'", date(9999, 12, 31)),
        ("'290000-01-01'::date", "290000-01-01"),
        ("'infinity'::timestamp", "infinity"),
        ("timestamptz '2020-01-02 03:04+00'", datetime(2020, 1, 2, 3, 4, tzinfo=UTC)),
        ("null", None),
    ],
)
def test_every_type_has_a_value(lake: Lake, expression: str, value: Any) -> None:
    rows = lake.sql(f"select {expression} as a, count(*) as n from bars").to_dicts()

    assert rows == [{"a": value, "n": 35}]


def test_the_span_of_the_lake_is_told(lake: Lake) -> None:
    (row,) = lake.sql("select max(ts) - min(ts) as span from bars").to_dicts()

    assert row == {"span": "4 days 06:00:00"}


def test_a_name_that_comes_twice_gets_a_number(lake: Lake) -> None:
    found = lake.sql('select 1 a, 2 a, 3 a, 4 "[x]", 5 """" from bars limit 1')

    assert found.row(0) == (1, 2, 3, 4, 5)
    assert found.columns == ["a", "a_1", "a_2", "[x]", '"']
