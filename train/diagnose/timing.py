"""How well a policy times its trades: what followed its buys and sells, and what it missed.

The original sought more than half of its buys to be good ones. Every number stands beside that of
random trades: as many, of the same assets, at the same hours, in other sessions of the window.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from cluster.errors import DataError
from envs import Market, V6Params
from envs.arrays import Bool, Float64, Int64
from train.backtest.evaluation import Evaluation
from train.diagnose.forward_returns import AHEAD, Followed, followed
from train.diagnose.trades import new_york_hour, random_bars, trades_of
from train.market.regimes import REGIMES, regimes
from train.stats.bootstrap_days import DayBlocks

TARGET = 0.5  # the original's: share of good buys
SIDES = ("buy", "sell")
STRONG = 1.0  # standard deviations: a move that one would not want to miss
SCORE = "entry_score"


class NoTradesError(DataError):
    """A walk has no trade that enough closes follow."""


@dataclass(frozen=True)
class TimingRow:
    """Trades of one side in one group, by one measure; shares of 1."""

    by: str  # all, asset, regime or hour (of New York)
    name: str
    side: str  # buy or sell
    measure: str  # band: 1 % of the price; scaled: half a standard deviation
    trades: int
    good: float  # a buy below, or a sell above, what followed, by more than the band
    bad: float  # the other way round; the rest is neither
    low: float  # 95 % interval of `good`, by blocks of days
    high: float
    random: float | None  # `good` of random trades, their mean; None: none fall into the group
    random_low: float | None  # where 95 % of them lie
    random_high: float | None


@dataclass(frozen=True)
class MissedRow:
    """Asset-bars followed by a strong move, and whether the asset was held."""

    move: str  # rise or fall
    bars: int
    wrong: float  # share of them that was not held in a rise, or held in a fall
    low: float  # 95 % interval, by blocks of days
    high: float
    usual: float  # the same share over all asset-bars: what no timing at all would give


@dataclass(frozen=True)
class ScoreRow:
    """Trades of one side by what the feature `entry_score` said at the decision."""

    side: str
    score: str  # agrees, is zero, or disagrees
    trades: int
    share: float  # of the trades of that side
    good: float | None  # by the scaled measure; None without trades


@dataclass(frozen=True)
class Timing:
    """The diagnosis; `train.report.charts.timing_chart` draws it."""

    start: date
    end: date
    trades: int
    unresolved: int  # trades that fewer than ten closes follow, left out
    rows: tuple[TimingRow, ...]
    missed: tuple[MissedRow, ...]
    score: tuple[ScoreRow, ...]  # empty without the feature

    def row(self, side: str, measure: str = "band") -> TimingRow | None:
        """Of all trades of a side; None where there were none."""
        found = (r for r in self.rows if (r.by, r.side, r.measure) == ("all", side, measure))
        return next(found, None)


def timing(walked: Evaluation, market: Market, params: V6Params, *, seed: int = 0) -> Timing:
    """Diagnose a walk.

    Args:
        walked: of a policy through a window of `market`.
        market: the bars, with those after the window where there are any.
        params: V6 parameters of the walk.
        seed: of the random trades and the bootstrap.

    Raises:
        NoTradesError: the walk has no trade that ten closes follow.
        DataError: it has not noted its holdings, or the Market has no clock.
    """
    place = _Place(walked, market, params, seed)
    return Timing(
        start=walked.dates()[0],
        end=walked.dates()[-1],
        trades=place.count,
        unresolved=place.count - len(place.trades),
        rows=tuple(place.rows()),
        missed=tuple(place.missed()),
        score=tuple(place.score()),
    )


def timing_if_traded(walked: Evaluation, market: Market, params: V6Params) -> Timing | None:
    """The diagnosis; None where a walk has no trade to be timed.

    Raises:
        DataError: the walk has not noted its holdings, or the Market has no clock.
    """
    try:
        return timing(walked, market, params)
    except NoTradesError:
        return None


@dataclass(frozen=True, eq=False)
class _Group:
    by: str
    name: str
    fills: Bool  # (T, A) whether a fill at that bar belongs to it


class _Place:
    """One walk with everything that its rows are made from."""

    def __init__(self, walked: Evaluation, market: Market, params: V6Params, seed: int) -> None:
        self.walked, self.market, self.lag = walked, market, params.fill_lag
        self.ahead: Followed = followed(market, self.lag)
        every = trades_of(walked, market)
        self.count = len(every)
        self.trades = every.where(~np.isnan(self.ahead.scaled[every.bar, every.asset]))
        if not len(self.trades):
            raise NoTradesError(
                "no timing without trades",
                f"{self.count} trade(s), none with {AHEAD} closes after it and a volatility before",
                "diagnose a longer window, or another bundle",
            )
        self.hours = new_york_hour(market)
        self.random = random_bars(self.trades, walked.bars, self.hours, seed)  # (K, n)
        a_day = max(1.0, len(walked.bars) / walked.days)
        self.blocks = DayBlocks(walked.days, 1 + int(np.ceil(AHEAD / a_day)), seed)

    def rows(self) -> Iterator[TimingRow]:
        """Of all groups, sides and measures that have trades."""
        for group in self._groups():
            for measure in range(2):
                for side in SIDES:
                    row = self._row(group, side, measure)
                    if row is not None:
                        yield row

    def missed(self) -> Iterator[MissedRow]:
        """Strong rises without the asset, and strong falls with it."""
        bars, shares = self.walked.bars, self.walked.shares
        assert shares is not None  # trades_of has seen to it
        scaled = self.ahead.scaled[bars]  # (N, A)
        known = self.market.tradable[bars] & ~np.isnan(scaled)
        day = np.broadcast_to(self._day(bars)[:, None], known.shape)
        for move, sign in (("rise", 1.0), ("fall", -1.0)):
            wrong = (shares > 0.0) == (sign < 0.0)
            strong = known & (sign * scaled > STRONG)
            interval = self.blocks.share(wrong[strong], day[strong])
            if interval is not None:
                yield MissedRow(
                    move=move,
                    bars=int(strong.sum()),
                    wrong=float(wrong[strong].mean()),
                    low=interval.low,
                    high=interval.high,
                    usual=float(wrong[known].mean()),
                )

    def score(self) -> Iterator[ScoreRow]:
        """Trades by the sign of the entry score at their decision."""
        if SCORE not in self.market.feature_names:
            return
        trades = self.trades
        column = self.market.features[:, :, self.market.feature_names.index(SCORE)]
        agreement = trades.side * column[trades.bar - self.lag, trades.asset]
        good = self._good(1)[trades.bar, trades.asset, (trades.side < 0).astype(int)]
        for side, sign in zip(SIDES, (1, -1), strict=True):
            own = trades.side == sign
            kinds = (("agrees", agreement > 0), ("is zero", agreement == 0))
            for name, kind in (*kinds, ("disagrees", agreement < 0)):
                chosen = own & kind
                yield ScoreRow(
                    side=side,
                    score=name,
                    trades=int(chosen.sum()),
                    share=float(chosen.sum() / max(own.sum(), 1)),
                    good=float(good[chosen].mean()) if chosen.any() else None,
                )

    def _groups(self) -> Iterator[_Group]:
        shape = self.market.close.shape
        yield _Group("all", "all", np.ones(shape, np.bool_))
        for asset, symbol in enumerate(self.market.symbols):
            own = np.arange(shape[1]) == asset
            yield _Group("asset", symbol, np.broadcast_to(own, shape))
        kinds = regimes(self.market)
        for name in REGIMES:
            at_fill = np.zeros(shape[0], np.bool_)
            at_fill[self.lag :] = kinds[name][: shape[0] - self.lag]  # as known at the decision
            yield _Group("regime", name, np.broadcast_to(at_fill[:, None], shape))
        hours = np.unique(self.hours[self.walked.bars])
        for hour in hours if len(hours) > 1 else ():
            at_hour = (self.hours == hour)[:, None]
            yield _Group("hour", f"{hour:02}:00", np.broadcast_to(at_hour, shape))

    def _row(self, group: _Group, side: str, measure: int) -> TimingRow | None:
        name, values, band = self.ahead.measures()[measure]
        sign = 1 if side == "buy" else -1
        ours = self.trades.where(self.trades.side == sign)
        random = self.random[:, self.trades.side == sign]  # (K, m)
        inside = group.fills[ours.bar, ours.asset]
        found = sign * values[ours.bar, ours.asset][inside]
        interval = self.blocks.share(found > band, self._day(ours.bar[inside]))
        if interval is None:
            return None
        drawn = sign * values[random, ours.asset]
        counted = group.fills[random, ours.asset] & ~np.isnan(drawn)
        chance = _shares(counted & (drawn > band), counted)
        return TimingRow(
            by=group.by,
            name=group.name,
            side=side,
            measure=name,
            trades=len(found),
            good=float(np.mean(found > band)),
            bad=float(np.mean(found < -band)),
            low=interval.low,
            high=interval.high,
            random=float(chance.mean()) if len(chance) else None,
            random_low=float(np.quantile(chance, 0.025)) if len(chance) else None,
            random_high=float(np.quantile(chance, 0.975)) if len(chance) else None,
        )

    def _good(self, measure: int) -> Bool:
        """Whether a buy (..., 0) or a sell (..., 1) would have been good, (T, A, 2)."""
        _, values, band = self.ahead.measures()[measure]
        return np.stack([values > band, values < -band], axis=2)

    def _day(self, bars: Int64) -> Int64:
        """Number of the session of each bar within the walk."""
        return np.searchsorted(self.walked.sessions, self.market.session[bars])


def _shares(hits: Bool, counted: Bool) -> Float64:
    """Share of hits in each set of random trades that has any, (<= K,)."""
    total = counted.sum(axis=1)
    shares: Float64 = hits.sum(axis=1)[total > 0] / total[total > 0]
    return shares
