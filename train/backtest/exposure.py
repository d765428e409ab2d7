"""How much of an account lay in each sector, session by session.

Legend: A assets, D sessions, N marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from cluster.errors import DataError
from envs import Market
from envs.arrays import Float64
from features.universe.sector_of import sectors_by_name
from train.backtest.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Exposure:
    """Shares of equity at the last mark of each session."""

    dates: tuple[date, ...]  # (D,)
    groups: tuple[str, ...]  # (G,) sectors, or symbols where no sector is known
    shares: Float64  # (D, G) 0..1


def exposure(walked: Evaluation, market: Market) -> Exposure:
    """Measure one walk.

    Raises:
        DataError: the walk has not noted its holdings.
    """
    if walked.shares is None:
        raise DataError("the walk has not noted its holdings", "", "evaluate it again")
    session = market.session[walked.bars]
    last = np.flatnonzero(np.diff(session, append=session[-1] + 1))  # (D,)
    value = walked.shares[last] * market.close[walked.bars[last]]  # (D, A) USD
    known = sectors_by_name(market.symbols)
    names = [known.get(symbol, symbol) for symbol in market.symbols]
    groups, place = np.unique(names, return_inverse=True)
    shares = np.zeros((len(last), len(groups)))
    np.add.at(shares.T, place, (value / walked.equity[1 + last][:, None]).T)
    return Exposure(tuple(walked.dates()), tuple(groups.tolist()), shares)


def joined(parts: Sequence[Exposure]) -> Exposure:
    """One after the other; a group that a part does not have is empty there."""
    groups = sorted({group for part in parts for group in part.groups})
    tables = []
    for part in parts:
        table = np.zeros((len(part.dates), len(groups)))
        table[:, [groups.index(group) for group in part.groups]] = part.shares
        tables.append(table)
    dates = tuple(day for part in parts for day in part.dates)
    return Exposure(dates, tuple(groups), np.vstack(tables))
