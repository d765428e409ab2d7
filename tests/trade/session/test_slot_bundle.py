"""A bundle with slots, from its bars and a universe to a replay: what was evaluated is traded."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from apps.cli.replaying import ReplayOptions, run_replay
from cluster.errors import UsageError
from cluster.settings import Home
from envs import V6Params, Window
from envs.from_bars import market_from_slots
from factories import linear_policy, v6_manifest
from features import Lake, SimulatedMarket, feature_names
from features.slots.bars import SlotRules, slotted_bars
from features.slots.plan import slot_names
from features.slots.scan import ScanRules
from features.universe.universe import Universe
from trade.journal.journal import read_journal
from trade.policy.actors import LocalPolicy
from trade.session.replay import Candidates, ReplayRequest, replay
from train.backtest.evaluation import evaluate
from train.bundle.bundle import PolicyBundle, save_bundle
from train.bundle.manifest import ManifestFields, SlotSpan

MARKET = SimulatedMarket(symbols=33, sessions=150, interval="1h", seed=3)
RULES = SlotRules(start=date(2016, 5, 2), scan=ScanRules(per_sector=1, lookback=60))
SLOTS = slot_names(1)
SIZE = len(SLOTS) * (len(feature_names("v6")) + 1) + 3


def random_policy() -> bytes:
    """A linear policy whose weights are fixed and random."""
    return linear_policy(np.random.default_rng(5).normal(size=(SIZE, 3 * len(SLOTS))))


def stated(label: str = "SIMULATED") -> ManifestFields:
    now = datetime(2016, 6, 1, tzinfo=UTC)
    return v6_manifest(
        SLOTS,
        scenario="v7_sp500_sectors",
        data={"label": label, "start": now, "end": now},
        created=now,
        slots=SlotSpan.model_validate(RULES.to_dict()),
    )


@dataclass(frozen=True)
class Line:
    bars: pl.DataFrame
    bundle: PolicyBundle
    candidates: Candidates


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    """Bars with holes of three candidates a sector."""
    bars = MARKET.bars()
    kept = np.random.default_rng(0).random(bars.height) > 0.03
    folder = tmp_path_factory.mktemp("bundles")
    bundle = PolicyBundle.load(save_bundle(folder, random_policy(), None, stated()))
    universe = Universe.of_all(MARKET.sectors(), "SIMULATED")
    return Line(bars.filter(pl.Series(kept)), bundle, Candidates(universe, folder / "scans"))


def ask_for(line: Line, journal: Path) -> ReplayRequest:
    return ReplayRequest(
        bars=line.bars,
        bundle=line.bundle.manifest,
        policy=LocalPolicy(line.bundle),
        journal=journal,
        label="SIMULATED",
        limits=None,
        protection=None,
        seed=9,
        candidates=line.candidates,
    )


def test_replay_and_evaluation_of_a_bundle_with_slots_agree(line: Line, journal: Path) -> None:
    # given the bundle, evaluated on the slots' market
    known = line.candidates
    slotted = slotted_bars(line.bars, known.universe, RULES, "v6", known.scans)
    market = market_from_slots(slotted)
    params = V6Params.from_dict(line.bundle.manifest.v6_params)
    backtest = evaluate(line.bundle.act, market, params, Window(0, market.num_bars), seed=9)
    # when it is replayed from bars and universe
    result = replay(ask_for(line, journal))
    # then equity at every close and the fills agree, those of leavers too
    replayed = np.array([equity for _, equity in result.equity_curve])
    np.testing.assert_allclose(replayed, backtest.equity, rtol=1e-9)
    assert result.fills == backtest.fills > 15
    assert (result.policy_failures, result.risk_breaches) == (0, 0)
    records = read_journal(journal)
    handovers = [r.event.payload() for r in records if r.kind == "handover"]
    assert len(handovers) == np.count_nonzero(market.exit_price) > 10
    assert any(r.event.payload()["leg"] == "leaver" for r in records if r.kind == "fill")
    # and orders name symbols, never slots
    traded = {r.event.payload()["symbol"] for r in records if r.kind == "order"}
    assert traded <= set(MARKET.tickers())


def test_slots_without_candidates_are_refused(line: Line, journal: Path) -> None:
    with pytest.raises(UsageError, match="trades slots"):
        replay(replace(ask_for(line, journal), candidates=None))


def test_the_command_takes_candidates_from_the_lake(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a home with the bars of all candidates and the bundle
    place = Home(tmp_path)
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path))
    Lake(place.lake).write(line.bars, interval="1h", source="simulated")
    save_bundle(place.bundles, random_policy(), None, stated("SIMULATED"))
    options = ReplayOptions(
        start=RULES.start,
        end=None,
        bundle=None,
        bars=None,
        source=None,
        local=True,
        risk=False,
        session="one",
        resume=False,
        seed=9,
    )
    # when it is replayed, then whoever is made up may sit in its slots
    result, _ = run_replay(options, lambda session: None)
    direct = replay(ask_for(line, tmp_path / "two.jsonl"))
    assert result.equity_curve == direct.equity_curve
    assert result.fills == direct.fills
