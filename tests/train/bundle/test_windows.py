"""New bars for a bundle: its symbols or its slots, its features, and nothing else."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from cluster.errors import BundleError, ConfigError, DataError, PloutosError
from cluster.settings import Home
from envs import Market
from envs.from_bars import market_from_slots
from features import SimulatedMarket, feature_fingerprint
from features.slots.bars import slotted_bars
from features.universe.store import save_universe
from features.universe.universe import Universe
from train.bundle.manifest import Manifest, ManifestFields, ScanSpan, SlotSpan, complete
from train.bundle.windows import bundle_market, market_of_bars, unseen_window

BARS = SimulatedMarket(symbols=22, sessions=420, interval="1d", seed=5).bars()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def manifest(stated: ManifestFields) -> Manifest:
    fields = {
        "feature_fingerprint": feature_fingerprint("v6"),
        "symbols": tuple(sorted(BARS["symbol"].unique())[:3])[::-1],
        "data": stated.data.model_copy(update={"interval": "1d"}),
    }
    return complete(stated.model_copy(update=fields), {"policy.onnx": "ab" * 32})


def seated(market: Market) -> np.ndarray:
    """Name in each slot at each bar, (T, A)."""
    assert market.occupant is not None
    return np.array([*market.names, "nobody"])[market.occupant]


def test_bars_of_its_symbols_come_in_its_order(home: Home, manifest: Manifest) -> None:
    market = market_of_bars(home, BARS, manifest)

    assert market.symbols == manifest.symbols
    assert market.num_features == len(market.feature_names) > 50


def test_other_features_are_refused(home: Home, manifest: Manifest) -> None:
    with pytest.raises(BundleError, match="made with other features"):
        market_of_bars(home, BARS, manifest.model_copy(update={"feature_fingerprint": "0" * 64}))


def test_another_interval_is_refused(home: Home, manifest: Manifest) -> None:
    hourly = manifest.data.model_copy(update={"interval": "1h"})

    with pytest.raises(ConfigError, match="acts on 1h bars: these are 1d bars"):
        market_of_bars(home, BARS, manifest.model_copy(update={"data": hourly}))


def test_a_missing_symbol_is_named(home: Home, manifest: Manifest) -> None:
    with pytest.raises(DataError) as refusal:
        market_of_bars(home, BARS, manifest.model_copy(update={"symbols": ("NVDA", "AAPL")}))

    assert "the bars lack AAPL, NVDA" in str(refusal.value)


def test_slots_are_seated_by_the_bundles_own_rules(home: Home, manifest: Manifest) -> None:
    # given: a bundle whose symbols are the slots of a scan, made on the bars but for the last 40
    universe = Universe.of_all(
        SimulatedMarket(symbols=22, sessions=420, interval="1d", seed=5).sectors(), "SIMULATED"
    )
    save_universe(universe, home.universe)
    scan = ScanSpan(
        per_sector=1,
        lookback=120,
        risk_free_rate=0.04,
        min_history=0.95,
        min_dollar_volume=0.0,
    )
    days = BARS["ts"].unique().sort()
    slots = SlotSpan(start=days[200].date(), scan=scan)
    known = BARS.filter(BARS["ts"] <= days[380])
    folder = home.tables / "scan"
    made = market_from_slots(slotted_bars(known, universe, slots.rules(), "v6", folder))
    data = manifest.data.model_copy(update={"end": days[380]})
    own = {"slots": slots, "symbols": made.symbols, "data": data}
    bundle = manifest.model_copy(update=own)

    later = market_of_bars(home, BARS, bundle)

    assert later.symbols == made.symbols
    np.testing.assert_array_equal(seated(later)[: made.num_bars], seated(made))
    unseen = unseen_window(bundle, later)
    assert later.ts[unseen.start].astype("datetime64[D]").item() == days[381].date()
    assert unseen.stop == later.num_bars
    with pytest.raises(DataError, match="seat other slots"):
        market_of_bars(home, BARS, bundle.model_copy(update={"symbols": made.symbols[:2]}))


def test_bars_that_are_not_here_are_told(home: Home, manifest: Manifest) -> None:
    with pytest.raises(PloutosError, match="are not here"):
        bundle_market(home, manifest)


def test_the_end_of_its_data_is_known_to_it(home: Home, manifest: Manifest) -> None:
    last = BARS["ts"].max()
    data = manifest.data.model_copy(update={"end": last - timedelta(days=1)})
    market = market_of_bars(home, BARS, manifest)

    with pytest.raises(
        DataError, match="no session that the bundle has not seen"
    ):  # one bar is no window
        unseen_window(manifest.model_copy(update={"data": data}), market)
