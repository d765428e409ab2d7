"""A bundle on bars that came later: what counts as unseen, and for which symbols it can act."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from cluster.errors import BundleError, ConfigError, DataError
from cluster.settings import Home
from envs import V6Params, Window
from envs.from_bars import market_from_bars
from features import SimulatedMarket, feature_fingerprint
from train.bundle.bundle import save_bundle
from train.bundle.manifest import ManifestFields, Normalisation
from train.judge.unseen_bars import judge_on_bars
from train.ledger.ledger import TrialLedger, TrialRecord
from train.policy.export import actor_to_onnx
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.policy.normaliser import Normaliser
from train.report.report import write_report

SYMBOLS = ("SIMB01", "SIMC01", "SIME01")  # of the four that there are
CUT = datetime(2017, 9, 1, tzinfo=UTC)
Bundle = Callable[..., Path]


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    """Three and a half years of four simulated symbols, daily."""
    return SimulatedMarket(symbols=4, sessions=900, interval="1d", seed=3).bars()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def bundle(home: Home, bars: pl.DataFrame, stated: ManifestFields) -> Bundle:
    """Makes a bundle of random weights on the bars before the cut."""

    def make(kind: str = "shared") -> Path:
        market = market_from_bars(bars.filter(pl.col("ts") < CUT), "v6", SYMBOLS)
        torch.manual_seed(1)
        shape = NetworkShape(3, market.num_features, (8,), kind=kind, head=(8,))  # type: ignore[arg-type]
        net = PolicyNet(shape)
        with torch.no_grad():
            for weights in net.policy.parameters():
                weights.normal_(0.0, 0.5)
        scale = Normaliser.fit(market.features, market.tradable, Window(0, market.num_bars))
        end = market.ts[-1].item().replace(tzinfo=UTC)
        span = {"interval": "1d", "end": end, "fingerprint": market.fingerprint}
        fields = {
            "feature_names": market.feature_names,
            "feature_fingerprint": feature_fingerprint("v6"),
            "symbols": market.symbols,
            "v6_params": V6Params.default().to_dict(),
            "normaliser": Normalisation.model_validate(scale.to_dict()),
            "data": stated.data.model_copy(update=span),
        }
        made = actor_to_onnx(Actor(net), scale)
        return save_bundle(home.bundles, made, None, stated.model_copy(update=fields))

    return make


def sessions_from(bars: pl.DataFrame, start: datetime) -> list[object]:
    days = bars.filter(pl.col("ts") >= start)["ts"].dt.date().unique().sort()
    return days.to_list()


def test_only_later_sessions_are_judged(home: Home, bundle: Bundle, bars: pl.DataFrame) -> None:
    judged = judge_on_bars(home, bundle(), bars, label="mine")

    later = sessions_from(bars, CUT)
    # the first later session's close is where the first decision is made
    assert judged.report.candidate.dates() == later[1:]
    assert judged.verdict.days == len(later) - 1
    names = [row.baseline for row in judged.verdict.excess]
    assert names[:3] == ["flat", "buy_and_hold", "equal_weight"]
    assert judged.report.candidate.fills > 0
    assert judged.remarks[0].startswith(f"unseen and judged: {len(later) - 1} sessions")
    assert "up to 2017-08-31" in judged.remarks[0]


def test_what_was_seen_changes_nothing_but_the_warm_up(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    """Another price level long before the cut: no look at what is not judged."""
    folder = bundle()
    scaled = bars.with_columns(
        pl.when(pl.col("ts") < datetime(2016, 1, 8, tzinfo=UTC))
        .then(pl.col(name) * 1.01)
        .otherwise(pl.col(name))
        for name in ("open", "high", "low", "close")
    )

    first, second = (judge_on_bars(home, folder, each, label="m") for each in (bars, scaled))

    assert first.verdict.days == second.verdict.days
    assert first.verdict.sharpe == pytest.approx(second.verdict.sharpe, abs=1e-9)


def test_bars_that_end_where_the_bundle_was_made_are_refused(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    with pytest.raises(DataError, match="no session that the bundle has not seen") as refused:
        judge_on_bars(home, bundle(), bars.filter(pl.col("ts") < CUT), label="mine")

    assert "2017-08-31" in refused.value.why


def test_later_bars_alone_warm_themselves_up(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    judged = judge_on_bars(home, bundle(), bars.filter(pl.col("ts") >= CUT), label="mine")

    whole = len(sessions_from(bars, CUT))
    assert 20 < judged.verdict.days < whole - 50
    assert f"{whole - 1 - judged.verdict.days} earlier sessions" in judged.remarks[1]


def test_a_flat_network_is_refused_other_symbols_by_name(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    folder = bundle("flat")
    without = bars.filter(pl.col("symbol") != "SIMC01")

    with pytest.raises(BundleError, match="flat network") as missing:
        judge_on_bars(home, folder, without, label="mine")
    with pytest.raises(BundleError, match="flat network") as foreign:
        judge_on_bars(home, folder, bars, label="mine", symbols="all")

    assert missing.value.why == "no bars for SIMC01"
    assert foreign.value.why == "it knows nothing of SIMF01"
    assert judge_on_bars(home, folder, bars, label="mine").verdict.days > 20


def test_a_shared_network_takes_symbols_it_has_never_seen(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    renamed = bars.with_columns(symbol="NEW" + pl.col("symbol"))

    judged = judge_on_bars(home, bundle(), renamed, label="mine")

    assert judged.report.manifest.symbols == tuple(f"NEW{name}" for name in [*SYMBOLS, "SIMF01"])
    assert judged.report.candidate.actions is not None
    assert judged.report.candidate.actions.shape[1] == 4
    assert judged.remarks[0].startswith("no bars of its own symbols")


def test_symbols_are_walked_as_they_are_asked_for(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    folder = bundle()

    one = judge_on_bars(home, folder, bars, label="mine", symbols=("SIMF01",))
    some = judge_on_bars(home, folder, bars.filter(pl.col("symbol") != "SIMC01"), label="mine")

    assert one.report.manifest.symbols == ("SIMF01",)
    assert some.report.manifest.symbols == ("SIMB01", "SIME01")
    assert "no bars for SIMC01" in some.remarks[0]
    with pytest.raises(DataError, match="no bars for NONE"):
        judge_on_bars(home, folder, bars, label="mine", symbols=("NONE",))


def test_the_ledger_deflates_where_it_is_at_hand(
    home: Home, bundle: Bundle, bars: pl.DataFrame, trial: Callable[..., TrialRecord]
) -> None:
    folder = bundle()
    alone = judge_on_bars(home, folder, bars, label="mine")
    ledger = TrialLedger(home.ledger)
    for number in range(30):
        returns = np.random.default_rng(number).normal(0.0, 0.01, 3)
        ledger.append(trial(trial_id=f"t{number}", test_returns=returns))

    deflated = judge_on_bars(home, folder, bars, label="mine")

    assert (alone.verdict.trials, deflated.verdict.trials) == (1, 30)
    assert any("is not deflated" in remark for remark in alone.remarks)
    assert not any("is not deflated" in remark for remark in deflated.remarks)
    assert deflated.verdict.deflated_sharpe < alone.verdict.deflated_sharpe
    assert (alone.verdict.readings, deflated.verdict.readings) == (1, 2)


def test_other_bars_and_other_features_are_refused(
    home: Home, bundle: Bundle, bars: pl.DataFrame
) -> None:
    hourly = SimulatedMarket(symbols=4, sessions=60, interval="1h", seed=3).bars()

    with pytest.raises(ConfigError, match="acts on 1d bars"):
        judge_on_bars(home, bundle(), hourly, label="mine")


def test_the_same_call_twice_gives_the_same_report(
    home: Home, bundle: Bundle, bars: pl.DataFrame, tmp_path: Path
) -> None:
    folder, other = bundle(), Home(tmp_path / "other")
    first = judge_on_bars(home, folder, bars, label="mine")

    second = judge_on_bars(other, folder, bars, label="mine")

    assert first.verdict == second.verdict
    pages = [
        write_report(tmp_path / f"{name}.html", judged.report).read_bytes()
        for name, judged in (("a", first), ("b", second))
    ]
    assert pages[0] == pages[1]
