"""A `SweepRequest` on the bars of a file, or on the simulated market."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from cluster.errors import ConfigError, DataError
from cluster.settings import Home
from features import Bars, CheckedBars, SimulatedMarket, check_bars, read_bars
from features.bars.sessions import SESSIONS_A_YEAR
from features.compute.catalog import FeatureSet
from features.slots.bars import SlotRules, slotted_bars
from features.universe.store import load_universe
from features.universe.universe import Universe
from train.scenarios.scenario import PloutosConfig
from train.sweep.plan import SweepRequest

_SESSIONS_A_MONTH = 21
_SYMBOLS = 22  # of a simulated market, where the scenario names none
_CANDIDATES = 4  # symbols a sector, where the sector scan shall choose


def request_from_file(
    config: PloutosConfig, path: Path, home: Home, *, name: str = ""
) -> SweepRequest:
    """A sweep on bars from a Parquet or CSV file; the file's name becomes their label.

    Raises:
        DataError: the file holds no usable bars, or a sector scan lacks the home's universe.
    """
    bars = read_bars(path)
    return request_from_bars(config, bars, path.stem, home, name=name, told=str(path))


def simulated_request(
    config: PloutosConfig,
    home: Home,
    *,
    name: str = "",
    edge: float = 0.0,
    seed: int = 0,
    why: str = "it was asked for",
) -> SweepRequest:
    """A sweep on the simulated market, with as many symbols and years as the scenario asks for.

    For a sector scan all its symbols are members throughout, and it starts a lookback earlier.
    `why` is told with it.
    """
    market = SimulatedMarket(
        symbols=_number_of_symbols(config),
        sessions=config.data.years * SESSIONS_A_YEAR + _sessions_before(config),
        interval=config.data.interval,
        edge=edge,
        seed=seed,
    )
    data = config.data.model_copy(update={"tickers": ()})  # its symbols have names of their own
    config = config.model_copy(update={"data": data})
    universe = Universe.of_all(market.sectors(), market.label)
    return request_from_bars(
        config,
        market.bars(),
        market.label,
        home,
        universe=universe,
        name=name,
        told=f"simulated, since {why}",
    )


def request_from_bars(
    config: PloutosConfig,
    bars: Bars,
    label: str,
    home: Home,
    *,
    universe: Universe | None = None,
    name: str = "",
    told: str = "",
) -> SweepRequest:
    """Cut the bars to the scenario's period and symbols, compute features, save the market.

    With a sector scan and no tickers the assets are slots, and `universe` (the home's when None)
    says who may sit in them when. Bars before the period serve the first scans only. Without a scan
    and tickers, symbols that are too short to warm the features up are left out; `told` names them.

    Raises:
        ConfigError: the bars have another interval.
        DataError: a bad bar, a symbol of the scenario has no bars, or a scan lacks a universe.
    """
    from envs.from_bars import market_from_bars, market_from_slots
    from envs.from_lake import long_enough

    checked = check_bars(bars, origin="bars")
    interval = checked.interval
    if interval != config.data.interval:
        raise ConfigError(
            f"scenario {config.name} is for {config.data.interval} bars",
            f"these are {interval} bars",
            f"set interval: {interval} in the data section, or give other bars",
        )
    start = _start(checked, config.data.years)
    rules, short = None, tuple[str, ...]()
    if has_slots(config):
        rules = SlotRules(start=start.date(), scan=config.sector_scan.rules())
        known = universe or load_universe(home.universe)
        folder = home.tables / "scan"
        market = market_from_slots(
            slotted_bars(checked, known, rules, config.data.feature_set, folder)
        )
    else:
        period = checked.filter(pl.col("ts") > start)
        if config.data.tickers:
            _refuse_missing(config, period)
        else:
            period, short = long_enough(period, FeatureSet.of(config.data.feature_set))
        market = market_from_bars(period, config.data.feature_set, config.data.tickers or None)
    return SweepRequest(
        config=config,
        market=market.save(home.tables),
        label=label,
        interval=interval,
        home=home,
        name=name,
        slots=rules,
        told=f"{told}{left_out(short)}",
    )


def left_out(symbols: Sequence[str]) -> str:
    """What is told of symbols that are too short; "" where there are none."""
    if not symbols:
        return ""
    return f"; left out, too short to warm the features up: {', '.join(symbols)}"


def has_slots(config: PloutosConfig) -> bool:
    """Whether a scan seats names in slots, in place of fixed symbols."""
    return config.sector_scan.enabled and not config.data.tickers


def _sessions_before(config: PloutosConfig) -> int:
    """Sessions before the period: the first scan's lookback, and the month it may begin in."""
    if not has_slots(config):
        return 0
    return config.sector_scan.lookback_days + _SESSIONS_A_MONTH


def _number_of_symbols(config: PloutosConfig) -> int:
    if has_slots(config):
        return 11 * max(_CANDIDATES, config.sector_scan.stocks_per_sector)
    return len(config.data.tickers) or _SYMBOLS


def _start(bars: CheckedBars, years: int) -> datetime:
    """Where the last `years` of the bars begin."""
    end: datetime = bars.frame["ts"].max()  # type: ignore[assignment]  # it has rows
    return end - timedelta(days=366 * years)


def _refuse_missing(config: PloutosConfig, bars: CheckedBars) -> None:
    missing = [ticker for ticker in config.data.tickers if ticker not in bars.symbols]
    if missing:
        raise DataError(
            f"no bars for {', '.join(missing)}",
            f"scenario {config.name} names them; there are bars of {', '.join(bars.symbols[:10])}",
            "give bars of them, or name others under data.tickers",
        )
