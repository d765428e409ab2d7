"""The gate end to end: a policy with an edge goes up, anything that is touched stops it."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cluster.artifacts import ArtifactStore
from cluster.errors import UsageError
from cluster.settings import Home
from envs import Market, V6Params, Window
from train.backtest.evaluation import Evaluation, evaluate
from train.bundle.bundle import PolicyBundle, read_verdict, save_bundle
from train.bundle.manifest import FoldSpan, ManifestFields, Normalisation
from train.bundle.publish import fetch_bundle, fetch_ledger, publish_bundle, publish_ledger
from train.bundle.stages import read_stages, stage_log
from train.judge.judge_bundle import judge_bundle
from train.judge.promotion import promote
from train.ledger.ledger import CHAIN_FILE, TrialLedger, TrialRecord
from train.policy.normaliser import Normaliser

SESSIONS, BARS = 120, 7
SYMBOLS = ("XLK", "XLF", "XLE")
FOLD = FoldSpan(index=0, train=(0, 140), validation=(147, 210), test=(217, SESSIONS * BARS))


def market_with_edge() -> Market:
    """Hourly bars whose first feature tells, a bar ahead, which way the session goes."""
    random = np.random.default_rng(5)
    bars = SESSIONS * BARS
    way = np.repeat(random.choice([-1.0, 1.0], (SESSIONS, 3)), BARS, axis=0)  # (T, A)
    steps = 0.003 * way + random.normal(0.0, 0.002, (bars, 3))
    close = 100.0 * np.exp(np.cumsum(steps, axis=0))
    day, hour = np.divmod(np.arange(bars), BARS)
    known = np.vstack([way[1:], way[-1:]])
    return Market.from_arrays(
        close=close,
        open=np.vstack([close[:1], close[:-1]]),
        session=day,
        ts=np.datetime64("2024-01-02T14:30") + (day * 1440 + hour * 60).astype("timedelta64[m]"),
        volume=np.full((bars, 3), 1e6),
        volatility=np.full((bars, 3), 4e-3),
        features=np.stack([known, random.normal(size=(bars, 3))], axis=2).astype(np.float32),
        symbols=SYMBOLS,
        feature_names=("momentum", "volatility"),
    )


def buy_what_rises() -> np.ndarray:
    """Weights (D, 3 A): BUY on a positive first feature, SELL on a negative one."""
    weights = np.zeros((12, 9))
    for asset in range(3):
        weights[2 * asset, 3 * asset + 1] = 1.0
        weights[2 * asset, 3 * asset + 2] = -1.0
    return weights


@pytest.fixture(scope="module")
def edge() -> Market:
    return market_with_edge()


@pytest.fixture
def home(tmp_path: Path, edge: Market) -> Home:
    home = Home(tmp_path / "home")
    edge.save(home.tables)
    return home


@pytest.fixture
def bundle(
    home: Home, edge: Market, stated: ManifestFields, policy_onnx: Callable[..., bytes]
) -> Path:
    """The policy that knows the edge."""
    data = stated.data.model_copy(update={"fingerprint": edge.fingerprint, "bars": edge.num_bars})
    scale = Normaliser.fit(edge.features, edge.tradable, FOLD.train)
    fields = {
        "data": data,
        "folds": (FOLD,),
        "v6_params": V6Params.default().to_dict(),
        "normaliser": Normalisation.model_validate(scale.to_dict()),
    }
    return save_bundle(
        home.bundles, policy_onnx(buy_what_rises()), None, stated.model_copy(update=fields)
    )


@pytest.fixture
def ledger(
    home: Home, edge: Market, bundle: Path, trial: Callable[..., TrialRecord]
) -> TrialLedger:
    """Five seeds of the candidate's configuration, and twenty other trials that earn less."""
    walk = evaluate(
        PolicyBundle.load(bundle).act, edge, V6Params.default(), Window(217, edge.num_bars)
    )
    ledger = TrialLedger(home.ledger)
    for number in range(25):
        repeats = number < 5
        ledger.append(
            trial(
                trial_id="demo-1-a" if number == 0 else f"demo-1-{number}",
                seed=number,
                config={"gamma": 0.99} if repeats else {"gamma": 0.5 + number / 100},
                test_dates=walk.dates(),
                test_returns=like(walk, number, share=1.0 if repeats else 0.8),
                created=datetime(2026, 11, 22, 10, number, tzinfo=UTC),
            )
        )
    return ledger


def like(walk: Evaluation, number: int, share: float) -> np.ndarray:
    """The candidate's path with some noise and a part of its mean."""
    returns = walk.daily_returns
    noise = np.random.default_rng(number).normal(0.0, 0.05 * returns.std(), walk.days)
    return returns - (1.0 - share) * returns.mean() + noise * (number > 0)


def test_skill_goes_up_to_champion(home: Home, bundle: Path, ledger: TrialLedger) -> None:
    first = promote(home, bundle)
    second = promote(home, bundle, to="champion")

    assert [str(check) for check in first.failed] == []
    assert (first.before, first.wanted, first.moved) == ("candidate", "shadow", True)
    assert (second.before, second.wanted, second.moved) == ("shadow", "champion", True)
    assert first.unproven is None
    assert first.beside["validation_sharpe"] == 0.5
    assert first.beside["seeds_sharpe_median"] > 1.0
    assert read_stages(home).champion == bundle.name
    row = stage_log(home).rows()[0]
    assert row["why"] == "passed the gate"
    assert row["numbers"]["seeds"] == 5.0


