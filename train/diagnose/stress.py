"""Whether a result survives other seeds, dearer and later fills, other markets and other starts.

Everything is walked on the test window of the bundle. Nothing is chosen by what comes out, and of
several walks the median and the range are told, never the best.
"""

import numpy as np

from envs import Market, V6Params, Window
from envs.arrays import Bool, Float32, Float64, Int64
from train.backtest.costs import with_costs
from train.backtest.evaluation import Evaluation, evaluate
from train.backtest.holding import equal_weight
from train.bundle.bundle import PolicyBundle, refresh_card
from train.bundle.stress_record import Harder, RegimeResult, Spread, StressRecord, write_stress
from train.bundle.window_reading import note_reading
from train.bundle.windows import judged_window
from train.diagnose.same_configuration import repetitions
from train.ledger.ledger import TrialLedger
from train.market.regimes import REGIMES, regimes
from train.policy.contract import Act
from train.stats import metrics

COST_FACTORS = (1.0, 2.0, 5.0)
STARTS = (0, 1, 2, 3, 5, 8, 13, 21)  # sessions after the window's first one
LEAST_SESSIONS = 10  # in a regime, for a Sharpe ratio


def stress(bundle: PolicyBundle, market: Market, ledger: TrialLedger) -> StressRecord:
    """Measure everything, as one reading of the window; see `StressRecord`.

    Args:
        bundle: the policy.
        market: the bars it was made on.
        ledger: that knows its trial and the others of its configuration.

    Raises:
        DataError: the ledger is damaged.
    """
    params = V6Params.from_dict(bundle.manifest.v6_params)
    window = judged_window(bundle.manifest)
    note_reading(ledger, bundle.manifest, market, window, "stress")
    walked = evaluate(bundle.act, market, params, window)
    beside = equal_weight(market, params, window)
    return StressRecord(
        bundle_id=bundle.manifest.bundle_id,
        seeds=seed_spread(ledger, bundle),
        harder=(
            *(at_costs(bundle, market, window, factor) for factor in COST_FACTORS),
            _harder("fills one bar later", _later(bundle, market, params, window), beside),
        ),
        regimes=by_regime(market, walked, beside),
        starts=_spread(_started_later(bundle, market, params, window)),
    )


def record_stress(bundle: PolicyBundle, market: Market, ledger: TrialLedger) -> StressRecord:
    """Measure, and write the numbers into the bundle and its model card; as `stress`."""
    found = stress(bundle, market, ledger)
    write_stress(bundle.path, found)
    refresh_card(bundle.path)
    return found


def at_costs(bundle: PolicyBundle, market: Market, window: Window, factor: float) -> Harder:
    """The window with every cost of trading times `factor`; see `train.backtest.costs`."""
    params = with_costs(V6Params.from_dict(bundle.manifest.v6_params), factor)
    walked = evaluate(bundle.act, market, params, window)
    return _harder(f"costs x{factor:g}", walked, equal_weight(market, params, window))


def seed_spread(ledger: TrialLedger, bundle: PolicyBundle) -> Spread | None:
    """Test Sharpe ratios of the completed trials of the bundle's configuration, with its own."""
    same = repetitions(ledger, bundle.manifest)
    return _spread([metrics.sharpe_ratio(record.test_returns) for record in same]) if same else None


def by_regime(market: Market, walked: Evaluation, beside: Evaluation) -> tuple[RegimeResult, ...]:
    """The sessions of a walk by what the market was when the session before them ended."""
    first = np.searchsorted(market.session, walked.sessions)  # (D,) first bars of the sessions
    before = np.maximum(first - 1, 0)
    found = regimes(market)
    return tuple(
        _regime(name, walked.daily_returns, beside.daily_returns, found[name][before])
        for name in REGIMES
    )


def delayed(act: Act) -> Act:
    """The policy whose decisions reach the market one bar later; HOLD at first."""
    waiting: list[Int64] = []

    def late(observation: Float32) -> Int64:
        waiting.append(act(observation))
        return waiting.pop(0) if len(waiting) > 1 else np.zeros_like(waiting[0])

    return late


def _later(bundle: PolicyBundle, market: Market, params: V6Params, window: Window) -> Evaluation:
    return evaluate(delayed(bundle.act), market, params, window)


def _started_later(
    bundle: PolicyBundle, market: Market, params: V6Params, window: Window
) -> list[float]:
    """Sharpe ratios over the sessions that all starts have in common."""
    session = market.session[window.slice]
    firsts = window.start + np.flatnonzero(np.diff(session, prepend=session[0] - 1))  # (S,)
    # A third of a short window is left to be compared.
    starts = sorted({int(firsts[min(by, 2 * len(firsts) // 3)]) for by in STARTS})
    walks = [evaluate(bundle.act, market, params, Window(start, window.stop)) for start in starts]
    common = walks[-1].days
    return [metrics.sharpe_ratio(walk.daily_returns[-common:]) for walk in walks]


def _harder(name: str, walked: Evaluation, beside: Evaluation) -> Harder:
    found = walked.performance
    return Harder(
        name=name,
        sharpe=found.sharpe_ratio,
        total_return=found.total_return,
        max_drawdown=found.max_drawdown,
        equal_weight=beside.sharpe_ratio,
    )


def _regime(name: str, own: Float64, beside: Float64, inside: Bool) -> RegimeResult:
    sessions = int(inside.sum())
    enough = sessions >= LEAST_SESSIONS
    return RegimeResult(
        name=name,
        sessions=sessions,
        sharpe=metrics.sharpe_ratio(own[inside]) if enough else None,
        mean_return=float(own[inside].mean()) if sessions else 0.0,
        equal_weight=metrics.sharpe_ratio(beside[inside]) if enough else None,
    )


def _spread(ratios: list[float]) -> Spread:
    return Spread(
        count=len(ratios),
        median=float(np.median(ratios)),
        low=min(ratios),
        high=max(ratios),
    )
