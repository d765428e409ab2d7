import subprocess
import sys
import threading
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.errors import DataError, PloutosError, UsageError
from features import Lake
from features.bars.schema import BAR_COLUMNS, BAR_SCHEMA
from places import ROOT

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)


def bars_of(symbols: str, hours: int = 5, close: float = 10.0) -> pl.DataFrame:
    rows = [
        (symbol, START + timedelta(hours=h), close, close + 1, close - 1, close, 100.0)
        for symbol in symbols.split()
        for h in range(hours)
    ]
    return pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row").sort("symbol", "ts")


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


def contents(lake: Lake, interval: str = "1h") -> pl.DataFrame:
    return lake.scan(interval).collect().select(BAR_COLUMNS)


def test_what_is_written_is_read_back_sorted_and_with_its_source(lake):
    bars = bars_of("AAA BBB CCC DDD EEE")

    lake.write(bars.reverse().sort("ts", maintain_order=True), interval="1h", source="file")

    found = lake.scan("1h").collect()
    assert found.select(BAR_COLUMNS).equals(bars)
    assert found.columns[7:] == ["source", "adjustment", "retrieved", "series"]
    assert found["source"].unique().to_list() == ["file"]


def test_a_lake_is_nothing_before_the_first_write(lake):
    assert not lake.root.exists()
    assert lake.status().height == 0
    for call in (lambda: lake.scan("1h"), lambda: lake.sql("select 1")):
        with pytest.raises(DataError) as caught:
            call()
        assert caught.value.next_command == "ploutos data import FILE"
    assert not lake.root.exists()


def test_the_layout_is_interval_source_block(lake):
    lake.write(bars_of("AAA"), interval="1h", source="file")

    (block,) = lake.root.glob("**/*.parquet")

    assert block.relative_to(lake.root) == Path("1h/file/block-07.parquet")


def test_a_later_write_wins_where_both_have_a_bar_and_adds_where_not(lake):
    lake.write(bars_of("AAA BBB", hours=3, close=10), interval="1h", source="file")
    lake.write(bars_of("BBB CCC", hours=4, close=20)[2:], interval="1h", source="file")

    found = contents(lake)

    assert found.filter(pl.col("symbol") == "AAA")["close"].to_list() == [10.0] * 3
    assert found.filter(pl.col("symbol") == "BBB")["close"].to_list() == [10.0, 10.0, 20.0, 20.0]
    assert found.filter(pl.col("symbol") == "CCC")["close"].to_list() == [20.0] * 4


def test_writing_the_same_bars_twice_changes_nothing(lake):
    lake.write(bars_of("AAA BBB"), interval="1h", source="file")
    before = {path: path.read_bytes() for path in lake.root.glob("**/*.parquet")}

    lake.write(bars_of("AAA BBB"), interval="1h", source="file")

    assert {path: path.read_bytes() for path in lake.root.glob("**/*.parquet")} == before


def test_sources_are_kept_apart(lake):
    lake.write(bars_of("AAA", close=10), interval="1h", source="file")
    lake.write(bars_of("AAA", close=20), interval="1h", source="simulated")

    both = lake.scan("1h").collect()

    assert both.height == 10
    assert both["source"].to_list()[:2] == ["file", "simulated"]
    assert lake.scan("1h", source="simulated").collect()["close"].unique().to_list() == [20.0]


def test_a_scan_selects_symbols_and_times(lake):
    bars = pl.concat(
        bars_of("AAA BBB CCC", hours=2).with_columns(pl.col("ts") + timedelta(days=d))
        for d in range(3)
    )
    lake.write(bars.sort("symbol", "ts"), interval="1h", source="file")

    found = lake.scan("1h", symbols=["CCC", "AAA"], start=date(2024, 1, 3), end=date(2024, 1, 3))

    assert found.collect()["symbol"].to_list() == ["AAA", "AAA", "CCC", "CCC"]
    new_york = datetime(2024, 1, 3, 9, 30, tzinfo=timezone(timedelta(hours=-5)))
    exact = lake.scan("1h", start=START + timedelta(hours=1), end=new_york)
    assert exact.collect().height == 6
    assert lake.scan("1h", symbols=["ZZZ"]).collect().height == 0


def test_daily_bars_are_kept_at_midnight_of_their_date(lake):
    stamped = bars_of("AAA", hours=1).with_columns(ts=pl.lit(datetime(2024, 1, 2, 5, tzinfo=UTC)))

    lake.write(stamped.cast(BAR_SCHEMA), interval="1d", source="file")
    lake.write(bars_of("AAA", hours=1), interval="1d", source="file")

    assert contents(lake, "1d")["ts"].to_list() == [datetime(2024, 1, 2, tzinfo=UTC)]


