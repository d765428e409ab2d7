"""Returns without any edge: market + sector + own factor, each with its own moving volatility."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.bars.sessions import SESSIONS_A_YEAR, session_times

Array = NDArray[np.float64]

MARKET_VOLATILITY = 0.16  # a year
SECTOR_VOLATILITY = 0.10
OWN_VOLATILITY = 0.165  # the three together: 25 % a year
MARKET_DRIFT = 0.064  # a year: a Sharpe ratio of 0.4 for the market factor
OVERNIGHT_SHARE = 0.25  # of a session's variance
TICK_SHARE = 0.02  # of a bar's variance: the gap between two bars of one session
ALPHA, BETA = 0.08, 0.90  # GARCH(1,1): h' = (1 - ALPHA - BETA) + ALPHA h n^2 + BETA h
DEGREES = 5  # of freedom of the Student-t shocks
LARGEST_SHOCK = 8.0  # standard deviations; keeps a price from jumping to nothing
# Shares of a full session's open-to-close variance, and of its volume, in the bars of 09:30,
# 10:30, ... 15:30.
INTRADAY_VARIANCE = np.array([0.30, 0.15, 0.11, 0.10, 0.10, 0.12, 0.12])
INTRADAY_VOLUME = np.array([0.25, 0.13, 0.10, 0.09, 0.10, 0.13, 0.20])


@dataclass(frozen=True)
class BarClock:
    """The bars of a simulated market, all symbols alike."""

    ts: NDArray[np.datetime64]  # (T,) datetime64[us], UTC, bar open
    session: NDArray[np.int64]  # (T,) from 0
    slot: NDArray[np.int64]  # (T,) number of the bar within its session
    share: Array  # (T,) share of a full session's open-to-close variance
    volume_share: Array  # (T,) share of a full session's volume

    @property
    def opens_session(self) -> NDArray[np.bool_]:
        """(T,) whether the bar is the first of its session."""
        first: NDArray[np.bool_] = self.slot == 0
        return first


@dataclass(frozen=True)
class Shocks:
    """Log returns of T bars and A symbols."""

    gap: Array  # (T, A) last close to open
    body: Array  # (T, A) open to close
    sigma: Array  # (T, A) standard deviation of `body`, known before the bar


def clock(sessions: NDArray[np.int64], interval: str) -> BarClock:
    """Bars of the given XNYS sessions: one a session, or one each hour from 09:30 New York."""
    opens, closes = session_times(sessions)
    if interval == "1d":
        count = len(sessions)
        dates = opens.astype("datetime64[D]").astype("datetime64[us]")
        zeros = np.zeros(count, dtype=np.int64)
        return BarClock(dates, np.arange(count), zeros, np.ones(count), np.ones(count))
    hour = np.timedelta64(1, "h")
    bars = -((opens - closes) // hour)  # (S,) rounded up: the last bar of a session is half an hour
    session = np.repeat(np.arange(len(sessions)), bars)
    slot = np.arange(len(session)) - np.repeat(np.cumsum(bars) - bars, bars)
    ts = opens[session] + slot * hour
    return BarClock(ts, session, slot, INTRADAY_VARIANCE[slot], INTRADAY_VOLUME[slot])


def draw(clock: BarClock, sector: NDArray[np.int64], rng: np.random.Generator) -> Shocks:
    """Draw the returns of A symbols, `sector` (A,) being the number of each one's sector."""
    assets, sectors = len(sector), int(sector.max()) + 1
    betas = np.clip(rng.normal(1.0, 0.25, assets), 0.4, 1.8)
    own = OWN_VOLATILITY * np.exp(rng.normal(-0.03, 0.25, assets))
    volatility = np.concatenate(
        [[MARKET_VOLATILITY], np.full(sectors, SECTOR_VOLATILITY), own]
    ) / np.sqrt(SESSIONS_A_YEAR)  # (K,) a session
    count = int(clock.session[-1]) + 1
    night = _student(rng, (count, len(volatility)))
    day = _student(rng, (len(clock.ts), len(volatility)))
    level = _garch(clock, night, day) * volatility  # (S, K) standard deviation of a session
    sigma = level[clock.session] * np.sqrt((1 - OVERNIGHT_SHARE) * clock.share)[:, None]
    overnight = level * np.sqrt(OVERNIGHT_SHARE) * night  # (S, K)

    body_sigma = _combine_sigma(sigma, betas, sector, sectors)
    body = _combine(sigma * day, betas, sector, sectors)
    gap = np.where(
        clock.opens_session[:, None],
        _combine(overnight, betas, sector, sectors)[clock.session],
        body_sigma * np.sqrt(TICK_SHARE) * rng.standard_normal(body_sigma.shape),
    )
    return Shocks(gap, body + _drift(clock, betas, level, sector, sectors), body_sigma)


def _student(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Student-t shocks of variance 1."""
    shocks = rng.standard_t(DEGREES, shape) * np.sqrt((DEGREES - 2) / DEGREES)
    bounded: Array = np.clip(shocks, -LARGEST_SHOCK, LARGEST_SHOCK)
    return bounded


def _garch(clock: BarClock, night: Array, day: Array) -> Array:
    """Volatility level (S, K), 1 on average, from the sessions' own standardised shocks."""
    starts = np.flatnonzero(clock.opens_session)
    moves = np.add.reduceat(day * np.sqrt(clock.share)[:, None], starts, axis=0)
    shocks = np.sqrt(OVERNIGHT_SHARE) * night + np.sqrt(1 - OVERNIGHT_SHARE) * moves
    variance = np.empty_like(night)
    variance[0] = 1.0
    for s in range(len(night) - 1):
        variance[s + 1] = 1 - ALPHA - BETA + variance[s] * (ALPHA * shocks[s] ** 2 + BETA)
    level: Array = np.sqrt(variance)
    return level


def _combine(factors: Array, betas: Array, sector: NDArray[np.int64], sectors: int) -> Array:
    """Returns (N, A) of the symbols from those of the factors (N, K)."""
    own = factors[:, 1 + sectors :]
    returns: Array = factors[:, :1] * betas + factors[:, 1 : 1 + sectors][:, sector] + own
    return returns


def _combine_sigma(sigma: Array, betas: Array, sector: NDArray[np.int64], sectors: int) -> Array:
    total: Array = np.sqrt(_combine(sigma**2, betas**2, sector, sectors))
    return total


def _drift(
    clock: BarClock, betas: Array, level: Array, sector: NDArray[np.int64], sectors: int
) -> Array:
    """Log drift (T, A): beta times the market's, less half the variance (Ito)."""
    variance = _combine_sigma(level, betas, sector, sectors) ** 2  # (S, A) a session
    session = betas * MARKET_DRIFT / SESSIONS_A_YEAR - variance / 2
    drift: Array = session[clock.session] * clock.share[:, None]
    return drift
