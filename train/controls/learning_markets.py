"""Markets whose best policy is known, or whose edge is, to see whether a learner finds it.

Legend: A assets, F features, T bars.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from envs import Market, V6Params, Window

SINE_PERIOD = 28  # bars
_SWING = 0.05  # of the log price
_NOISE = 0.002  # of the log price, a bar: nobody can foresee it
_LAGS = 8  # returns that the features show
_BARS_A_SESSION = 7
_DAY = np.timedelta64(24, "h")


@dataclass(frozen=True, eq=False)
class LearningMarket:
    """A market with raw features, and the bars to learn from and to be judged on."""

    market: Market
    train: Window
    test: Window


def sine_market(seed: int = 0, bars: int = 2800) -> LearningMarket:
    """One price on a noisy sine; the features are its last 8 log returns, in swings a bar."""
    random = np.random.default_rng(seed)
    clean = _SWING * np.sin(2 * np.pi * np.arange(bars) / SINE_PERIOD)
    log_price = clean + _NOISE * random.standard_normal(bars)
    returns = np.diff(log_price, prepend=log_price[0])
    lags = [np.concatenate([np.zeros(lag), returns[: bars - lag]]) for lag in range(_LAGS)]
    close = 100 * np.exp(log_price)[:, None]
    session = np.arange(bars) // _BARS_A_SESSION
    hours = (np.arange(bars) % _BARS_A_SESSION).astype("timedelta64[h]")
    market = Market.from_arrays(
        close=close,
        open=close,
        session=session,
        ts=np.datetime64("2020-01-01T14:30", "us") + session * _DAY + hours,
        features=(np.stack(lags, axis=1)[:, None, :] / 0.01).clip(-10, 10),
        symbols=["SINE"],
        feature_names=[f"return_{lag}" for lag in range(_LAGS)],
    )
    split = bars // 2
    return LearningMarket(market, Window(_LAGS, split), Window(split + 1, bars))


def sine_params() -> V6Params:
    """All in or all out, at no cost, so that the best policy is known; see `sine_rewards`."""
    return V6Params.default(
        buy_pct=1.0,
        max_position_pct=1.0,
        max_trades_per_day=100,
        min_holding_period=0,
        sec_fee=0.0,
        finra_taf=0.0,
        spread_bps=0.0,
        slippage_model="none",
        penalty_overtrading=0.0,
        max_steps=200,
    )


def sine_oracle(bar: int, held: bool) -> int:
    """The best action at `bar`: be in while the sine rises from the next bar to the one after."""
    after, later = (np.sin(2 * np.pi * (bar + lag) / SINE_PERIOD) for lag in (1, 2))
    if later > after:
        return 0 if held else 1
    return 2 if held else 0


def planted_market(edge: float, seed: int, *, symbols: int = 22, sessions: int = 756) -> Market:
    """The simulated market with an edge of a stated Sharpe ratio; feature set v6, raw."""
    from envs.from_bars import market_from_bars
    from features import SimulatedMarket

    simulated = SimulatedMarket(symbols=symbols, sessions=sessions, edge=edge, seed=seed)
    return market_from_bars(simulated.bars())


def market_of_file(path: Path, first: str) -> Market:
    """Bars of a file from the day `first` on, on the regular session's clock; feature set v6."""
    import polars as pl

    from envs.from_bars import market_from_bars
    from features import read_bars

    bars = read_bars(path).filter(pl.col("ts").dt.strftime("%Y-%m-%d") >= first)
    return market_from_bars(bars)


def halves(market: Market, *, share: float = 2 / 3, purge: int = 21) -> LearningMarket:
    """Learn from the first `share` of the sessions, be judged on the rest, `purge` bars apart."""
    usable = int(np.flatnonzero(market.tradable.any(axis=1))[0])
    last_learned = np.quantile(np.unique(market.session), share)
    split = int(np.searchsorted(market.session, last_learned, side="right"))
    return LearningMarket(market, Window(usable, split), Window(split + purge, market.num_bars))
