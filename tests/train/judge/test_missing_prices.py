"""From the market to the report where symbols begin late, end early and pause: numbers throughout.

A RuntimeWarning fails each of these tests, as it does everywhere.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from envs import Market, Window
from factories import SYMBOLS, bundle_on
from markup import words
from train.bundle.bundle import PolicyBundle
from train.bundle.windows import judged_window
from train.diagnose.stress import record_stress
from train.judge.judge_bundle import Judgement, judge_bundle
from train.ledger.ledger import TrialLedger, TrialRecord
from train.market.curriculum import Stage
from train.report.report import write_report

PAUSES, BEGINS, ENDS = slice(300, 310), 260, 390  # bars; the test window is 217 to 419


@pytest.fixture
def ragged(market: Market) -> Market:
    """The small market whose first symbol pauses, whose second begins late, whose third ends."""
    arrays = {name: np.array(array) for name, array in market.arrays().items()}
    close, opens, tradable = (arrays[name] for name in ("close", "open", "tradable"))
    tradable[PAUSES, 0] = tradable[:BEGINS, 1] = tradable[ENDS:, 2] = False
    close[PAUSES, 0], close[ENDS:, 2] = close[PAUSES.start - 1, 0], close[ENDS - 1, 2]
    close[:BEGINS, 1] = 0.0
    opens[~tradable] = close[~tradable]
    opens[BEGINS, 1] = close[BEGINS, 1]
    arrays["volume"][~tradable] = arrays["features"][~tradable] = 0.0
    arrays["volatility"][:BEGINS, 1] = 0.0
    return replace(market, **arrays)


@pytest.fixture
def ledger(tmp_path: Path, ragged: Market, trial: Callable[..., TrialRecord]) -> TrialLedger:
    kept = TrialLedger(tmp_path / "ledger")
    dates: list[date] = np.unique(ragged.ts[217:].astype("datetime64[D]")).tolist()
    for name in "abc":
        returns = np.random.default_rng(ord(name)).normal(0.0, 0.01, len(dates))
        kept.append(trial(trial_id=f"demo-1-{name}", test_dates=dates, test_returns=returns))
    return kept


@pytest.fixture
def judged(
    tmp_path: Path, ragged: Market, ledger: TrialLedger, weights: np.ndarray[Any, Any]
) -> Judgement:
    folder = bundle_on(Market.load(ragged.save(tmp_path / "t")), tmp_path / "b", weights)
    record_stress(PolicyBundle.load(folder), ragged, ledger)
    return judge_bundle(folder, ragged, ledger)


def numbers(value: object) -> list[float]:
    """Every number in a document."""
    if isinstance(value, dict):
        return [number for part in value.values() for number in numbers(part)]
    if isinstance(value, list):
        return [number for part in value for number in numbers(part)]
    return [value] if isinstance(value, int | float) else []


def test_verdict_stress_and_timing_hold_numbers(judged: Judgement, ragged: Market) -> None:
    given = judged.report_input()
    assert given.stress is not None
    assert given.timing is not None

    for part in (judged.verdict, given.stress):
        found = numbers(json.loads(part.model_dump_json()))
        assert len(found) > 20
        assert np.isfinite(found).all()
    for row in (*given.timing.rows, *given.timing.missed):
        told = [value for value in vars(row).values() if isinstance(value, float)]
        assert np.isfinite(told).all()
    assert {row.name for row in given.timing.rows if row.by == "asset"} == set(SYMBOLS)


def test_the_report_prints_no_number_that_is_none(judged: Judgement, tmp_path: Path) -> None:
    page = write_report(tmp_path / "report.html", judged.report_input()).read_text()

    assert not {"nan", "inf", "-inf"} & set(words(page).lower().split())
    assert '"y":[null' not in page.replace(" ", "")


def test_what_no_symbol_has_is_bought_by_nobody(judged: Judgement, ragged: Market) -> None:
    # the late symbol has no shares before it begins, and what has ended is kept at its last price
    for walk in (*judged.walks, *judged.baselines):
        assert walk.shares is not None
        before = walk.shares[walk.bars < BEGINS]
        assert not before[:, 1].any()
        assert np.isfinite(walk.equity).all()
        after = walk.shares[walk.bars >= ENDS]
        assert (after[:, 2] == after[0, 2]).all()


def test_a_curriculum_has_bars_to_start_at(ragged: Market, judged: Judgement) -> None:
    window = judged_window(judged.bundle.manifest)
    for starts in ("easy", "medium"):
        weights = Stage(starts, 10.0).weights(ragged, Window(140, window.stop))  # type: ignore[arg-type]
        assert weights is not None
        assert set(np.unique(weights)) <= {0.0, 1.0}
        assert weights[:140].sum() == 0.0
