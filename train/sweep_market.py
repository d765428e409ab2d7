"""From bars, or from nothing, to a `SweepRequest` with a saved market."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from cluster.errors import ConfigError, DataError
from cluster.settings import Home
from features import SimulatedMarket, interval_of, read_bars
from features.sessions import OUTSIDE, session_index
from train.folds import walk_forward
from train.scenario import PloutosConfig
from train.sector_scan import scan_sectors
from train.sweep_plan import SweepRequest

_SESSIONS_A_YEAR = 252
_SYMBOLS = 22  # of a simulated market, where the scenario names none
_CANDIDATES = 4  # symbols a sector, where the sector scan shall choose


def request_from_file(
    config: PloutosConfig, path: Path, home: Home, *, name: str = ""
) -> SweepRequest:
    """A sweep on bars from a Parquet or CSV file; the file's name becomes their label.

    Raises:
        DataError: the file holds no usable bars.
    """
    return request_from_bars(config, read_bars(path), path.stem, home, name=name)


def simulated_request(
    config: PloutosConfig, home: Home, *, name: str = "", edge: float = 0.0, seed: int = 0
) -> SweepRequest:
    """A sweep on the simulated market, with as many symbols and years as the scenario asks for."""
    market = SimulatedMarket(
        symbols=_number_of_symbols(config),
        sessions=config.data.years * _SESSIONS_A_YEAR,
        interval=config.data.interval,
        edge=edge,
        seed=seed,
    )
    data = config.data.model_copy(update={"tickers": ()})  # its symbols have names of their own
    config = config.model_copy(update={"data": data})
    return request_from_bars(
        config, market.bars(), market.label, home, sectors=market.sectors(), name=name
    )


def request_from_bars(
    config: PloutosConfig,
    bars: pl.DataFrame,
    label: str,
    home: Home,
    *,
    sectors: Mapping[str, str] | None = None,
    name: str = "",
) -> SweepRequest:
    """Cut the bars to the scenario's period and symbols, compute features, save the market.

    Raises:
        ConfigError: the bars have another interval, or a scan is asked for without sectors.
        DataError: a symbol of the scenario has no bars.
    """
    from envs.from_bars import market_from_bars

    interval = interval_of(bars)
    if interval != config.data.interval:
        raise ConfigError(
            f"scenario {config.name} is for {config.data.interval} bars",
            f"these are {interval} bars",
            f"set interval: {interval} in the data section, or give other bars",
        )
    bars = _last_years(bars, config.data.years)
    symbols = _symbols(config, bars, sectors)
    market = market_from_bars(bars, config.data.feature_set, symbols)
    return SweepRequest(
        config=config,
        market=market.save(home.tables),
        label=label,
        interval=interval,
        home=home,
        name=name,
    )


def _number_of_symbols(config: PloutosConfig) -> int:
    if config.sector_scan.enabled and not config.data.tickers:
        return 11 * max(_CANDIDATES, config.sector_scan.stocks_per_sector)
    return len(config.data.tickers) or _SYMBOLS


def _last_years(bars: pl.DataFrame, years: int) -> pl.DataFrame:
    end: datetime = bars["ts"].max()  # type: ignore[assignment]  # a checked frame is not empty
    return bars.filter(pl.col("ts") > end - timedelta(days=366 * years))


def _symbols(
    config: PloutosConfig, bars: pl.DataFrame, sectors: Mapping[str, str] | None
) -> tuple[str, ...]:
    known = tuple(bars["symbol"].unique().sort())
    if config.data.tickers:
        missing = [ticker for ticker in config.data.tickers if ticker not in known]
        if missing:
            raise DataError(
                f"no bars for {', '.join(missing)}",
                f"scenario {config.name} names them; there are bars of {', '.join(known[:10])}",
                "give bars of them, or name others under data.tickers",
            )
        return config.data.tickers
    if not config.sector_scan.enabled:
        return known
    if sectors is None:
        raise ConfigError(
            f"scenario {config.name} asks for a sector scan",
            "the bars say nothing of sectors",
            "name the symbols under data.tickers, or set sector_scan.enabled: false",
        )
    return scan_sectors(bars, sectors, config.sector_scan, _validation_start(config, bars))


def _validation_start(config: PloutosConfig, bars: pl.DataFrame) -> datetime:
    """Start of the first fold's validation window: what is chosen earlier leaks nothing."""
    clock = bars["ts"].unique().sort().dt.replace_time_zone(None).to_numpy()
    session = session_index(clock)
    inside = session != OUTSIDE
    first = walk_forward(session[inside], config.folds)[0]
    start: datetime = clock[inside][first.validation[0]].item()
    return start.replace(tzinfo=UTC)
