"""Cheap policies for `make truth`: a ridge regression on a few features, and two thresholds.

A search is 4 configurations with 5 seeds each. Every configuration reads one family of features,
so that a market with a planted edge holds configurations that can see it and others that cannot.
Legend: A assets, F features, N trials, T bars.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from envs import Market, TradingVectorEnv, V6Params, Window
from envs.arrays import Float32, Float64, Int64
from train.backtest.evaluation import Course, Evaluation
from train.policy.networks import Actor, Perceptron, PolicyNet
from train.policy.normaliser import Normaliser
from train.policy.shape import NetworkShape

FAMILIES = {
    "reversion": ("zscore_20", "zscore_50", "ma_distance_20", "rsi", "bb_position"),
    "trend": ("roc_5", "roc_10", "momentum_accel_5", "adx_14", "efficiency_ratio_20"),
    "volume": ("vol_ratio", "obv_slope_20", "money_flow_index_14", "chaikin_money_flow_20"),
    "candles": ("body_pct", "upper_wick_share", "lower_wick_share", "close_location", "gap"),
}
SEEDS = range(5)
_BLOCK = 21  # bars that a resample keeps together


@dataclass(frozen=True)
class Ridge:
    """A configuration: what the search samples."""

    family: str
    horizon: int  # bars that the regression looks ahead
    bought: float  # share of the scores of the training window that say BUY; as many say SELL
    penalty: float  # of the ridge, in training rows

    def to_dict(self) -> dict[str, Any]:
        """For the ledger."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class LinearPolicy:
    """BUY where `weights @ features` is above `upper`, SELL where it is below `lower`."""

    weights: Float64  # (F,) of normalised features
    upper: float
    lower: float

    def actor(self, num_assets: int) -> Actor:
        """The same policy as a network without a hidden layer, for export."""
        net = PolicyNet(NetworkShape(num_assets, len(self.weights), hidden=()))
        assert isinstance(net.policy, Perceptron)
        (layer,) = net.policy.linears()
        wide = np.kron(np.eye(num_assets), self.weights)  # (A, A*F)
        with torch.no_grad():
            layer.weight.zero_()
            for choice, sign, limit in ((1, 1.0, self.upper), (2, -1.0, self.lower)):
                rows = slice(choice * num_assets, (choice + 1) * num_assets)
                layer.weight[rows, : wide.shape[1]] = torch.from_numpy(sign * wide).float()
                layer.bias[rows] = -sign * limit
        return Actor(net)

    def actions(self, features: Float32) -> Int64:
        """0 HOLD, 1 BUY, 2 SELL for normalised features (T, A, F) -> (T, A)."""
        scores = features @ self.weights
        buy, sell = scores > self.upper, scores < self.lower
        return np.where(buy, 1, np.where(sell, 2, 0))


def sample_configurations(seed: int) -> list[Ridge]:
    """One configuration a family, its other parameters drawn."""
    draw = np.random.default_rng(seed)
    return [
        Ridge(
            family=family,
            horizon=int(draw.choice([1, 2, 5])),
            bought=float(draw.choice([0.2, 0.3, 0.4])),
            penalty=float(draw.choice([1.0, 100.0, 1000.0])),
        )
        for family in FAMILIES
    ]


def fit(market: Market, scale: Normaliser, window: Window, given: Ridge, seed: int) -> LinearPolicy:
    """Regress the return from the next open on, relative to the other assets', on the features.

    Bars of `window` only, those too that the return ends at. The seed draws blocks
    of bars with replacement, which is what another seed is to a learner: another sample.
    """
    low = window.start
    open_ = market.require("open", "a return from the next open on")
    last = window.last - given.horizon  # its return ends at the open of the window's last bar
    bars = np.arange(low, last)[market.tradable[low:last].all(axis=1)]
    gained = open_[bars + 1 + given.horizon] / open_[bars + 1] - 1.0  # (T, A)
    target = gained - gained.mean(axis=1, keepdims=True)
    names = [market.feature_names.index(name) for name in FAMILIES[given.family]]
    seen = scale.apply(market.features[bars])[:, :, names].astype(np.float64)  # (T, A, K)
    rows = _resampled(len(bars), seed)
    x, y = seen[rows].reshape(-1, len(names)), target[rows].ravel()
    found = np.linalg.solve(x.T @ x + given.penalty * np.eye(len(names)), x.T @ y)
    weights = np.zeros(market.num_features)
    scores = seen @ found
    unit = float(scores.std()) or 1.0  # thresholds far from float32's rounding
    weights[names] = found / unit
    lower, upper = np.quantile(scores / unit, [given.bought, 1.0 - given.bought])
    return LinearPolicy(weights, float(upper), float(lower))


def walk_together(
    actions: Int64, market: Market, params: V6Params, window: Window, seed: int
) -> list[Evaluation]:
    """Walk N trials side by side in one batch of V6 environments.

    Args:
        actions: (N, T, A) of every bar of the market.
        market: the bars.
        params: V6 parameters; the time limit is lifted.
        window: the bars; the last one only marks the account.
        seed: of the slippage draws, which differ from trial to trial.
    """
    whole = replace(params, max_steps=window.stop)
    env = TradingVectorEnv(market, whole, num_envs=len(actions), window=window)
    env.reset(seed=seed, options={"start": window.start})
    courses = [Course(market, window, params) for _ in actions]
    ruined: dict[int, int] = {}  # trial: step
    for step in range(len(courses[0])):
        sent = actions[:, window.start + step]
        _, _, terminated, _, infos = env.step(sent)
        for trial, course in enumerate(courses):
            if trial in ruined:
                continue
            course.actions[step] = sent[trial]
            course.equity[step], course.cash[step] = infos["equity"][trial], infos["cash"][trial]
            course.traded[step], course.costs[step] = (
                infos["turnover"][trial],
                infos["costs"][trial],
            )
            course.shares[step] = env.batch.state.shares[trial]
            course.fills = int(infos["total_trades"][trial])
            if terminated[trial]:
                ruined[trial] = step
                course.close_out(step)
    return [
        course.finish(f"trial {trial}", sent_actions=True, ruined=trial in ruined)
        for trial, course in enumerate(courses)
    ]


def _resampled(count: int, seed: int) -> Int64:
    """Row numbers of whole blocks, drawn with replacement, `count` of them."""
    draw = np.random.default_rng(seed)
    starts = draw.integers(0, max(count - _BLOCK, 1), size=-(-count // _BLOCK))
    rows = (starts[:, None] + np.arange(_BLOCK)).ravel()[:count]
    kept: Int64 = np.minimum(rows, count - 1)
    return kept