def test_the_same_evidence_gives_the_same_numbers(
    home: Home, bundle: Path, ledger: TrialLedger
) -> None:
    before = promote(home, bundle)
    verdict = PolicyBundle.load(bundle).verdict

    again = promote(home, bundle)

    assert again.checks == before.checks
    assert verdict is not None
    assert verdict.readings == 1
    # but for the count of readings, which is the point of counting
    assert PolicyBundle.load(bundle).verdict == verdict.model_copy(update={"readings": 2})


def test_a_single_seed_is_refused(home: Home, bundle: Path, ledger: TrialLedger) -> None:
    for number in range(1, 25):
        (ledger.root / "0123456789abcdef" / f"demo-1-{number}.parquet").unlink()
    for path in (ledger.root / "0123456789abcdef").glob(".chain*"):
        path.unlink()

    refused = promote(home, bundle)

    told = [str(check) for check in refused.failed]
    assert not refused.moved
    assert "seeds 1, needs at least 5, short by 4" in told
    assert any(line.startswith("overfitting (PBO) not measured") for line in told)
    assert read_stages(home).of(bundle.name) == "candidate"
    assert not stage_log(home).path.exists()


def delete_a_trial(folder: Path) -> None:
    (folder / "demo-1-7.parquet").unlink()


def change_a_return(folder: Path) -> None:
    from train.ledger import parquet as trial_file

    path = folder / "demo-1-7.parquet"
    record = trial_file.read(path)
    path.unlink()
    record.test_returns[3] += 0.001
    trial_file.create(path, record)


def swap_two_rows(folder: Path) -> None:
    path = folder / CHAIN_FILE
    lines = path.read_bytes().splitlines(keepends=True)
    lines[7], lines[8] = lines[8], lines[7]
    path.write_bytes(b"".join(lines))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (delete_a_trial, "row 8: trial demo-1-7 is missing"),
        (change_a_return, "row 8: trial demo-1-7 was changed"),
        (swap_two_rows, "row 8: trial_id demo-1-7 is out of place"),
    ],
)
def test_a_ledger_that_is_not_whole_is_refused(
    home: Home, bundle: Path, ledger: TrialLedger, damage: Callable[[Path], None], told: str
) -> None:
    damage(ledger.root / "0123456789abcdef")

    refused = promote(home, bundle)

    assert not refused.moved
    assert told in str(refused.failed[0])


def test_a_chain_written_anew_without_a_trial_is_found(
    home: Home, edge: Market, bundle: Path, ledger: TrialLedger
) -> None:
    # given: a verdict, and then somebody deletes a trial and the chain, to have it adopted anew
    judge_bundle(bundle, edge, ledger)
    verdict = read_verdict(bundle, PolicyBundle.load(bundle).manifest)
    assert verdict is not None
    assert [trial for trial, _ in verdict.ledger][23:] == ["demo-1-23", "demo-1-24"]
    folder = ledger.root / "0123456789abcdef"
    for path in [*folder.glob(".chain*"), folder / "demo-1-24.parquet"]:
        os.remove(path)

    refused = promote(home, bundle)

    told = "row 25: trial demo-1-24 is missing: the bundle's verdict rests on it"
    assert told in str(refused.failed[0])


def test_an_override_needs_a_reason_and_marks_for_ever(
    home: Home, bundle: Path, ledger: TrialLedger
) -> None:
    delete_a_trial(ledger.root / "0123456789abcdef")
    with pytest.raises(UsageError, match="needs a reason"):
        promote(home, bundle, override="  ")

    passed = promote(home, bundle, override="the disk lost a file")

    assert passed.moved
    assert passed.unproven is not None
    assert passed.unproven.reason == "the disk lost a file"
    assert "trial demo-1-7 is missing" in passed.unproven.failed[0]
    assert PolicyBundle.load(bundle).unproven == passed.unproven
    assert read_stages(home).of(bundle.name) == "shadow"
    assert read_stages(home).overridden == {bundle.name}


def test_an_override_that_is_not_needed_leaves_no_mark(
    home: Home, bundle: Path, ledger: TrialLedger
) -> None:
    passed = promote(home, bundle, override="to be sure")

    assert passed.moved
    assert passed.unproven is None
    assert stage_log(home).rows()[0]["action"] == "promote"


def test_bars_that_are_not_here_are_told(home: Home, bundle: Path, ledger: TrialLedger) -> None:
    shutil.rmtree(home.tables)

    refused = promote(home, bundle)

    assert not refused.moved
    assert "are not here" in str(refused.failed[0])


def test_an_empty_ledger_is_told(home: Home, bundle: Path) -> None:
    refused = promote(home, bundle)

    assert "the ledger holds no trial" in str(refused.failed[0])


def test_a_bundle_judged_elsewhere_is_promoted_here(
    home: Home, edge: Market, bundle: Path, ledger: TrialLedger, tmp_path: Path
) -> None:
    # given: judged on a cluster, which publishes; this home has a trial of its own
    judge_bundle(bundle, edge, ledger)
    store, here = ArtifactStore(str(tmp_path / "store")), Home(tmp_path / "here")
    publish_ledger(store, home)
    publish_bundle(store, bundle)
    (record,) = (one for one in ledger.records("0123456789abcdef") if one.seed == 9)
    TrialLedger(here.ledger).append(replace(record, trial_id="own"))

    fetch_ledger(store, here)
    fetched = fetch_bundle(store, bundle.name, here)
    edge.save(here.tables)

    assert [str(check) for check in promote(here, fetched).failed] == []
    assert len(TrialLedger(here.ledger).digests("0123456789abcdef")) == 26
