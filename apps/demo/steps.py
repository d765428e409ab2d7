"""The six steps of the demo; each returns what the next ones need and says what it found."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apps.demo.console import DemoConsole
from cluster.settings import Home

if TYPE_CHECKING:
    from envs import Market
    from features import CheckedBars
    from serve.state import ServeState
    from trade.session.replay import ReplayResult
    from train.judge.judge_bundle import Judgement
    from train.scenarios.scenario import PloutosConfig
    from train.sweep.sweep import SweepResult

MAX_SYMBOLS = 22  # two a sector; more would not train in minutes
SIMULATED_SESSIONS = 756  # three years
SIMULATED_SEED = 26  # parameters of the demo scenario were chosen on the market of seed 0
PROBED_SYMBOLS = 3
PROBED_BARS = 1_200
PAPER_SESSIONS = 10
TIMED_CALLS = 20


@dataclass(frozen=True)
class DemoData:
    """Bars, and where they are from."""

    bars: "CheckedBars"
    label: str  # SIMULATED, or the file's name
    source: str  # in the lake
    interval: str


def load_data(file: Path | None, home: Home, lines: list[str]) -> DemoData:
    """Step 1: bars of a file or of the simulated market, checked, into the lake."""
    from features import Lake, SimulatedMarket, check_bars, read_bars
    from features.bars.summary import summarise

    if file is None:
        market = SimulatedMarket(
            symbols=MAX_SYMBOLS, sessions=SIMULATED_SESSIONS, seed=SIMULATED_SEED
        )
        bars = check_bars(market.bars(), origin=market.label)
        label, source = market.label, market.source
    else:
        bars, label, source = read_bars(file), file.name, "file"
    bars, short = _with_enough_history(bars)
    found = len(bars.symbols)
    if found > MAX_SYMBOLS:
        bars = _most_traded(bars)
    summary = summarise(bars.frame)
    Lake(home.lake).write(bars, interval=summary.interval, source=source)
    kept = f" of {found}, those most traded in the first half" if found > MAX_SYMBOLS else ""
    lines.append(
        f"{label}: {len(summary.symbols)} symbols{kept}, {summary.start:%Y-%m-%d} to "
        f"{summary.end:%Y-%m-%d}, {summary.bars:,} bars of {summary.interval}, "
        f"{summary.gaps:,} gaps"
    )
    if summary.outside:
        lines.append(f"{summary.outside:,} bars outside regular hours are left out of the features")
    if short:
        some = ", ".join(short[:5]) + (", ..." if len(short) > 5 else "")
        lines.append(f"{len(short)} symbols too short to warm the features up: {some}")
    return DemoData(bars, label, source, bars.interval)


def _with_enough_history(bars: "CheckedBars") -> "tuple[CheckedBars, list[str]]":
    """The bars of symbols that warm the features up, and the names of the others."""
    import polars as pl

    from cluster.errors import DataError
    from features import warmup_bars
    from features.compute.table import session_bars

    needed = warmup_bars("v6")
    counted = session_bars(bars).group_by("symbol").len()
    enough = counted.filter(pl.col("len") > needed)["symbol"]
    short = sorted(set(bars.symbols) - set(enough))
    if enough.is_empty():
        longest = max(counted["len"], default=0)
        raise DataError(
            "no symbol has enough bars",
            f"the longest has {longest} in regular hours, "
            f"and the features need more than {needed} to warm up",
            "give it a longer history",
        )
    return bars.filter(pl.col("symbol").is_in(enough.implode())), short


def _most_traded(bars: "CheckedBars") -> "CheckedBars":
    """The most traded symbols of the first half, which every test window lies after."""
    import polars as pl

    from features.bars.liquidity import most_traded

    days = bars.frame["ts"].unique().sort()
    middle: datetime = days[len(days) // 2]
    return bars.filter(pl.col("symbol").is_in(most_traded(bars.frame, MAX_SYMBOLS, middle)))


def build_features(data: DemoData, lines: list[str]) -> "Market":
    """Step 2: the Market with its feature table, and probes for look-ahead."""
    import polars as pl

    from envs.from_bars import market_from_bars
    from features.compute.probes import probe_features

    market = market_from_bars(data.bars)
    probed = data.bars.symbols[:PROBED_SYMBOLS]
    newest = data.bars.filter(pl.col("symbol").is_in(probed)).frame
    report = probe_features(newest.group_by("symbol", maintain_order=True).tail(PROBED_BARS))
    lines.append(
        f"{market.num_features} columns over {market.num_bars:,} bars x {market.num_assets} "
        f"symbols, {report.probes} look-ahead probes, {len(report.violations)} violations"
    )
    return market


def demo_scenario(market: "Market") -> "PloutosConfig":
    """The `demo` scenario with its windows fitted to the clock: 2/3 train, 1/6, 1/6."""
    import numpy as np

    from train import PloutosConfig

    scenario = PloutosConfig.from_yaml("demo")
    sessions = len(np.unique(market.session))
    held_out = max(20, min(252, sessions // 6))
    folds = scenario.folds.model_copy(
        update={
            "validation_sessions": held_out,
            "test_sessions": held_out,
            "train_sessions": max(40, sessions // 2),
        }
    )
    return scenario.model_copy(update={"folds": folds})


def tune(
    market: "Market", data: DemoData, home: Home, console: DemoConsole, lines: list[str]
) -> "SweepResult":
    """Step 3: the sweep; validation chooses the best trial, which becomes a bundle."""
    from train.sweep.plan import SweepRequest
    from train.sweep.progress import SweepEvent
    from train.sweep.sweep import run_sweep

    def report(event: SweepEvent) -> None:
        if event.has_ended:
            sharpe = "-" if event.validation_sharpe is None else f"{event.validation_sharpe:.2f}"
            console.progress(
                f"trial {event.number}/{event.trials} {event.kind}: {event.steps:,} steps, "
                f"{event.steps_per_second:,.0f} steps/s, validation Sharpe {sharpe}"
            )

    request = SweepRequest(
        config=demo_scenario(market),
        market=market.save(home.tables),
        label=data.label,
        interval=data.interval,
        home=home,
    )
    result = run_sweep(request, report)
    best = result.trials.index(result.best) + 1
    lines.append(
        f"{len(result.trials)} trials, {result.steps:,} steps, "
        f"{result.steps / result.elapsed_s:,.0f} steps/s, "
        f"chosen by validation: trial #{best}, the median seed of the best configuration, "
        f"Sharpe {result.best.validation_sharpe:.2f}"
    )
    return result


def judge(bundle: Path, market: "Market", home: Home, lines: list[str]) -> "Judgement":
    """Step 4: the verdict on the test window."""
    from train.judge.judge_bundle import judge_bundle
    from train.ledger.ledger import TrialLedger

    judgement = judge_bundle(bundle, market, TrialLedger(home.ledger))
    verdict = judgement.verdict
    lines.append(verdict.headline)
    lines.extend(
        f"against {row.baseline}: Sharpe {row.excess:+.2f} [{row.low:+.2f}, {row.high:+.2f}]"
        for row in verdict.excess
    )
    if verdict.random is not None:
        lines.append(
            f"against {verdict.random.policies} random policies of its exposure and turnover: "
            f"above {verdict.random.quantile:.0%} of them, their median {verdict.random.sharpe:.2f}"
        )
    return judgement


def serve(bundle: Path, home: Home, lines: list[str]) -> "ServeState":
    """Step 5: the endpoint, and what one call takes."""
    import time

    from apps.cli.endpoint import neutral_request
    from cluster.servers import free_port, port_is_free
    from cluster.tokens import read_token
    from serve.client import PolicyClient
    from serve.control import DEFAULT_PORT, serve_up
    from serve.state import HOST

    port = DEFAULT_PORT if port_is_free(DEFAULT_PORT, HOST) else free_port(HOST)
    state = serve_up(bundle, home=home, port=port)
    taken = []
    with PolicyClient(state.url, read_token(state.token_path)) as client:
        request = neutral_request(client.model())
        for _ in range(TIMED_CALLS):
            begun = time.perf_counter()
            client.act(request)
            taken.append(1e3 * (time.perf_counter() - begun))
    lines.append(
        f"{state.url} (token in {state.token_path}), one call "
        f"{sorted(taken)[TIMED_CALLS // 2]:.1f} ms (median of {TIMED_CALLS})"
    )
    return state


def paper(
    judgement: "Judgement", data: DemoData, home: Home, console: DemoConsole, lines: list[str]
) -> "ReplayResult":
    """Step 6: the newest sessions, traded on the paper broker through the endpoint."""
    from apps.cli.endpoint import connected_client
    from features.simulated.simulated import SimulatedMarket
    from trade.policy.actors import HttpPolicy
    from trade.risk.limits import RiskLimits
    from trade.session.replay import ReplayRequest, SessionReport, replay
    from train.bundle.window_reading import note_days
    from train.bundle.windows import walked_days
    from train.ledger.ledger import TrialLedger

    manifest = judgement.bundle.manifest
    start = _first_paper_day(judgement)
    days = walked_days(home, manifest, start, None, data.bars)
    note_days(TrialLedger(home.ledger), manifest, days, "replay")

    def on_session(report: SessionReport) -> None:
        console.progress(
            f"{report.day}: {report.orders} orders, {report.denials} denials, "
            f"equity {report.equity:,.2f}"
        )

    with connected_client() as client:
        request = ReplayRequest(
            bars=data.bars,
            bundle=manifest,
            policy=HttpPolicy(client, manifest),
            journal=home.journal / f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl",
            label="SIMULATED" if data.label == SimulatedMarket.label else "REPLAY",
            start=start,
            limits=RiskLimits(**(manifest.risk or {})),
        )
        result = replay(request, on_session)
    denials = ", ".join(f"{count} {code}" for code, count in sorted(result.denials.items()))
    lines.append(
        f"{result.sessions} sessions through the endpoint: {result.orders} orders, "
        f"{result.fills} fills, {sum(result.denials.values())} denials"
        f"{f' ({denials})' if denials else ''}, {result.risk_breaches} risk breaches"
    )
    return result


def _first_paper_day(judgement: "Judgement") -> date:
    days = judgement.candidate.dates()
    return days[-min(PAPER_SESSIONS, len(days))]
