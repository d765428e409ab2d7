"""The verdict: every condition alone can say no, and all together say yes."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from random_trader import trade_at_random

from cluster.errors import DataError
from envs import Market, V6Params, Window
from train.backtest.baselines import baselines
from train.backtest.evaluation import Evaluation, evaluate
from train.stats.clusters import effective_trials
from train.stats.overfitting import probability_of_overfitting
from train.stats.significance import Moments, deflated_sharpe_ratio
from train.stats.superiority import superiority_p
from train.verdict.verdict import judge

DAYS = 250


def path(kind: str, returns: np.ndarray, **changes: object) -> Evaluation:
    """A path with these daily returns, one decision a session, actions that vary."""
    days = len(returns)
    equity = 1e5 * np.cumprod(np.concatenate([[1.0], 1.0 + returns]))
    made = Evaluation(
        kind=kind,
        sessions=np.arange(days),
        session_dates=np.datetime64("2024-01-01") + np.arange(days),
        daily_returns=returns,
        bars=np.arange(1, days + 1),
        equity=equity,
        invested=np.zeros(days),
        traded=np.zeros(days),
        costs=np.zeros(days),
        fills=10,
        actions=(np.arange(days * 2).reshape(days, 2) % 3).astype(np.int8),
    )
    return replace(made, **changes)


def noise(seed: int, sharpe: float) -> np.ndarray:
    """Daily returns of 1 % volatility whose sample Sharpe ratio a year is exactly `sharpe`."""
    drawn = np.random.default_rng(seed).normal(size=DAYS)
    unit = (drawn - drawn.mean()) / drawn.std(ddof=1)
    return 0.01 * (unit + sharpe / 252**0.5)


def trials(*sharpes: float | None) -> pl.DataFrame:
    return pl.DataFrame({"test_sharpe": sharpes}, schema={"test_sharpe": pl.Float64})


OTHERS = [
    path("flat", np.zeros(DAYS), actions=None, fills=0),
    path("buy_and_hold", noise(1, 0.3), actions=None, symbol="SPY"),
    path("equal_weight", noise(2, 0.2), actions=None),
]
SKILLED = path("policy", noise(3, 6.0))
TRIALS = trials(6.0, 5.5, 5.8, 6.2)


def test_skill_that_clears_everything_is_better() -> None:
    verdict = judge(SKILLED, OTHERS, TRIALS)

    assert verdict.better
    assert verdict.label == "BETTER"
    assert verdict.reasons == ()
    assert len(verdict.checks) == 6
    assert all(check.passed for check in verdict.checks)
    assert verdict.sharpe == pytest.approx(6.0, rel=1e-9)
    assert verdict.deflated_sharpe > 0.99
    assert [row.baseline for row in verdict.excess] == ["flat", "buy_and_hold SPY", "equal_weight"]
    assert verdict.excess[1].excess == pytest.approx(5.7, rel=1e-9)
    assert all(row.low > 0.0 for row in verdict.excess)
    assert verdict.headline.endswith("BETTER")


def test_the_deflation_is_that_of_the_ledger() -> None:
    table = trials(0.5, 1.5, -0.5, None)

    verdict = judge(SKILLED, OTHERS, table)

    variance = np.var([0.5, 1.5, -0.5], ddof=1) / 252
    expected = deflated_sharpe_ratio(Moments.of(SKILLED.daily_returns), variance, trials=4)
    assert verdict.deflated_sharpe == expected
    assert verdict.trials == 4
    assert verdict.deflation_threshold == pytest.approx(1.0632, abs=2e-2)


def test_many_trials_that_scatter_take_the_same_policy_down() -> None:
    lucky = path("policy", noise(3, 2.5))
    scattered = trials(*np.random.default_rng(0).normal(0.0, 1.0, 200))

    alone, among = judge(lucky, OTHERS, trials(2.5)), judge(lucky, OTHERS, scattered)

    assert alone.deflated_sharpe > 0.95 > among.deflated_sharpe
    assert any(reason.startswith("deflated Sharpe 0.") for reason in among.reasons)


def test_a_single_trial_is_judged_without_deflation() -> None:
    verdict = judge(SKILLED, OTHERS, trials(6.0))

    assert verdict.deflation_threshold == 0.0
    assert verdict.better


def test_trials_without_a_test_path_still_raise_the_bar() -> None:
    failed = judge(SKILLED, OTHERS, trials(6.0, None, None))

    assert failed.trials == 3
    # variance of a ratio without skill: 1 / (D - 1) a day
    assert failed.deflation_threshold == pytest.approx(0.85 * (252 / 249) ** 0.5, abs=0.05)


@pytest.mark.parametrize("rival", [0, 1, 2])
def test_each_baseline_alone_can_say_no(rival: int) -> None:
    equals = noise(3, 5.9)
    others = [
        replace(row, daily_returns=equals[::-1].copy()) if at == rival else row
        for at, row in enumerate(OTHERS)
    ]

    verdict = judge(SKILLED, others, TRIALS)

    assert not verdict.better
    (reason,) = verdict.reasons
    assert [str(check) for check in verdict.checks if not check.passed] == [reason]
    assert reason.startswith(f"Sharpe difference to {OTHERS[rival].name} +0.10, 95 % interval [-")


def test_a_policy_that_never_trades_is_degenerate() -> None:
    verdict = judge(replace(SKILLED, fills=0), OTHERS, TRIALS)

    assert verdict.reasons == ("degenerate: it never traded",)


def test_a_policy_that_always_says_the_same_is_degenerate() -> None:
    same = replace(SKILLED, actions=np.tile(np.array([1, 2], np.int8), (DAYS, 1)))

    verdict = judge(same, OTHERS, TRIALS)

    assert verdict.reasons == ("degenerate: it sent the same actions at every bar",)


def test_ruin_is_no_success() -> None:
    verdict = judge(replace(SKILLED, ruined=True), OTHERS, TRIALS)

    assert not verdict.better
    assert verdict.reasons == ("ruined: the account fell below half of its initial balance",)


def test_a_short_window_proves_nothing() -> None:
    def cut(row: Evaluation) -> Evaluation:
        return replace(row, daily_returns=row.daily_returns[:19], sessions=row.sessions[:19])

    verdict = judge(cut(SKILLED), [cut(row) for row in OTHERS], trials(6.0))

    assert "19 test sessions, needs 20" in verdict.reasons


def test_a_baseline_left_out_is_an_error() -> None:
    with pytest.raises(DataError, match="without the baseline equal_weight"):
        judge(SKILLED, OTHERS[:2], TRIALS)


def test_a_baseline_over_other_sessions_is_an_error() -> None:
    later = replace(OTHERS[1], sessions=OTHERS[1].sessions + 1)

    with pytest.raises(DataError, match="covers other sessions"):
        judge(SKILLED, [OTHERS[0], later, OTHERS[2]], TRIALS)


def test_a_ledger_without_the_trial_is_an_error() -> None:
    with pytest.raises(DataError, match="holds no trial"):
        judge(SKILLED, OTHERS, trials())


def test_the_same_seed_gives_the_same_verdict() -> None:
    assert judge(SKILLED, OTHERS, TRIALS, seed=4) == judge(SKILLED, OTHERS, TRIALS, seed=4)


def test_random_trading_on_a_random_walk_is_not_better(market: Market) -> None:
    params, window = V6Params.default(), Window(0, 420)
    chosen = trade_at_random(market, params, window)

    verdict = judge(chosen, baselines(market, params, window), trials(chosen.sharpe_ratio, 0.0))

    assert verdict.label == "NOT BETTER"
    assert verdict.reasons[0].startswith("deflated Sharpe")


def test_knowing_the_future_is_better(market: Market) -> None:
    # Positive control: it buys what will rise over the next session and sells what will fall.
    params = V6Params.default(max_trades_per_day=50)
    bars = iter(range(419))

    def act(observation: np.ndarray) -> np.ndarray:
        bar = next(bars)
        ahead = market.close[min(bar + 8, 419)] / market.close[bar] - 1.0
        return np.where(ahead > 0.004, 1, np.where(ahead < 0.0, 2, 0))[None]

    chosen = evaluate(act, market, params, Window(0, 420))
    others = baselines(market, params, Window(0, 420))

    assert judge(chosen, others, trials(chosen.sharpe_ratio)).better


def test_the_search_is_measured_from_the_trials_paths() -> None:
    tried = np.stack([SKILLED.daily_returns, *(noise(seed, 0.0) for seed in range(10, 16))])

    verdict = judge(SKILLED, OTHERS, trials(6.0, *[0.0] * 6), paths=tried)

    assert verdict.overfitting == probability_of_overfitting(tried) < 0.05
    assert verdict.effective_trials == effective_trials(tried) <= 7
    assert verdict.deflated_sharpe_effective is not None
    assert verdict.deflated_sharpe_effective >= verdict.deflated_sharpe
    for row, other in zip(verdict.excess, OTHERS, strict=True):
        expected = superiority_p(SKILLED.daily_returns, other.daily_returns, tried)
        assert row.spa_p == expected < 0.05


def test_without_paths_the_search_is_not_measured() -> None:
    verdict = judge(SKILLED, OTHERS, TRIALS)

    assert verdict.overfitting is None
    assert verdict.effective_trials == verdict.trials == 4
    assert verdict.deflated_sharpe_effective == verdict.deflated_sharpe


def test_the_raw_count_decides() -> None:
    # One thing tried two hundred times still counts two hundred times.
    lucky = path("policy", noise(3, 2.5))
    copies = np.tile(lucky.daily_returns, (200, 1))
    scattered = trials(*np.random.default_rng(0).normal(0.0, 1.0, 200))

    verdict = judge(lucky, OTHERS, scattered, paths=copies)

    assert verdict.effective_trials == 1
    assert verdict.deflated_sharpe_effective is not None
    assert verdict.deflated_sharpe_effective > 0.95 > verdict.deflated_sharpe
    assert not verdict.better
