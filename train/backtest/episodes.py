"""The reliability test of the original: many short episodes at different starts, not one long one.

A policy that is good in one stretch and bad in the next has a fine mean and no reliability.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np

from cluster.errors import UsageError
from envs import Market, V6Params, Window
from envs.arrays import Int64
from train.backtest.evaluation import evaluate
from train.backtest.holding import equal_weight
from train.bundle.bundle import PolicyBundle
from train.bundle.windows import parts_of, unseen_window


@dataclass(frozen=True)
class Episode:
    """One episode from cash, and equal weight over the same sessions."""

    start: date  # first session
    end: date  # last session
    part: str  # of the bundle's data: validation, test, both, or later
    total_return: float
    equal_weight: float  # its total return
    sharpe: float  # a year
    max_drawdown: float
    fills: int
    ruined: bool


@dataclass(frozen=True)
class Episodes:
    """Several episodes of equal length."""

    bundle: str
    days: int  # sessions each
    overlap: float  # share of sessions that an episode has in common with the one before
    rows: tuple[Episode, ...]

    @property
    def profitable(self) -> float:
        """Share of the episodes with a return above 0."""
        return float(np.mean([row.total_return > 0.0 for row in self.rows]))

    @property
    def ahead(self) -> float:
        """Share of the episodes with a return above equal weight's."""
        return float(np.mean([row.total_return > row.equal_weight for row in self.rows]))

    @property
    def median_return(self) -> float:
        """Of an episode."""
        return float(np.median([row.total_return for row in self.rows]))

    @property
    def median_sharpe(self) -> float:
        """Of an episode, a year."""
        return float(np.median([row.sharpe for row in self.rows]))

    @property
    def worst_drawdown(self) -> float:
        """Of all episodes, 0..1."""
        return max(row.max_drawdown for row in self.rows)


def run_episodes(
    bundle: PolicyBundle, market: Market, *, days: int, count: int, seed: int = 0
) -> Episodes:
    """Walk a bundle through `count` episodes of `days` sessions that it has not trained on.

    The starts are spread evenly over what there is, so episodes overlap where it is short.

    Args:
        bundle: the policy.
        market: its own bars, or later ones.
        days: sessions an episode, at least 2.
        count: episodes.
        seed: of the slippage draws; each episode has its own.

    Raises:
        UsageError: fewer sessions than one episode needs.
    """
    params = V6Params.from_dict(bundle.manifest.v6_params)
    inside = unseen_window(bundle.manifest, market)
    windows = _windows(market, inside, params.fill_lag, days)
    if len(windows) < 1 or days < 2 or count < 1:
        most = len(_windows(market, inside, params.fill_lag, 1))
        raise UsageError(
            f"no {count} episode(s) of {days} sessions",
            f"bundle {bundle.manifest.bundle_id} has {most} sessions that it has not trained on; "
            "an episode needs at least 2",
            f"--days {max(2, most)} or less, or later bars: --bars FILE",
        )
    count = min(count, len(windows))
    chosen = np.linspace(0, len(windows) - 1, count).round().astype(int)
    apart = np.diff(chosen).min() if count > 1 else days
    rows = [
        _episode(bundle, market, params, windows[at], seed + number)
        for number, at in enumerate(chosen.tolist())
    ]
    overlap = float(max(0.0, 1.0 - apart / days))
    return Episodes(bundle.manifest.bundle_id, days, overlap, tuple(rows))


def _windows(market: Market, inside: Window, lag: int, days: int) -> list[Window]:
    """Every window inside another one whose marks cover `days` whole sessions."""
    session: Int64 = market.session
    off = 0 if lag else 1  # a fill at the close is marked at its own bar
    firsts = np.flatnonzero(np.diff(session, prepend=session[:1] - 1))  # (S,) first bars
    ends = np.append(firsts[1:], len(session)) - 1  # (S,) last bars
    return [
        Window(int(first) - lag, int(end) + off + 1)
        for first, end in zip(firsts, ends[days - 1 :], strict=False)
        if first - lag >= inside.start and end + off <= inside.last
    ]


def _episode(
    bundle: PolicyBundle, market: Market, params: V6Params, window: Window, seed: int
) -> Episode:
    walked = evaluate(bundle.act, market, params, window, seed=seed)
    beside = equal_weight(market, params, window, seed=seed)
    dates, found = walked.dates(), walked.performance
    marked = Window(int(walked.bars[0]), int(walked.bars[-1]) + 1)
    return Episode(
        start=dates[0],
        end=dates[-1],
        part=parts_of(bundle.manifest, market, marked),
        total_return=found.total_return,
        equal_weight=beside.performance.total_return,
        sharpe=found.sharpe_ratio,
        max_drawdown=found.max_drawdown,
        fills=walked.fills,
        ruined=walked.ruined,
    )