def test_bad_bars_never_reach_the_lake(lake):
    with pytest.raises(DataError, match="close is not positive"):
        lake.write(bars_of("AAA").with_columns(close=pl.lit(-1.0)), interval="1h", source="file")

    assert lake.status().height == 0


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "A", "x" * 33, "ä", "-x", "a\n"])
def test_no_name_leads_out_of_the_root(lake, name):
    with pytest.raises(UsageError):
        lake.write(bars_of("AAA"), interval="1h", source=name)
    with pytest.raises(UsageError):
        lake.write(bars_of("AAA"), interval=name, source="file")
    with pytest.raises(UsageError):
        lake.scan("1h/..", source="file")

    assert not lake.root.exists()


@pytest.mark.parametrize("symbol", ["a b", "../../../x", "; drop", "A" * 33])
def test_a_symbol_is_no_path(lake, symbol):
    with pytest.raises(DataError, match="symbol is not a ticker"):
        lake.write(bars_of("A").with_columns(symbol=pl.lit(symbol)), interval="1h", source="file")

    assert not lake.root.exists()


def test_a_class_has_one_spelling_and_a_pair_stays_a_pair(lake):
    lake.write(bars_of("BRK.B BTC/USD"), interval="1h", source="file")

    assert contents(lake)["symbol"].unique().sort().to_list() == ["BRK-B", "BTC/USD"]


def test_the_status_counts_symbols_bars_and_span(lake):
    lake.write(bars_of("AAA BBB"), interval="1h", source="file")
    lake.write(bars_of("AAA", hours=1), interval="1d", source="simulated")

    status = lake.status()

    assert status.rows() == [
        (
            "1d",
            "simulated",
            1,
            1,
            datetime(2024, 1, 2, tzinfo=UTC),
            datetime(2024, 1, 2, tzinfo=UTC),
            0,
            "as given",
            None,
        ),
        ("1h", "file", 2, 10, START, START + timedelta(hours=4), 0, "as given", None),
    ]
    assert status.columns[:6] == ["interval", "source", "symbols", "bars", "first", "last"]
    assert status.columns[6:] == ["joined", "adjustment", "retrieved"]


def test_sql_sees_all_bars_with_their_interval_and_source(lake):
    lake.write(bars_of("AAA BBB"), interval="1h", source="file")
    lake.write(bars_of("AAA", hours=1, close=7), interval="1d", source="simulated")

    rows = lake.sql(
        "select interval, source, symbol, count(*) n, sum(close) total, min(ts) first "
        "from bars group by all order by all"
    )

    assert rows.rows() == [
        ("1d", "simulated", "AAA", 1, 7.0, datetime(2024, 1, 2, tzinfo=UTC)),
        ("1h", "file", "AAA", 5, 50.0, START),
        ("1h", "file", "BBB", 5, 50.0, START),
    ]


def test_an_interval_of_time_is_text(lake):
    lake.write(bars_of("AAA"), interval="1h", source="file")

    found = lake.sql('select count(*) n, max(ts) - min(ts) as "a ""b" from bars group by symbol')

    assert found.columns == ["n", 'a "b']
    assert found.rows() == [(5, "04:00:00")]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("selct 1", "Parser Error"),
        ("select nope from bars", "Binder Error"),
        ("select 1; select 2", "it holds: SELECT, SELECT"),
        ("", "it holds: nothing"),
        ("drop view bars", "it holds: DROP"),
        ("copy bars to '{root}/x.csv'", "it holds: COPY"),
        ("set lock_configuration = false", "it holds: SET"),
        ("attach '{root}/x.db'", "it holds: ATTACH"),
        ("select * from read_text('/etc/hostname')", "Permission Error"),
        ("select * from '{root}/../secret.csv'", "Permission Error"),
        ("select symbol::int from bars", "Conversion Error"),
    ],
)
def test_sql_that_is_wrong_or_reaches_out_is_refused(lake, statement, why):
    lake.write(bars_of("AAA"), interval="1h", source="file")
    (lake.root.parent / "secret.csv").write_text("a\n1\n")

    with pytest.raises(UsageError) as caught:
        lake.sql(statement.format(root=lake.root))

    assert why in caught.value.why
    assert caught.value.exit_code == 2
    assert caught.value.next_command.startswith("ploutos data sql")
    assert sorted(path.name for path in lake.root.iterdir()) == ["1h"]


def test_a_root_with_a_quote_in_its_name_works(tmp_path):
    lake = Lake(tmp_path / "o'lake")
    lake.write(bars_of("AAA"), interval="1h", source="file")

    assert lake.sql("select count(*) n from bars")["n"].to_list() == [5]


def test_a_file_that_a_killed_writer_left_is_ignored(lake):
    lake.write(bars_of("AAA BBB"), interval="1h", source="file")
    (lake.root / "1h/file/.block-07.parquet.k3j2").write_bytes(b"PAR1 half of a block")

    lake.write(bars_of("CCC"), interval="1h", source="file")

    assert contents(lake)["symbol"].n_unique() == 3
    assert lake.status()["bars"].to_list() == [15]
    assert lake.sql("select count(*) n from bars")["n"].to_list() == [15]


