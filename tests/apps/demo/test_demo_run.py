"""`ploutos demo` as a new user runs it: twice into one home, then looked at in a browser."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from apps.demo.steps import SIMULATED_SESSIONS
from apps.pages.app_process import start_app
from cluster.processes import session_members, wait_gone
from cluster.servers import free_port
from features import SimulatedMarket
from trade.journal.journal import read_journal
from train import PloutosConfig, PolicyBundle, TrialLedger
from train.ledger.ranking import ranked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
TRIALS = PloutosConfig.from_yaml("demo").search.trials


@dataclass(frozen=True)
class DemoRun:
    """What one `ploutos demo` did."""

    home: Path
    code: int
    document: dict[str, Any]
    talk: str
    left: set[Any]  # processes of its session that outlived it


def run_demo(home: Path, *arguments: str) -> DemoRun:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    with subprocess.Popen(
        [sys.executable, "-m", "apps.cli", "demo", "--json", *arguments],
        env=clean | {"PLOUTOS_HOME": str(home), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        out, talk = process.communicate()
    left = wait_gone(session_members(process.pid), 5.0)
    assert process.returncode == 0, talk
    return DemoRun(home, process.returncode, json.loads(out), talk, left)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    return run_demo(tmp_path_factory.mktemp("demo") / "home")


def test_the_six_steps_are_told_with_an_honest_verdict(demo: DemoRun) -> None:
    verdict = demo.document["verdict"]

    assert [f"{n}/6" in demo.talk for n in range(1, 7)] == [True] * 6
    assert "0 violations" in demo.talk
    assert verdict["label"] in ("BETTER", "NOT BETTER")
    assert verdict["label"] in demo.talk
    assert verdict["sharpe_low"] <= verdict["sharpe"] <= verdict["sharpe_high"]
    assert verdict["days"] == SIMULATED_SESSIONS // 6
    assert [row["baseline"] for row in verdict["excess"]] == [
        *("flat", "buy_and_hold", "equal_weight"),
        *("momentum", "volatility_target", "always_buy"),
    ]


def test_every_trial_is_in_the_ledger_and_validation_chose_the_bundle(demo: DemoRun) -> None:
    bundle = PolicyBundle.load(demo.document["bundle"])
    records = TrialLedger(demo.home / "ledger").records(bundle.manifest.problem)

    best = ranked(records)[0]

    assert len(records) == TRIALS == demo.document["verdict"]["trials"]
    assert bundle.manifest.lineage.trial == best.median_trial.trial_id
    assert len(best.completed) == len(PloutosConfig.from_yaml("demo").search.seeds)
    assert bundle.verdict is not None
    assert bundle.verdict.label == demo.document["verdict"]["label"]


def test_the_paper_sessions_are_in_the_journal_without_a_breach(demo: DemoRun) -> None:
    records = read_journal(Path(demo.document["journal"]))
    kinds = [record.kind for record in records]

    assert kinds[0] == "session_started"
    assert kinds[-1] == "session_ended"
    assert kinds.count("order") == demo.document["orders"]
    assert demo.document["risk_breaches"] == 0
    assert records[0].event.payload()["label"] == SimulatedMarket.label


def test_nothing_of_it_runs_on(demo: DemoRun) -> None:
    endpoint = urlsplit(demo.document["endpoint"])

    with socket.socket() as probe:
        refused = probe.connect_ex((endpoint.hostname, endpoint.port)) != 0

    assert demo.left == set()
    assert refused
    assert not (demo.home / "serve.json").exists()


def test_every_page_of_the_app_shows_the_demo(
    demo: DemoRun, chromium: Any, look: Callable[[Any, Path], None]
) -> None:
    bundle = Path(demo.document["bundle"]).name
    expected = {
        "": ["SIMULATED", "Drawdown", "Denials by reason"],
        "positions": ["SIMULATED"],
        "orders": ["Intents", "Fills"],
        "models": [bundle, demo.document["verdict"]["label"]],
        "sweeps": [demo.document["sweep"], "learning_rate"],
    }
    folder = Path(os.environ.get("PLOUTOS_SCREENSHOTS", demo.home / "screenshots"))
    with start_app(demo.home, free_port()) as app:
        for name, texts in expected.items():
            page = chromium.new_page(viewport={"width": 1440, "height": 1900})
            page.goto(f"{app.url}/{name}", wait_until="domcontentloaded")
            for text in texts:
                page.get_by_text(text).filter(visible=True).first.wait_for(timeout=60_000)
            look(page, folder / f"demo-{name or 'overview'}.png")
            assert "Traceback" not in page.inner_text("body")
            assert page.locator('[data-testid="stException"]').count() == 0
            page.close()


@pytest.mark.chaos
def test_a_second_run_on_own_bars_works_in_the_same_home(demo: DemoRun, tmp_path: Path) -> None:
    # given: half a year of hourly bars of four symbols, in a CSV
    file = tmp_path / "mine.csv"
    SimulatedMarket(symbols=4, sessions=240, seed=7).bars().write_csv(file)

    # when
    second = run_demo(demo.home, "--bars", str(file))

    # then: a problem of its own, and the first run's results are untouched
    assert second.document["bundle"] != demo.document["bundle"]
    assert second.document["verdict"]["trials"] == TRIALS
    assert len(TrialLedger(demo.home / "ledger").problems()) == 2
    assert "mine.csv" in second.talk
    PolicyBundle.load(demo.document["bundle"])
