"""`ploutos judge`: what it refuses, what it lists, and bundles on later bars."""

from pathlib import Path

import pytest

from apps.cli.walk_lines import WalkProgress
from features import SimulatedMarket
from train.sweep.progress import SweepEvent


def event(kind: str, trial: str, steps: int, number: int = 1) -> SweepEvent:
    return SweepEvent(
        kind=kind,  # type: ignore[arg-type]
        trial=trial,
        number=number,
        trials=2,
        sampled={"gamma": 0.9},
        seed=3,
        steps=steps,
        total_steps=100,
        steps_per_second=10.0,
        validation_sharpe=0.5,
        elapsed_s=1.0,
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--bundle", "3f", "--simulated"), "--bundle judges on bars"),
        (("--bundle", "3f", "--bars", "b.parquet", "--folds", 2), "it trains nothing"),
        (("--bundle", "3f", "--resume", "w"), "it trains nothing"),
        (("--resume", "w", "--trials", 3), "--resume goes on"),
        (("--symbols", "A,B"), "--symbols goes with --bundle"),
        (("--resume", "nothing"), "no walk-forward nothing"),
    ],
)
def test_what_makes_no_sense_is_refused(ploutos, options, told):
    outcome = ploutos("judge", "run", *options)

    assert outcome.code == 2
    assert told in outcome.stderr


def test_a_scan_of_real_bars_needs_a_universe(ploutos, tmp_path):
    file = tmp_path / "bars.parquet"
    SimulatedMarket(symbols=4, sessions=40, interval="1d", seed=1).bars().write_parquet(file)

    outcome = ploutos(
        *("judge", "run", "--bars", file, "--set", "sector_scan.enabled=true"),
        *("--set", "data.interval=1d"),
    )

    assert outcome.code == 1
    assert "there is no universe yet" in outcome.stderr
    assert "ploutos universe import" in outcome.stderr


def test_an_empty_home_says_how_to_begin(ploutos):
    assert "ploutos judge run --scenario demo --folds 3" in ploutos("judge", "list").stdout
    assert ploutos("judge", "list", "--json").document == {"walks": []}


@pytest.fixture
def later_bars(tmp_path: Path) -> Path:
    """The home's market with sixty more sessions."""
    file = tmp_path / "later.parquet"
    SimulatedMarket(symbols=4, sessions=120, interval="1h", seed=3).bars().write_parquet(file)
    return file


def test_a_bundle_is_judged_on_later_bars(ploutos, filled_home, later_bars):
    outcome = ploutos(
        "judge", "run", "--bundle", bundle_of(filled_home), "--bars", later_bars, "--json"
    )

    document = outcome.document
    assert outcome.code == 6
    assert document["verdict"]["label"] == "NOT BETTER"
    assert document["unseen"]["sessions"] == 60
    assert [row["name"] for row in document["checks"]][:2] == [
        "deflated Sharpe",
        "Sharpe above flat, lower end of 95 %",
    ]
    assert set(document["paths"]) > {"policy", "flat", "buy_and_hold", "equal_weight"}
    assert "60 earlier sessions of the file only warm the features up" in outcome.stderr
    assert Path(document["report"]).read_text().count("NOT BETTER") >= 1


def test_every_check_is_one_line_with_its_threshold(ploutos, filled_home, later_bars):
    outcome = ploutos("judge", "run", "--bundle", bundle_of(filled_home), "--bars", later_bars)

    assert outcome.code == 6
    assert "at least 0.95" in outcome.stdout
    assert "SPA p against equal_weight" in outcome.stdout
    assert "the test window was read once" in outcome.stdout


def test_bars_that_were_seen_are_refused(ploutos, filled_home, bars, tmp_path):
    file = tmp_path / "same.parquet"
    bars.write_parquet(file)

    outcome = ploutos("judge", "run", "--bundle", bundle_of(filled_home), "--bars", file)

    assert outcome.code == 1
    assert "no session that the bundle has not seen" in outcome.stderr


def test_a_flat_bundle_names_the_symbols_that_it_lacks(ploutos, filled_home, later_bars, tmp_path):
    import polars as pl

    file = tmp_path / "fewer.parquet"
    pl.read_parquet(later_bars).filter(pl.col("symbol") != "SIMB01").write_parquet(file)

    outcome = ploutos("judge", "run", "--bundle", bundle_of(filled_home), "--bars", file)

    assert outcome.code == 1
    assert "no bars for SIMB01" in outcome.stderr


def bundle_of(root: Path) -> str:
    return next(path.parent.name for path in (root / "bundles").glob("*/manifest.json"))


def test_progress_counts_the_trials_of_all_folds():
    progress = WalkProgress(folds=3, trials=2)

    for trial in "ab":
        progress.line(0, event("started", trial, 0))
    progress.line(0, event("completed", "a", 100))
    line = progress.line(0, event("progress", "b", 50, number=2))

    assert "fold 1/3 trial 2/2 progress" in line
    assert "all: 1 of 6 trials" in line
    before, left, after = progress._elapsed, progress.seconds_left, progress._elapsed
    assert before <= left / ((6 - 1.5) / 1.5) <= after


def test_a_resumed_walk_does_not_count_what_was_done_before():
    progress = WalkProgress(folds=3, trials=2)

    progress.line(1, event("started", "c", 50))
    assert progress.seconds_left is None
    progress.line(1, event("progress", "c", 75))

    # fold 0 was over; of the four trials left, a quarter of one was done since
    assert progress.ended == 2
    before, left, after = progress._elapsed, progress.seconds_left, progress._elapsed
    assert before <= left / (3.25 / 0.25) <= after