def test_a_damaged_block_is_named(lake):
    lake.write(bars_of("AAA"), interval="1h", source="file")
    block = lake.root / "1h/file/block-07.parquet"
    block.write_bytes(block.read_bytes()[:-20])

    for call in (
        lambda: lake.write(bars_of("AAA"), interval="1h", source="file"),
        lambda: lake.scan("1h"),
        lake.status,
        lambda: lake.sql("select 1"),
    ):
        with pytest.raises(DataError) as caught:
            call()
        assert caught.value.what == f"lake block {block} is damaged"
        assert caught.value.next_command.startswith("ploutos data ")


def test_a_block_with_other_columns_is_named(lake):
    lake.write(bars_of("AAA"), interval="1h", source="file")
    pl.DataFrame({"a": [1]}).write_parquet(lake.root / "1h/file/block-07.parquet")

    with pytest.raises(DataError, match="it has the columns a"):
        lake.scan("1h")


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(PloutosError, match="cannot write") as caught:
        Lake(tmp_path / "file" / "lake").write(bars_of("AAA"), interval="1h", source="file")

    assert "PLOUTOS_HOME" in caught.value.next_command


def test_two_writers_of_one_source_lose_nothing(lake):
    symbols = [f"S{i}" for i in range(12)]

    writers = [
        threading.Thread(
            target=lake.write, args=(bars_of(s),), kwargs={"interval": "1h", "source": "file"}
        )
        for s in symbols
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert lake.status()["symbols"].to_list() == [12]
    assert lake.status()["bars"].to_list() == [60]


WRITER = """
import sys
from datetime import timedelta
from pathlib import Path
import polars as pl
from features import Lake
bars = pl.read_parquet(sys.argv[2])
lake = Lake(Path(sys.argv[1]))
for n in range(10_000):
    lake.write(bars.with_columns(close=pl.lit(10.0 + n % 2 / 2)), interval="1h", source="file")
    print(n, flush=True)
"""


def test_a_killed_writer_leaves_every_block_whole(lake, tmp_path):
    bars = bars_of(" ".join(f"S{i}" for i in range(40)), hours=40)
    bars.write_parquet(tmp_path / "bars.parquet")

    for writes in (1, 3):
        writer = start_writer(lake, tmp_path / "bars.parquet")
        assert writer.stdout is not None
        for _ in range(writes):
            writer.stdout.readline()
        writer.kill()
        writer.wait()
        writer.stdout.close()

        found = contents(lake)
        assert found.drop("close").equals(bars.drop("close"))
        assert set(found["close"]) <= {10.0, 10.5}
        lake.write(bars, interval="1h", source="file")  # the dead writer's lock is free
        assert contents(lake).equals(bars)


def start_writer(lake: Lake, bars: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(lake.root), str(bars)]
    root = ROOT
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


def test_readers_see_every_block_whole_while_two_processes_write(lake, tmp_path):
    """Both writers flip the close of their symbols; a reader finds each symbol on one side."""
    mine, theirs = (bars_of(" ".join(f"{x}{i}" for i in range(12)), hours=60) for x in "AB")
    for name, bars in (("mine", mine), ("theirs", theirs)):
        bars.write_parquet(tmp_path / name)
    writers = [start_writer(lake, tmp_path / name) for name in ("mine", "theirs")]
    try:
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        seen = [
            lake.sql(
                "SELECT symbol, count(*) n, min(close) low, max(close) high FROM bars GROUP BY 1"
            )
            for _ in range(10)
        ]
        scanned = [contents(lake) for _ in range(10)]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()

    for found in seen:
        assert found["n"].to_list() == [60] * 24
        assert (found["low"] == found["high"]).all()
        assert set(found["low"]) <= {10.0, 10.5}
    for bars in scanned:
        assert bars.height == 24 * 60
        assert (bars.group_by("symbol").agg(pl.col("close").n_unique())["close"] == 1).all()


WRITES = st.lists(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.integers(0, 5), st.integers(1, 99)),
        min_size=1,
        max_size=12,
        unique_by=lambda bar: bar[:2],
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=20, deadline=None)
@given(WRITES)
def test_the_lake_is_a_dictionary_by_symbol_and_time(tmp_path_factory, writes):
    lake = Lake(tmp_path_factory.mktemp("lake"))
    expected: dict[tuple[str, int], float] = {}

    for write in writes:
        rows = [
            (symbol, START + timedelta(hours=hour), price, price, price, price, 1.0)
            for symbol, hour, price in write
        ]
        bars = pl.DataFrame(rows, schema=BAR_SCHEMA, orient="row", strict=False)
        lake.write(bars.sort("ts"), interval="1h", source="file")
        expected |= {(symbol, hour): float(price) for symbol, hour, price in write}

    found = {
        (symbol, (ts - START) // timedelta(hours=1)): close
        for symbol, ts, close in contents(lake).select("symbol", "ts", "close").iter_rows()
    }
    assert found == expected
