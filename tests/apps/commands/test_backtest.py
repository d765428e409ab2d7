"""`ploutos backtest` and `ploutos diagnose`: tables, JSON, what is kept, and what is refused."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cluster.settings import Home
from features import SimulatedMarket
from outcome import Outcome, Ploutos
from train.bundle.bundle import PolicyBundle, read_manifest, save_bundle
from train.bundle.manifest import FoldSpan, ManifestFields
from train.bundle.stages import Decision, enter


@pytest.fixture
def folded(filled_home: Path) -> str:
    """A bundle like that of the filled home, with a fold; the newest one. Its id."""
    place = Home(filled_home)
    (old,) = [path.parent for path in place.bundles.glob("*/manifest.json")]
    manifest = read_manifest(old)
    bars = manifest.data.bars
    fold = FoldSpan(
        index=0,
        train=(0, bars - 196),
        validation=(bars - 189, bars - 119),
        test=(bars - 112, bars),
    )
    fields = {name: getattr(manifest, name) for name in ManifestFields.model_fields}
    later = {"folds": (fold,), "created": manifest.created + timedelta(days=1)}
    stated = ManifestFields(**fields | later)
    return save_bundle(place.bundles, (old / "policy.onnx").read_bytes(), None, stated).name


def test_episodes_as_json_and_as_a_table(ploutos: Ploutos, folded: str) -> None:
    run = ("backtest", "run", "--model", folded[:6], "--days", 8, "--episodes", 3)

    document = ploutos(*run, "--json").document
    printed = ploutos(*run)

    rows = document["rows"]
    assert (document["bundle"], document["days"], document["episodes"]) == (folded, 8, 3)
    assert len({row["start"] for row in rows}) == 3
    assert rows[0]["part"] == "validation"
    assert rows[-1]["part"] == "test"
    gained = [row["total_return"] > 0 for row in rows]
    assert document["profitable"] == sum(gained) / 3
    assert document["worst_drawdown"] == max(row["max_drawdown"] for row in rows)
    assert printed.code == 0
    assert f"{sum(gained)} of 3 episodes profitable" in printed.stdout


def test_what_ran_is_kept(ploutos: Ploutos, folded: str) -> None:
    empty = ploutos("backtest", "list")
    first = ploutos("backtest", "run", "--days", 8, "--episodes", 2, "--json").document
    second = ploutos("backtest", "run", "--days", 9, "--episodes", 2, "--json").document

    listed = ploutos("backtest", "list", "--json").document["backtests"]
    newest = ploutos("backtest", "show", "--json").document
    named = ploutos("backtest", "show", first["backtest"], "--json").document

    assert "no backtests yet" in empty.stdout
    assert [row["days"] for row in listed] == [9, 8]
    assert newest["rows"] == second["rows"]
    assert named["rows"] == first["rows"]
    assert ploutos("backtest", "show", "none").code == 2
    assert first["backtest"] in ploutos("backtest", "list").stdout


def test_the_same_seed_gives_the_same_numbers(ploutos: Ploutos, folded: str) -> None:
    one, two = (
        ploutos("backtest", "run", "--days", 8, "--seed", 3, "--json").document for _ in range(2)
    )

    assert {**one, "backtest": ""} == {**two, "backtest": ""}


def test_a_stage_names_a_bundle(ploutos: Ploutos, folded: str, filled_home: Path) -> None:
    nobody = ploutos("backtest", "run", "--model", "champion")
    for stage, before in (("shadow", "candidate"), ("champion", "shadow")):
        decision = Decision(folded, stage, "promote", "better", "ann")  # type: ignore[arg-type]
        enter(Home(filled_home), decision, before=before)  # type: ignore[arg-type]

    found = ploutos("backtest", "run", "--model", "champion", "--days", 8, "--json")

    assert nobody.code == 1
    assert "no bundle is champion" in nobody.stderr
    assert found.document["bundle"] == folded


def test_more_days_than_there_are(ploutos: Ploutos, folded: str) -> None:
    outcome = ploutos("backtest", "run", "--days", 90)

    assert outcome.code == 2
    assert "has 27 sessions that it has not trained on" in outcome.stderr
    assert "--days 27 or less" in outcome.stderr
    few = ploutos("backtest", "run", "--days", 27, "--episodes", 5)
    assert few.code == 0
    assert "only 1 different start(s)" in few.stderr


def test_a_bundle_without_a_fold_has_nothing_to_walk(ploutos: Ploutos, filled_home: Path) -> None:
    for command in (("backtest", "run"), ("backtest", "stress"), ("diagnose", "timing")):
        outcome = ploutos(*command)

        assert outcome.code == 1
        assert "it names no fold" in outcome.stderr


@pytest.fixture
def later_bars(tmp_path: Path) -> Path:
    """More sessions of the same four symbols."""
    bars = SimulatedMarket(symbols=4, sessions=110, interval="1h", seed=3).bars()
    path = tmp_path / "later.parquet"
    bars.write_parquet(path)
    return path


def test_later_bars_of_a_file(ploutos: Ploutos, folded: str, later_bars: Path) -> None:
    run = ("backtest", "run", "--bars", later_bars, "--days", 20, "--episodes", 2, "--json")

    document = ploutos(*run).document
    timed = ploutos("diagnose", "timing", "--bars", later_bars, "--json").document

    manifest = PolicyBundle.load(Home(later_bars.parent / "home").bundles / folded).manifest
    assert [row["part"] for row in document["rows"]] == ["later", "later"]
    assert document["rows"][0]["start"] > f"{manifest.data.end:%Y-%m-%d}"
    assert timed["start"] > f"{manifest.data.end:%Y-%m-%d}"


def test_bars_that_do_not_fit(
    ploutos: Ploutos, folded: str, later_bars: Path, bars: pl.DataFrame, tmp_path: Path
) -> None:
    known, fewer = tmp_path / "known.parquet", tmp_path / "fewer.parquet"
    bars.with_columns(pl.col("volume") * 2.0).write_parquet(known)
    later = pl.read_parquet(later_bars)
    later.filter(pl.col("symbol") != bars["symbol"][0]).write_parquet(fewer)

    for path, told in (
        (known, "no session that the bundle has not seen"),
        (fewer, "the bars lack"),
    ):
        outcome = ploutos("backtest", "run", "--bars", path)

        assert outcome.code == 1
        assert told in outcome.stderr


def test_stress_is_told_and_written_into_the_card(
    ploutos: Ploutos, folded: str, filled_home: Path
) -> None:
    printed = ploutos("backtest", "stress")
    document = ploutos("backtest", "stress", "--json").document

    names = [row["name"] for row in document["harder"]]
    assert names == ["costs x1", "costs x2", "costs x5", "fills one bar later"]
    assert document["seeds"]["count"] == 1
    assert "1 seed(s) of its configuration are in the ledger; 5 are needed" in printed.stdout
    assert Path(document["card"]) == filled_home / "bundles" / folded / "card.md"
    assert "| costs x5 |" in Path(document["card"]).read_text()
    assert ploutos("model", "verify", folded).code == 0


def test_timing_as_json_and_as_a_table(ploutos: Ploutos, folded: str) -> None:
    document = ploutos("diagnose", "timing", "--json").document
    printed = ploutos("diagnose", "timing", "--measure", "scaled")

    whole = [row for row in document["rows"] if row["by"] == "all"]
    assert {row["measure"] for row in whole} == {"band", "scaled"}
    assert sum(row["trades"] for row in whole if row["measure"] == "band") == (
        document["trades"] - document["unresolved"]
    )
    assert {row["score"] for row in document["score"]} == {"agrees", "is zero", "disagrees"}
    assert "strong rises:" in printed.stdout
    assert "the original's more than 50% not reached" in printed.stdout
    assert _first_columns(printed) >= {"all", "hour 10:00", f"asset {document['rows'][4]['name']}"}


def _first_columns(printed: Outcome) -> set[str]:
    return {line.split("  ")[0].strip() for line in printed.stdout.splitlines()}


def test_the_card_is_shown_to_belong(ploutos: Ploutos, folded: str, filled_home: Path) -> None:
    card = filled_home / "bundles" / folded / "card.md"
    assert ploutos("model", "show", folded, "--json").document["card"] == str(card)
    card.write_text(card.read_text().replace("NOT JUDGED", "BETTER"))

    outcome = ploutos("model", "verify", folded)

    assert outcome.code == 1
    assert "model card" in outcome.stderr
