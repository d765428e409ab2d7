"""The trades of a walk, one by one, and random ones at the same hours."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from cluster.errors import DataError
from envs import Market
from envs.arrays import Bool, Int64
from train.backtest.evaluation import Evaluation

EXCHANGE = "America/New_York"
RANDOM = 200  # sets of random trades
_DUST = 1e-9  # units: less is rounding


@dataclass(frozen=True, eq=False)
class Trades:
    """n fills, oldest first."""

    bar: Int64  # (n,) bar of the fill
    asset: Int64  # (n,)
    side: Int64  # (n,) 1 a buy, -1 a sell

    def __len__(self) -> int:
        return len(self.bar)

    def where(self, chosen: Bool) -> "Trades":
        """Those that are chosen (n,)."""
        return Trades(self.bar[chosen], self.asset[chosen], self.side[chosen])


def trades_of(walked: Evaluation, market: Market) -> Trades:
    """Every change of a holding that was decided.

    Not the closing of an account in ruin, nor the sale of a name that leaves its slot.

    Raises:
        DataError: the walk has not noted its holdings.
    """
    if walked.shares is None:
        raise DataError("the walk has not noted its holdings", "", "evaluate it again")
    change = np.diff(walked.shares, axis=0, prepend=0.0)
    change[walked.traded == 0.0] = 0.0
    if market.occupant is not None:
        seated = market.occupant
        change[seated[walked.bars] != seated[np.maximum(walked.bars - 1, 0)]] = 0.0
    step, asset = np.nonzero(np.abs(change) > _DUST)
    return Trades(walked.bars[step], asset, np.sign(change[step, asset]).astype(np.int64))


def new_york_hour(market: Market) -> Int64:
    """Hour of the day in New York at which each bar begins, (T,); 0 for daily bars.

    Raises:
        DataError: the Market has no clock.
    """
    if np.isnat(market.ts).any():
        raise DataError("the bars have no hours", "the Market was made without ts")
    if (np.diff(market.session) > 0).all():
        return np.zeros(market.num_bars, np.int64)
    clock = pl.Series(market.ts).dt.replace_time_zone("UTC").dt.convert_time_zone(EXCHANGE)
    return clock.dt.hour().to_numpy().astype(np.int64)


def random_bars(trades: Trades, bars: Int64, hours: Int64, seed: int) -> Int64:
    """Bars (200, n) of random trades: each at a bar of the same hour as the trade it stands for.

    Args:
        trades: those that they stand for; asset and side stay.
        bars: the bars of the window.
        hours: (T,) of every bar of the market.
        seed: of the draws.
    """
    generator = np.random.default_rng(seed)
    drawn = np.empty((RANDOM, len(trades)), np.int64)
    own = hours[trades.bar]
    for hour in np.unique(own):
        same = own == hour
        choice = bars[hours[bars] == hour]
        drawn[:, same] = generator.choice(choice, (RANDOM, int(same.sum())))
    return drawn
