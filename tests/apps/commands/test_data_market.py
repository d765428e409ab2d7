"""`ploutos data market` as a user calls it."""

from pathlib import Path

from features import SimulatedMarket


def test_the_market_of_the_lake_is_built_once(ploutos, tmp_path: Path, home_root: Path) -> None:
    file = tmp_path / "bars.parquet"
    SimulatedMarket(symbols=2, sessions=380, interval="1d").bars().write_parquet(file)
    assert ploutos("data", "import", file).code == 0

    first = ploutos("data", "market", "--json")
    again = ploutos("data", "market", "--json")

    assert (first.code, again.code) == (0, 0)
    assert (first.document["built"], again.document["built"]) == (True, False)
    assert first.document["path"] == again.document["path"]
    assert Path(first.document["path"]).parent == home_root / "tables"
    assert [first.document[n] for n in ("bars", "symbols", "features")] == [380, 2, 72]
    assert first.document["left_out"] == []


def test_an_empty_lake_says_what_to_do(ploutos) -> None:
    outcome = ploutos("data", "market")

    assert outcome.code == 1
    assert "no 1d bars in the lake" in outcome.stderr
    assert "ploutos data import" in outcome.stderr
