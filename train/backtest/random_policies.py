"""Policies that trade at random, but are invested and turn over as much as the one beside them.

They tell what its costs and its exposure alone would have earned: whoever is not far out among
them has chosen nothing. Legend: B policies, N decisions, D sessions, A assets.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from envs import Market, TradingVectorEnv, V6Params, Window, rules
from envs.arrays import Float64
from features.bars.sessions import SESSIONS_A_YEAR
from train.backtest.evaluation import Evaluation
from train.bundle.verdict_record import RandomTrading
from train.stats import metrics

POLICIES = 200
_GRID = 16  # chances to act times shares of buys, walked side by side
_LEAST_CHANCE = 1e-4  # to act, an asset and a bar


@dataclass(frozen=True, eq=False)
class RandomPolicies:
    """How B random policies did, and how close they are to what was asked for."""

    daily_returns: Float64  # (D, B)
    turnover: float  # mean of theirs, a year
    exposure: float  # mean of theirs, 0..1

    @cached_property
    def sharpe(self) -> Float64:
        """(B,) a year."""
        return metrics.sharpe_ratios(self.daily_returns)

    @property
    def median(self) -> float:
        """Median of their Sharpe ratios a year."""
        return float(np.median(self.sharpe))

    def beside(self, candidate: Evaluation) -> RandomTrading:
        """What a verdict tells of them."""
        return RandomTrading(
            policies=len(self.sharpe),
            sharpe=self.median,
            turnover=self.turnover,
            exposure=self.exposure,
            quantile=self.quantile(candidate.sharpe_ratio),
        )

    def quantile(self, sharpe: float) -> float:
        """Share of them with a lower Sharpe ratio; half of those with the same."""
        below, same = np.mean(self.sharpe < sharpe), np.mean(self.sharpe == sharpe)
        return float(below + same / 2.0)


def random_policies(
    like: Evaluation,
    market: Market,
    params: V6Params,
    window: Window,
    *,
    seed: int = 0,
) -> RandomPolicies:
    """200 policies that trade at random, with the exposure and the turnover of `like`.

    Each acts on each asset at each bar with a fixed chance, and buys with another one; both are
    the same for all 200. They are looked for on a grid of 16 x 16, and twice more where a plane
    through the walks of a finer grid meets what is asked for. What V6 refuses is refused here too,
    so the match is close and not exact.

    Args:
        like: the walk of a policy through the same window.
        market: the bars.
        params: V6 parameters.
        window: the bars; the last one only marks the account.
        seed: of all draws.
    """
    walker = _Walker(market, params, window, seed)
    box = _Box(
        np.array([np.log(_LEAST_CHANCE) / 2.0, 0.5]), np.array([-np.log(_LEAST_CHANCE), 1.0])
    )
    for stream in range(3):
        points = box.grid()
        found = walker.walk(points, stream)
        middle = _solved(points, found, like) if stream else points[_nearest(found, like)]
        box = _Box(box.clipped(middle), box.size * 4.0 / _GRID)
    walked = walker.walk(np.tile(box.middle, (POLICIES, 1)), 3)
    return RandomPolicies(
        daily_returns=walked.daily_returns,
        turnover=float(walked.turnover.mean()),
        exposure=float(walked.exposure.mean()),
    )


@dataclass(frozen=True, eq=False)
class _Walked:
    daily_returns: Float64  # (D, B)
    turnover: Float64  # (B,) a year
    exposure: Float64  # (B,)


@dataclass(frozen=True, eq=False)
class _Box:
    """A part of the plane of (log of the chance to act, share of buys)."""

    middle: Float64  # (2,)
    size: Float64  # (2,)

    def grid(self) -> Float64:
        """Points (B, 2) all over it, inside of what chances can be."""
        low, high = (
            self._limited(self.middle - self.size / 2),
            self._limited(self.middle + self.size / 2),
        )
        axes = [np.linspace(*ends, _GRID) for ends in zip(low, high, strict=True)]
        return np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, 2)

    def clipped(self, point: Float64) -> Float64:
        """The nearest point inside."""
        half = self.size / 2
        return self._limited(np.clip(point, self.middle - half, self.middle + half))

    def _limited(self, point: Float64) -> Float64:
        return np.clip(point, [np.log(_LEAST_CHANCE), 0.02], [0.0, 0.98])


def _nearest(found: _Walked, like: Evaluation) -> int:
    """The walk most like the one asked for; both numbers count in shares of what is asked for."""
    turnover = (found.turnover - like.turnover) / max(like.turnover, 1e-9)
    exposure = (found.exposure - like.exposure) / max(like.exposure, 1e-9)
    return int(np.argmin(turnover**2 + exposure**2))


def _solved(points: Float64, found: _Walked, like: Evaluation) -> Float64:
    """Where planes through turnover and exposure, by least squares, meet what is asked for."""
    centre = points.mean(axis=0)
    design = np.column_stack([np.ones(len(points)), points - centre])  # (B, 3)
    numbers = np.column_stack([found.turnover, found.exposure])  # (B, 2)
    planes = np.linalg.lstsq(design, numbers)[0]  # (3, 2)
    missing = np.array([like.turnover, like.exposure]) - planes[0]
    point: Float64 = centre + np.linalg.lstsq(planes[1:].T, missing)[0]
    return point


@dataclass(frozen=True)
class _Walker:
    market: Market
    params: V6Params
    window: Window
    seed: int

    def walk(self, points: Float64, stream: int) -> _Walked:
        """Walk B policies side by side; (B, 2) log of the chance to act, share of buys."""
        steps = len(self.window) - 1
        count = len(points)
        whole = replace(self.params, max_steps=self.window.stop)
        env = TradingVectorEnv(self.market, whole, num_envs=count, window=self.window)
        env.reset(seed=self.seed + stream, options={"start": self.window.start})
        generator = np.random.default_rng([self.seed, stream])
        act, buy = np.exp(points[:, :1]), points[:, 1:]
        equity = np.full((steps + 1, count), float(self.params.initial_balance))
        invested, traded = np.zeros((2, steps, count))
        alive = np.ones(count, np.bool_)
        for step in range(steps):
            acts, buys = generator.random((2, count, self.market.num_assets), np.float32)
            actions = np.where(buys < buy, rules.BUY, rules.SELL) * (acts < act)
            _, _, terminated, _, infos = env.step(actions)
            equity[step + 1] = np.where(alive, infos["equity"], equity[step])
            invested[step] = np.where(alive, infos["equity"] - infos["cash"], 0.0)
            traded[step] = np.where(alive, infos["turnover"], 0.0)
            alive &= ~terminated  # a ruined account stays closed
        return self._summed(equity, invested, traded)

    def _summed(self, equity: Float64, invested: Float64, traded: Float64) -> _Walked:
        decided = np.arange(self.window.start, self.window.last)
        session = self.market.session[decided + self.params.fill_lag]
        last = np.flatnonzero(np.diff(session, append=session[-1] + 1))  # (D,)
        path = np.vstack([equity[:1], equity[1:][last]])
        turned = traded.sum(axis=0) / 2.0 / equity[1:].mean(axis=0)
        return _Walked(
            daily_returns=path[1:] / path[:-1] - 1.0,
            turnover=turned * SESSIONS_A_YEAR / len(last),
            exposure=np.mean(invested / equity[1:], axis=0),
        )
