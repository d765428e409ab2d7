"""The report: self-contained, verdict first, the same bytes every time, readable on a phone."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_
from random_trader import trade_at_random

from cluster.errors import DataError
from cluster.html.page import render
from envs import Market, V6Params, Window
from markup import hostile, skeleton, words
from train.backtest.baselines import baselines
from train.backtest.exposure import Exposure
from train.bundle.manifest import ManifestFields, complete
from train.bundle.stress_record import Harder, RegimeResult, Spread, StressRecord
from train.diagnose.timing import Timing, TimingRow
from train.ledger.ledger import TrialLedger, TrialRecord
from train.report.report import FoldChoice, ReportInput, report_page, write_report
from train.verdict.verdict import judge


@pytest.fixture
def given(
    tmp_path: Path, market: Market, stated: ManifestFields, trial: Callable[..., TrialRecord]
) -> ReportInput:
    ledger = TrialLedger(tmp_path / "ledger")
    random = np.random.default_rng(0)
    for name, status in (("a", "completed"), ("b", "completed"), ("<c>", "pruned")):
        ledger.append(
            trial(
                trial_id=f"demo-1-{name.strip('<>')}",
                sweep=f"demo <{name}>",
                status=status,
                test_returns=random.normal(0.0, 0.01, 3),
                validation_sharpe=float(random.normal()),
            )
        )
    params, window = V6Params.default(), Window(217, 420)
    candidate = trade_at_random(market, params, window)
    others = baselines(market, params, window)
    trials = ledger.trials("0123456789abcdef")
    return ReportInput(
        verdict=judge(candidate, others, trials),
        candidate=candidate,
        baselines=others,
        trials=trials,
        manifest=complete(stated, {"policy.onnx": "0" * 64}),
    )


def test_the_verdict_comes_first_and_its_numbers_follow(given: ReportInput, tmp_path: Path) -> None:
    path = write_report(tmp_path / "reports" / "demo.html", given)

    told = words(path.read_text())
    assert told.startswith("NOT BETTER: demo SIMULATED MARKET: NO REAL PRICES Ploutos")
    for number in (given.verdict.sharpe, given.verdict.deflated_sharpe, given.verdict.sharpe_low):
        assert f"{number:.2f}".replace("-", "−") in told
    for reason in given.verdict.reasons:
        assert reason.replace("_", " ") in told


def test_it_tells_what_was_tried_and_what_it_was_made_of(
    given: ReportInput, tmp_path: Path
) -> None:
    told = words(write_report(tmp_path / "demo.html", given).read_text())

    assert "3 trials of 3 sweep(s): 2 completed, 1 pruned" in told
    assert "gamma 0.99, n_steps 64" in told
    assert "217 to 419" in told
    for fact in ("ab" * 32, "cd" * 32, "XLK, XLF, XLE", "0123456789abcdef", "0.1.0"):
        assert fact in told
    for name in ("random", "flat", "buy and hold", "equal weight"):
        assert name in told


def test_it_loads_nothing_from_elsewhere(given: ReportInput, tmp_path: Path) -> None:
    page = write_report(tmp_path / "demo.html", given).read_text()

    assert not re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=|<link", page)
    assert page.count("Plotly.newPlot(") >= 3


def test_the_same_input_gives_the_same_bytes(given: ReportInput, tmp_path: Path) -> None:
    first = write_report(tmp_path / "a.html", given).read_bytes()

    assert write_report(tmp_path / "b.html", given).read_bytes() == first


def test_real_data_carries_no_simulated_label(
    given: ReportInput, tmp_path: Path, stated: ManifestFields
) -> None:
    span = stated.data.model_copy(update={"label": "hourly.parquet"})
    manifest = complete(stated.model_copy(update={"data": span}), {"policy.onnx": "0" * 64})
    real = ReportInput(given.verdict, given.candidate, given.baselines, given.trials, manifest)

    told = words(write_report(tmp_path / "demo.html", real).read_text())

    assert "SIMULATED" not in told
    assert "hourly.parquet" in told


def test_better_says_that_everything_was_met(given: ReportInput, tmp_path: Path) -> None:
    yes = given.verdict.model_copy(update={"label": "BETTER", "reasons": ()})
    better = ReportInput(yes, given.candidate, given.baselines, given.trials, given.manifest)

    told = words(write_report(tmp_path / "demo.html", better).read_text())

    assert told.startswith("BETTER: demo")
    assert "Every condition was met." in told


def test_names_from_elsewhere_cannot_inject_markup(
    given: ReportInput, tmp_path: Path, stated: ManifestFields
) -> None:
    hostile = stated.model_copy(update={"scenario": "<script>alert(1)</script>"})
    manifest = complete(hostile, {"policy.onnx": "0" * 64})
    injected = ReportInput(given.verdict, given.candidate, given.baselines, given.trials, manifest)

    page = write_report(tmp_path / "demo.html", injected).read_text()

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def told_by(given: ReportInput, text: str) -> ReportInput:
    """The same input, with `text` wherever a text can come from elsewhere."""
    verdict, stated = given.verdict, given.manifest
    lineage = stated.lineage.model_copy(update={"sweep": text, "trial": text})
    walks = [replace(row, symbol=text) for row in given.baselines]
    sharpes = {walk.name: 0.1 for walk in walks}
    days = (date(2024, 1, 2), date(2024, 6, 3))
    fold = FoldChoice(0, days, text, {text: text}, 0, 1, 0.5, 0.4, baselines=sharpes)
    spread = Spread(count=2, median=0.4, low=0.1, high=0.6)
    harder = Harder(name=text, sharpe=0.1, total_return=0, max_drawdown=0, equal_weight=0)
    regime = RegimeResult(name=text, sessions=1, sharpe=0.1, mean_return=0, equal_weight=0)
    row = TimingRow("asset", text, "buy", "band", 9, 0.4, 0.3, 0.2, 0.5, 0.4, 0.3, 0.5)
    return replace(
        given,
        verdict=verdict.model_copy(
            update={
                "label": text,
                "reasons": (text, text),
                "excess": tuple(
                    row.model_copy(update={"baseline": text}) for row in verdict.excess
                ),
            }
        ),
        candidate=replace(given.candidate, symbol=text),
        baselines=walks,
        trials=given.trials.with_columns(
            *(pl.lit(text).alias(name) for name in ("trial_id", "sweep", "status", "code_version")),
            config=pl.lit(json.dumps({text: text})),
        ),
        manifest=stated.model_copy(
            update={
                **dict.fromkeys(("scenario", "learner", "feature_set", "problem"), text),
                "symbols": (text,),
                "data": stated.data.model_copy(update={"label": text, "fingerprint": text}),
                "lineage": lineage,
            }
        ),
        stress=StressRecord(
            bundle_id="b", seeds=spread, harder=(harder,), regimes=(regime,), starts=spread
        ),
        folds=[fold],
        exposure=Exposure(tuple(given.candidate.dates()[:2]), (text,), np.ones((2, 1))),
        timing=Timing(*days, 9, 0, (row,), (), ()),
    )


@given_(text=hostile)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_text_from_elsewhere_adds_or_changes_an_element(given: ReportInput, text: str) -> None:
    def drawn(text: str) -> str:
        page = report_page(told_by(given, text))
        return "".join(render(part) for part in (page.banner, *page.parts))

    harmless, page = drawn("text"), drawn(text)

    assert skeleton(page) == skeleton(harmless)
    assert words(page).count(text) >= 40


def test_no_trials_no_report(given: ReportInput, tmp_path: Path) -> None:
    bare = ReportInput(
        given.verdict, given.candidate, given.baselines, given.trials.clear(), given.manifest
    )

    with pytest.raises(DataError, match="no report without trials"):
        write_report(tmp_path / "demo.html", bare)


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1200])
def test_a_browser_draws_it_without_errors_and_without_scrolling_sideways(
    given: ReportInput, chromium: Any, tmp_path: Path, width: int
) -> None:
    path = write_report(tmp_path / "demo.html", given)
    errors: list[str] = []
    page = chromium.new_page(viewport={"width": width, "height": 800})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request", lambda request: errors.append(request.url) if "http" in request.url else None
    )
    page.goto(path.as_uri())
    page.wait_for_selector("#trials .main-svg")
    charts = page.locator(".js-plotly-plot").count()
    wide = page.evaluate("document.documentElement.scrollWidth")
    picture = page.screenshot(path=str(tmp_path / "report.png"), full_page=True)
    page.close()

    assert errors == []
    assert charts == 3
    assert wide <= width
    assert len(picture) > 50_000


def test_what_searching_explains_is_told(given: ReportInput, tmp_path: Path) -> None:
    measured = given.verdict.model_copy(
        update={"overfitting": 0.41, "effective_trials": 2, "deflated_sharpe_effective": 0.5}
    )

    without = words(write_report(tmp_path / "a.html", given).read_text())
    told = words(write_report(tmp_path / "b.html", replace(given, verdict=measured)).read_text())

    assert "probability of overfitting not measured; the gate wants at most 0.2" in without
    assert "probability of overfitting 0.410; the gate wants at most 0.2" in told
    assert "counting clusters 0.500 over 2 different thing(s) tried" in told
    assert re.search(r"Hansen.{1,8}s p, at most 0.05 flat \d\.\d{3}, buy and hold", told)
    assert "Sharpe on validation 0.50; the original sought more than 1.5" in told
