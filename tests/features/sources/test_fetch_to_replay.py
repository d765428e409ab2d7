"""From vendors' servers to a replay, by commands alone: what is fetched is what is trained on."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served import served

import servers
from apps.cli.cli import run
from cluster.settings import Home
from features.slots.plan import slot_names
from features.universe.sectors import SECTORS
from train.bundle.bundle import read_manifest
from train.ledger.ledger import TrialLedger

pytestmark = pytest.mark.slow

SECTOR_OF = {f"{code}{n}": name for code, name in SECTORS.items() for n in ("AA", "BB")}
TINY = {
    "data.interval": "1d",
    "data.period": "2y",
    "sector_scan.lookback_days": "60",
    "network.net_arch": "[16]",
    "training.n_envs": "16",
    "training.n_steps": "16",
    "training.batch_size": "128",
    "folds.count": "1",
    "folds.train_sessions": "200",
    "folds.validation_sessions": "60",
    "folds.test_sessions": "60",
    "search.parameters": "{}",
}
Answer = Callable[..., dict[str, Any]]


@cache
def wander(seed: int) -> list[float]:
    """A random walk of 2,000 sessions."""
    return np.random.default_rng(seed).normal(3e-4, 0.012, 2000).cumsum().tolist()


class Walking(servers.Market):
    """Prices that wander, each symbol by itself."""

    def bar(self, symbol: str, index: int, more: float = 0.0) -> dict[str, Any]:
        path = wander(list(self.prices).index(symbol))
        price = round(self.prices[symbol] * float(np.exp(path[index])), 4)
        high, low = round(price * 1.01, 4), round(price * 0.99, 4)
        return {"o": price, "h": high, "l": low, "c": price, "v": 900_000.0 + index}


@pytest.fixture
def market() -> servers.Market:
    prices = {symbol: 100.0 for symbol in SECTOR_OF}
    until = datetime(2024, 3, 1, tzinfo=UTC)
    return Walking(prices, start=date(2020, 6, 1), until=until)


@pytest.fixture
def answer(
    market: servers.Market,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Answer]:
    """Runs a command in a new home beside vendors of this machine; its JSON document."""
    monkeypatch.setenv("PLOUTOS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, code: int = 0) -> dict[str, Any]:
        capsys.readouterr()
        found = run([*arguments, "--json"])
        printed = capsys.readouterr()
        assert found == code, printed.out + printed.err
        return dict(json.loads(printed.out))

    with servers.vendors_of_this_machine(market) as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield call


def write_index(folder: Path) -> list[str]:
    """An index of these symbols, as `universe import` takes it."""
    spells = [f"{symbol},2010-01-04,,{symbol}" for symbol in SECTOR_OF]
    companies = [f"{symbol},{symbol},{sector}" for symbol, sector in SECTOR_OF.items()]
    (folder / "m.csv").write_text("\n".join(["symbol,start_date,end_date,index_ticker", *spells]))
    (folder / "c.csv").write_text("\n".join(["symbol,name,gics_sector", *companies]))
    return ["--membership", str(folder / "m.csv"), "--constituents", str(folder / "c.csv")]


@pytest.mark.usefixtures("local_ray")
def test_bars_of_vendors_are_trained_on_judged_served_and_replayed(
    answer: Answer, market: servers.Market, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home")
    window = ["--start", "2020-06-01", "--interval", "1d", "--source", "yahoo"]
    answer("data", "fetch", *SECTOR_OF, *window, "--end", "2024-02-29")
    answer("universe", "import", *write_index(tmp_path))

    # when: a sweep asks for no bars at all
    settings = [part for pair in TINY.items() for part in ("--set", "=".join(pair))]
    size = ["--trials", "1", "--steps", "512", *settings]
    swept = answer("tune", "run", "--scenario", "v7_sp500_sectors", *size)

    # then: it is on the vendors', and its bundle says whose, how adjusted, of which days
    manifest = read_manifest(Path(swept["bundle"]))
    assert swept["bars"].startswith("series yahoo of the lake ")
    assert manifest.symbols == slot_names(2)
    assert (manifest.data.label, manifest.data.interval) == ("yahoo", "1d")
    assert manifest.data.origins is not None
    (origin,) = manifest.data.origins
    assert (origin.source, origin.adjustment, origin.bars) == ("yahoo", "split", 22 * 944)
    assert (f"{origin.first:%F}", f"{origin.last:%F}") == ("2020-06-01", "2024-02-29")
    assert origin.retrieved is not None

    # and: the same lake, a month later, judges it, serves it and replays it
    market.until = datetime(2024, 4, 1, tzinfo=UTC)
    answer("data", "fetch", *SECTOR_OF, *window, "--end", "2024-03-28")
    judged = answer("judge", "run", "--bundle", manifest.bundle_id, code=6)
    assert judged["unseen"] == {"first": "2024-03-04", "last": "2024-03-28", "sessions": 19}
    with served(home):
        replayed = answer("trade", "replay", "--session", "one")
    assert replayed["parts"] == "test"
    assert answer("trade", "status")["label"] == "REPLAY"
    rows = TrialLedger(home.ledger).readings(manifest.problem).rows()
    assert [row["occasion"] for row in rows] == ["verdict", "stress", "later bars", "replay"]
