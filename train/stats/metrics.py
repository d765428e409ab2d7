"""What a path of daily returns is worth: one function a number, each with its formula and source.

Every function takes simple returns a trading day, shape (D,) f64, 0.01 = one per cent.
"""

from dataclasses import asdict, dataclass

import numpy as np

from cluster.errors import DataError
from envs.arrays import Float64
from features.bars.sessions import SESSIONS_A_YEAR

_ROOT = float(np.sqrt(SESSIONS_A_YEAR))  # scales a ratio or a deviation of a day to a year
STILL = 1e-12  # a deviation below this, a day, is rounding

Returns = Float64


@dataclass(frozen=True)
class Performance:
    """The numbers of one return path; shares are of 1, `*_ratio` and rates are a year's."""

    total_return: float
    cagr: float
    volatility: float
    sharpe_ratio: float
    sortino_ratio: float
    calmar_ratio: float
    max_drawdown: float
    hit_rate: float
    days: int

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for a manifest or JSON."""
        return asdict(self)


def performance(returns: Returns, risk_free: float = 0.0) -> Performance:
    """All numbers of this module for one path (D,); `risk_free` is a rate a year."""
    return Performance(
        total_return=total_return(returns),
        cagr=cagr(returns),
        volatility=volatility(returns),
        sharpe_ratio=sharpe_ratio(returns, risk_free),
        sortino_ratio=sortino_ratio(returns, risk_free),
        calmar_ratio=calmar_ratio(returns),
        max_drawdown=max_drawdown(returns),
        hit_rate=hit_rate(returns),
        days=len(returns),
    )


def checked(returns: Returns, least: int = 1) -> Returns:
    """The path itself, when it is one.

    Raises:
        DataError: not one-dimensional, fewer than `least` days, not finite, or below -100 %.
    """
    path = np.asarray(returns, np.float64)
    if path.ndim != 1 or len(path) < least:
        raise DataError(
            f"a return path of shape {path.shape}",
            f"needs one dimension and at least {least} day(s)",
            "judge over a longer window",
        )
    bad = np.flatnonzero(~np.isfinite(path) | (path < -1.0))
    if len(bad):
        raise DataError(f"return {path[bad[0]]} on day {bad[0]}", "is no return of a portfolio")
    return path


def sharpe_a_day(returns: Returns, risk_free: float = 0.0) -> float:
    """Mean excess return over its standard deviation (ddof 1), not annualised.

    A path that does not move at all holds no evidence of skill: its ratio is 0 by definition here.
    Sharpe, The Sharpe Ratio (1994), J. of Portfolio Management 21(1).
    """
    path = checked(returns, least=2)
    deviation = float(np.std(path, ddof=1))
    if deviation < STILL:
        return 0.0
    return float(np.mean(path) - _a_day(risk_free)) / deviation


def sharpe_ratio(returns: Returns, risk_free: float = 0.0) -> float:
    """`sharpe_a_day * sqrt(252)`; Lo, The Statistics of Sharpe Ratios (2002), for the scaling."""
    return sharpe_a_day(returns, risk_free) * _ROOT


def sharpe_ratios(paths: Returns) -> Returns:
    """`sharpe_ratio` of each path of (..., D, K) returns, which are taken as they are; (..., K)."""
    deviations = np.std(paths, axis=-2, ddof=1)
    moves = deviations >= STILL
    ratios: Returns = np.where(moves, np.mean(paths, axis=-2), 0.0) / np.where(
        moves, deviations, 1.0
    )
    return ratios * _ROOT


def sortino_ratio(returns: Returns, risk_free: float = 0.0) -> float:
    """Annualised mean excess return over the downside deviation; 0 where no day lost.

    The downside deviation is `sqrt(mean(min(r - target, 0)^2))` over all days.
    Sortino and Price, Performance Measurement in a Downside Risk Framework (1994), J. of Investing.
    """
    excess = checked(returns) - _a_day(risk_free)
    downside = float(np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)))
    if downside < STILL:
        return 0.0
    return float(np.mean(excess)) / downside * _ROOT


def calmar_ratio(returns: Returns) -> float:
    """CAGR over the largest drawdown of the path; 0 where nothing was lost.

    Young, Calmar Ratio: A Smoother Tool (1991), Futures 20(1); there over 36 months.
    """
    loss = max_drawdown(returns)
    return cagr(returns) / loss if loss > 0.0 else 0.0


def total_return(returns: Returns) -> float:
    """`prod(1 + r) - 1`."""
    return float(np.prod(1.0 + checked(returns)) - 1.0)


def cagr(returns: Returns) -> float:
    """Compound annual growth rate, `prod(1 + r)^(252 / D) - 1`."""
    return float((1.0 + total_return(returns)) ** (SESSIONS_A_YEAR / len(returns)) - 1.0)


def volatility(returns: Returns) -> float:
    """Standard deviation (ddof 1) a year, `sd * sqrt(252)`."""
    return float(np.std(checked(returns, least=2), ddof=1)) * _ROOT


def drawdowns(returns: Returns) -> Returns:
    """`1 - wealth / highest wealth so far`, (D,) shares; the start counts as wealth 1."""
    wealth = np.cumprod(1.0 + checked(returns))
    return 1.0 - wealth / np.maximum.accumulate(np.maximum(wealth, 1.0))


def max_drawdown(returns: Returns) -> float:
    """The largest of `drawdowns`, 0..1."""
    return float(np.max(drawdowns(returns)))


def hit_rate(returns: Returns) -> float:
    """Share of the days that moved which gained; 0 where none moved."""
    moved = checked(returns)
    moved = moved[moved != 0.0]
    return float(np.mean(moved > 0.0)) if len(moved) else 0.0


def turnover(traded_usd: Returns, equity_usd: Returns, days: int) -> float:
    """Half of what was bought and sold, in mean equities a year (1 = the whole book once).

    Args:
        traded_usd: (N,) value of the fills of each bar, buys and sells both positive.
        equity_usd: (N,) equity at the same bars.
        days: trading days that the bars span.
    """
    share = float(np.sum(traded_usd)) / 2.0 / float(np.mean(equity_usd))
    return share * SESSIONS_A_YEAR / days


def exposure(invested_usd: Returns, equity_usd: Returns) -> float:
    """Mean share of the equity that is invested, 0..1 without leverage; both (N,)."""
    return float(np.mean(invested_usd / equity_usd))


def _a_day(rate_a_year: float) -> float:
    return float((1.0 + rate_a_year) ** (1.0 / SESSIONS_A_YEAR) - 1.0)
