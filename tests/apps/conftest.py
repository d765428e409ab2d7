"""A command line of its own for every test: its own home, its own environment."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from served import served

from apps.cli.cli import run
from cluster.settings import Home
from envs.from_bars import market_from_bars
from factories import trial, v6_manifest, verdict
from features import Lake
from outcome import Outcome, Ploutos
from trade.policy.actors import LocalPolicy
from trade.session.replay import ReplayRequest, replay
from train.bundle.bundle import PolicyBundle, save_bundle, update_verdict
from train.bundle.manifest import Lineage
from train.ledger.ledger import TrialLedger
from train.ledger.record import TrialRecord
from train.policy.export import actor_to_onnx
from train.policy.networks import Actor, NetworkShape, PolicyNet
from train.policy.normaliser import Normaliser

DRAWN = """() =>
  !document.querySelector('[data-testid="stSkeleton"]') &&
  [...document.querySelectorAll('[data-testid="stDataFrame"]')].every(
    table => [...table.querySelectorAll("canvas")].some(canvas => canvas.clientWidth > 200)) &&
  [...document.querySelectorAll('[data-testid="stPlotlyChart"]')].every(
    chart => chart.querySelector(".main-svg"))"""


@pytest.fixture(scope="session")
def look() -> Callable[[Any, Path], None]:
    """Take a screenshot once every table and chart of the page is drawn."""

    def take(page: Any, path: Path) -> None:
        page.wait_for_load_state("networkidle")  # Streamlit fetches its table code when needed
        page.wait_for_function(DRAWN, timeout=30_000)
        page.wait_for_timeout(300)  # the browser's own last repaint
        path.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=path)

    return take


@pytest.fixture
def home_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, which every command of the test writes to."""
    root = tmp_path / "home"
    monkeypatch.setenv("PLOUTOS_HOME", str(root))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("PLOUTOS_DEBUG", raising=False)
    return root


@pytest.fixture
def ploutos(home_root: Path, capsys: pytest.CaptureFixture[str]) -> Ploutos:
    """Run a command line inside this process, as the console script would."""

    def call(*args: object) -> Outcome:
        capsys.readouterr()
        code = run([str(arg) for arg in args])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return call


@pytest.fixture(scope="session")
def bars() -> pl.DataFrame:
    """Sixty sessions of four simulated symbols."""
    from features import SimulatedMarket

    market = SimulatedMarket(symbols=4, sessions=60, interval="1h", seed=3)
    return market.bars()


@pytest.fixture(scope="session")
def filled_template(tmp_path_factory: pytest.TempPathFactory, bars: pl.DataFrame) -> Path:
    """A home with bars, a bundle, a ledger and a journal, made through the public calls."""
    root = tmp_path_factory.mktemp("template") / "home"
    place = Home(root)
    Lake(place.lake).write(bars, interval="1h", source="simulated")
    bundle = make_bundle(place, bars)
    for number in range(8):
        TrialLedger(place.ledger).append(make_trial(number))
    make_session(place, bundle, bars)
    return root


@pytest.fixture
def filled_home(filled_template: Path, home_root: Path) -> Path:
    """A copy of the template that a test may damage."""
    shutil.copytree(filled_template, home_root)
    return home_root


def make_bundle(place: Home, bars: pl.DataFrame) -> Path:
    """A small random policy over the simulated symbols, judged NOT BETTER."""
    market = market_from_bars(bars)
    market.save(place.tables)
    names, symbols = market.feature_names, market.symbols
    torch.manual_seed(0)
    actor = Actor(PolicyNet(NetworkShape(len(symbols), len(names), (8,))))
    normaliser = Normaliser(np.zeros(len(names), np.float32), np.ones(len(names), np.float32))
    stated = v6_manifest(
        symbols,
        data={
            "start": bars["ts"].min(),
            "end": bars["ts"].max(),
            "fingerprint": market.fingerprint,
            "bars": market.num_bars,
        },
        lineage=Lineage(sweep="demo-1", trial="t3", seed=7, config={"learning_rate": 0.0003}),
        metrics={"validation_sharpe": 0.71},
        created=datetime(2026, 11, 20, 12, tzinfo=UTC),
    )
    folder = save_bundle(place.bundles, actor_to_onnx(actor, normaliser), None, stated)
    update_verdict(folder, verdict())
    return folder


def make_trial(number: int) -> TrialRecord:
    """One completed trial of the sweep demo-1."""
    random = np.random.default_rng(number)
    first = date(2026, 1, 5)
    return trial(
        trial_id=f"t{number}",
        seed=number,
        config={"learning_rate": 1e-4 * (number + 1), "ent_coef": 0.01 / (number + 1)},
        status="completed" if number else "pruned",
        validation_sharpe=round(float(random.normal(0.3, 0.4)), 3),
        test_dates=[first + timedelta(days=day) for day in range(30)],
        test_returns=random.normal(0.0004, 0.01, 30),
        code_version="test",
        data_fingerprint="f" * 64,
        created=datetime(2026, 11, 20, 11, number, tzinfo=UTC),
    )


def make_session(place: Home, bundle: Path, bars: pl.DataFrame) -> Path:
    """A replay of the bundle over the last sessions of the bars."""
    loaded = PolicyBundle.load(bundle)
    request = ReplayRequest(
        bars=bars,
        bundle=loaded.manifest,
        policy=LocalPolicy(loaded),
        journal=place.journal / "demo.jsonl",
        label="SIMULATED",
        start=bars["ts"].max().date() - timedelta(days=10),
    )
    replay(request)
    return request.journal


@pytest.fixture
def endpoint(filled_home: Path) -> Iterator[str]:
    """The bundle of the filled home behind the real ASGI application, without Ray."""
    with served(Home(filled_home)) as url:
        yield url
