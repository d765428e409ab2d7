"""The test path of a policy: one window, or those of a walk's folds one after the other.

Every piece starts from cash and pays its own way in, policies and baselines alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cluster.errors import DataError
from envs import Market, V6Params, Window
from envs.arrays import Float64
from train.backtest.baselines import baselines
from train.backtest.evaluation import Evaluation, evaluate
from train.backtest.random_policies import RandomPolicies, random_policies
from train.ledger.readings import Reading
from train.policy.contract import Act

Change = Callable[[V6Params], V6Params]


@dataclass(frozen=True, eq=False)
class Piece:
    """One policy on one test window."""

    act: Act
    policy: str  # bundle id
    trial: str  # that it comes from, by its id in the ledger
    market: Market  # with raw features
    params: V6Params
    window: Window  # the last bar only marks the account
    fold: int

    def reading(self, occasion: str) -> Reading:
        """The row that this walk leaves in the log of readings."""
        days = self.market.ts[[self.window.start, self.window.last]].astype("datetime64[D]")
        return Reading(
            bundle=self.policy,
            occasion=occasion,
            fold=self.fold,
            first=str(days[0]),
            last=str(days[1]),
            data=self.market.fingerprint,
        )


def unchanged(params: V6Params) -> V6Params:
    """The parameters as they are."""
    return params


def walk_policy(
    pieces: Sequence[Piece], *, seed: int = 0, change: Change = unchanged
) -> list[Evaluation]:
    """The policies' own walks, piece by piece; `change` makes the market dearer, for example."""
    return [
        evaluate(piece.act, piece.market, change(piece.params), piece.window, seed=seed)
        for piece in pieces
    ]


def walk_baselines(pieces: Sequence[Piece], *, seed: int = 0) -> list[Evaluation]:
    """Each baseline over the same sessions, started anew in every piece."""
    walks = [baselines(piece.market, piece.params, piece.window, seed=seed) for piece in pieces]
    return [stitch(row) for row in zip(*walks, strict=True)]


def walk_at_random(
    pieces: Sequence[Piece], walks: Sequence[Evaluation], *, seed: int = 0
) -> RandomPolicies:
    """Random policies like each walk, the first one of a piece going on as the next one's first."""
    found = [
        random_policies(walk, piece.market, piece.params, piece.window, seed=seed)
        for piece, walk in zip(pieces, walks, strict=True)
    ]
    days = [walk.days for walk in walks]
    return RandomPolicies(
        daily_returns=np.concatenate([row.daily_returns for row in found]),
        turnover=float(np.average([row.turnover for row in found], weights=days)),
        exposure=float(np.average([row.exposure for row in found], weights=days)),
    )


def stitch(walks: Sequence[Evaluation]) -> Evaluation:
    """One path of several: each takes up the wealth at which the one before ended.

    Money and shares are scaled so, returns are as they were.

    Raises:
        DataError: a piece does not come after the one before.
    """
    if len(walks) == 1:
        return walks[0]
    sessions = np.concatenate([walk.sessions for walk in walks])
    if (np.diff(sessions) <= 0).any():
        raise DataError("the pieces of a test path overlap", "their sessions do not increase")
    scales = _scales(walks)

    def money(name: str, first: int = 0) -> Float64:
        rows = zip(walks, scales, strict=True)
        return np.concatenate([getattr(walk, name)[first:] * scale for walk, scale in rows])

    return Evaluation(
        kind=walks[0].kind,
        sessions=sessions,
        session_dates=np.concatenate([walk.session_dates for walk in walks]),
        daily_returns=np.concatenate([walk.daily_returns for walk in walks]),
        bars=np.concatenate([walk.bars for walk in walks]),
        equity=np.concatenate([walks[0].equity[:1], money("equity", first=1)]),
        invested=money("invested"),
        traded=money("traded"),
        costs=money("costs"),
        fills=sum(walk.fills for walk in walks),
        actions=_joined([walk.actions for walk in walks]),
        ruined=any(walk.ruined for walk in walks),
        shares=_joined(
            [
                None if walk.shares is None else walk.shares * scale
                for walk, scale in zip(walks, scales, strict=True)
            ]
        ),
        symbol=_symbol_of(walks),
    )


def _joined(arrays: Sequence[npt.NDArray[Any] | None]) -> npt.NDArray[Any] | None:
    """All of them (N, A), or None where one is missing."""
    known = [array for array in arrays if array is not None]
    return np.concatenate(known) if len(known) == len(arrays) else None


def _scales(walks: Sequence[Evaluation]) -> list[float]:
    """What a dollar at the start of each piece has become by then."""
    growth = [float(walk.equity[-1] / walk.equity[0]) for walk in walks[:-1]]
    starts = np.cumprod([1.0, *growth]) * walks[0].equity[0]
    return [float(start / walk.equity[0]) for start, walk in zip(starts, walks, strict=True)]


def _symbol_of(walks: Sequence[Evaluation]) -> str:
    """Empty where the pieces hold different things."""
    return walks[0].symbol if len({walk.symbol for walk in walks}) == 1 else ""
