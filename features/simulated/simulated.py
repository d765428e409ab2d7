"""A market whose truth is known: seeded, always labelled SIMULATED, with an edge of given size."""

from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import ClassVar

import numpy as np
import polars as pl

from cluster.errors import ConfigError
from cluster.files import canonical_json
from features.bars.schema import BAR_COLUMNS
from features.bars.sessions import SESSIONS_A_YEAR, sessions_from
from features.simulated.edge import plant
from features.simulated.shocks import Array, BarClock, Shocks, clock, draw
from features.universe.sectors import SECTORS


@dataclass(frozen=True)
class SimulatedMarket:
    """Bars of made-up symbols on real New York sessions; the same arguments give the same bars.

    Tickers are `SIM` + the letters of the sector's SPDR fund + a number: `SIMK01` is the first
    stock of Information Technology. Sectors are assigned in turn.

    Args:
        symbols: Number of symbols, A.
        sessions: Number of trading sessions.
        interval: `1h` (bars of 09:30, 10:30, ... 15:30 New York; four on half days) or `1d`.
        edge: Annualised Sharpe ratio, before costs, of the trader of
            `features.simulated.edge` who knows the planted component of the returns; 0 plants none.
        seed: Seed of every draw.
        start: The first session is the first one on or after this date.

    Raises:
        ConfigError: an argument that no market can have.
        DataError: the exchange calendar does not reach that far.
    """

    symbols: int = 22
    sessions: int = 504
    interval: str = "1h"
    edge: float = 0.0
    seed: int = 0
    start: date = date(2016, 1, 4)

    label: ClassVar[str] = "SIMULATED"

    def __post_init__(self) -> None:
        for name, least in (("symbols", 1), ("sessions", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise _refusal(name, getattr(self, name), f"it must be at least {least}")
        if self.interval not in ("1h", "1d"):
            raise _refusal("interval", self.interval, "it must be 1h or 1d")
        if not 0 <= self.edge <= 20:
            raise _refusal("edge", self.edge, "it must be a Sharpe ratio from 0 to 20")

    @property
    def source(self) -> str:
        """Name in the lake: another one for other arguments, so that markets never mix there."""
        settings = canonical_json(asdict(self) | {"start": self.start.isoformat()})
        return f"simulated-{sha256(settings).hexdigest()[:8]}"

    def tickers(self) -> tuple[str, ...]:
        """The A symbols, in the order of their sectors' turns."""
        rounds = -(-self.symbols // len(SECTORS))
        width = max(2, len(str(rounds)))
        codes = list(SECTORS)
        return tuple(
            f"SIM{codes[a % len(codes)]}{a // len(codes) + 1:0{width}d}"
            for a in range(self.symbols)
        )

    def sectors(self) -> dict[str, str]:
        """The GICS sector of each symbol."""
        names = list(SECTORS.values())
        return {ticker: names[a % len(names)] for a, ticker in enumerate(self.tickers())}

    def bars(self) -> pl.DataFrame:
        """All bars, `BAR_SCHEMA`, sorted by (symbol, ts)."""
        rng = np.random.default_rng(self.seed)
        times = clock(sessions_from(self.start, self.sessions), self.interval)
        sector = np.arange(self.symbols) % len(SECTORS)
        shocks = plant(draw(times, sector, rng), self.edge, self._bars_a_year)
        first = rng.uniform(40, 400, self.symbols)  # USD
        close = first * np.exp(np.cumsum(shocks.gap + shocks.body, axis=0))
        open_ = close * np.exp(-shocks.body)
        top, bottom = _extremes(shocks, rng)
        volume = _volume(times, shocks, rng)
        return self._frame(times, (open_, open_ * top, open_ * bottom, close, volume))

    @property
    def _bars_a_year(self) -> int:
        return SESSIONS_A_YEAR * (7 if self.interval == "1h" else 1)

    def _frame(self, times: BarClock, columns: tuple[Array, ...]) -> pl.DataFrame:
        order = np.argsort(self.tickers())
        symbols = pl.Series(self.tickers())[order]
        frame = pl.DataFrame(
            dict(zip(BAR_COLUMNS[2:], (c.T[order].ravel() for c in columns), strict=True))
        )
        ts = pl.Series(np.tile(times.ts, self.symbols)).dt.replace_time_zone("UTC")
        rows = np.repeat(np.arange(self.symbols), len(times.ts))
        return frame.with_columns(symbol=symbols.gather(rows), ts=ts).select(BAR_COLUMNS)


def _extremes(shocks: Shocks, rng: np.random.Generator) -> tuple[Array, Array]:
    """High and low as multiples of the open: extremes of a Brownian bridge from 0 to the body.

    P(max > m | end b) = exp(-2 m (m - b) / s^2), inverted for a uniform draw (Borodin and
    Salminen, Handbook of Brownian Motion, 2002, 1.1.8).
    """
    uniform = 1 - rng.random((2, *shocks.body.shape))  # in (0, 1]
    reach = np.sqrt(shocks.body**2 - 2 * shocks.sigma**2 * np.log(uniform))
    return np.exp((shocks.body + reach[0]) / 2), np.exp((shocks.body - reach[1]) / 2)


def _volume(times: BarClock, shocks: Shocks, rng: np.random.Generator) -> Array:
    """Shares (T, A): U-shaped over the day, and larger when the price moves more."""
    usual = np.exp(rng.normal(15.0, 0.8, shocks.body.shape[1]))  # shares a session
    scale = np.sqrt(np.mean(shocks.sigma**2, axis=0) * times.share[:, None] / times.share.mean())
    move = np.minimum(np.abs(shocks.body) / scale, 6.0)
    noise = rng.normal(0.0, 0.3, shocks.body.shape)
    volume: Array = (
        np.rint(usual * times.volume_share[:, None] * np.exp(0.4 * (move - 0.75) + noise)) + 100
    )
    return volume


def _refusal(name: str, value: object, why: str) -> ConfigError:
    return ConfigError(f"simulated market: {name} {value!r}", why, f"correct {name}")
