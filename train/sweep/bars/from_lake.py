"""A `SweepRequest` on the bars of the lake, whose Market is the one that `data market` builds."""

from pathlib import Path

from cluster.errors import DataError, UsageError
from cluster.settings import Home, load_settings
from envs.from_lake import LakeMarket, LakeMarkets, Scanned, fetch_command
from features import Lake, SimulatedMarket
from features.lake.origins import is_simulated
from features.lake.remote import local_copy
from features.universe.sector_of import sectors_by_name
from features.universe.store import load_universe
from features.universe.universe import Universe
from train.market.folds import walk_forward
from train.scenarios.scenario import PloutosConfig
from train.scenarios.sections import Data
from train.sweep.bars.choice import BarsChoice
from train.sweep.bars.from_bars import has_slots, left_out
from train.sweep.plan import SweepRequest

_NAMED = 10  # members in one line


def lake_of(choice: BarsChoice, home: Home, interval: str) -> tuple[Lake, str]:
    """The lake of a choice, and its address; from behind a URL, the interval's bars are brought.

    Raises:
        UsageError: there is no such lake.
    """
    address = choice.lake or load_settings().ploutos_lake
    if not address:
        return Lake(home.lake), str(home.lake)
    if "://" in address:
        return local_copy(address, interval, home.root / "cache" / "lake"), address
    folder = Path(address).expanduser()
    if not folder.is_dir():
        raise UsageError(f"no lake at {folder}", "there is no such folder", "--lake FOLDER|URL")
    return Lake(folder), str(folder)


def request_from_lake(
    config: PloutosConfig,
    lake: Lake,
    home: Home,
    *,
    address: str,
    source: str | None = None,
    name: str = "",
) -> SweepRequest:
    """A sweep on the bars that the scenario asks for; `address` is what is told of the lake.

    Raises:
        UsageError: several series have them, and no source is named.
        DataError: they are not there, or do not reach far enough back for the folds; names the
            command that fetches them.
    """
    data, markets = config.data, LakeMarkets(lake, home.tables)
    tickers = data.tickers or None
    series = markets.series(data.interval, source, tickers)
    scanned = _scanned(config, lake, home, series) if has_slots(config) else None
    found = markets.market(
        data.interval,
        data.feature_set,
        source=series,
        symbols=tickers,
        years=data.years,
        scanned=scanned,
    )
    _check_long_enough(config, found)
    return SweepRequest(
        config=config,
        market=found.path,
        label=SimulatedMarket.label if is_simulated(series) else series,
        interval=data.interval,
        home=home,
        name=name,
        slots=found.slots,
        origins=found.origins,
        told=_told(found, address) + (_without_bars(found, lake, data, scanned) if scanned else ""),
    )


def _scanned(config: PloutosConfig, lake: Lake, home: Home, series: str) -> Scanned:
    """Who may sit in the slots; of the simulated market, everybody."""
    if is_simulated(series):
        rows = lake.scan(config.data.interval, source=series).select("symbol").unique().collect()
        universe = Universe.of_all(sectors_by_name(rows["symbol"]), series)
    else:
        universe = load_universe(home.universe)
    return Scanned(config.sector_scan.rules(), universe)


def _check_long_enough(config: PloutosConfig, found: LakeMarket) -> None:
    """The folds, before there is a plan: what is missing can be fetched."""
    try:
        walk_forward(found.market.session, config.folds)
    except DataError as error:
        first = found.market.ts[0].astype("datetime64[D]").item()
        start = first.replace(year=first.year - 1, day=1)
        symbols = found.market.names or found.market.symbols
        advice = fetch_command(symbols, config.data.interval, start)
        raise DataError(error.what, error.why, f"{advice}; or {error.next_command}") from error


def _without_bars(found: LakeMarket, lake: Lake, data: Data, scanned: Scanned) -> str:
    """The members of the first and last day that cannot be chosen, and what fetches them."""
    first, last = found.market.ts[[0, -1]].astype("datetime64[D]").tolist()
    members = {*scanned.universe.members(first), *scanned.universe.members(last)}
    rows = lake.scan(data.interval, source=found.series).select("symbol").unique().collect()
    missing = sorted(members.difference(rows["symbol"]))
    if not missing:
        return ""
    some = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
    command = fetch_command(missing, data.interval, first)
    return f"; {len(missing)} of {len(members)} members have no bars: {some} ({command})"


def _told(found: LakeMarket, address: str) -> str:
    first, last = found.market.ts[[0, -1]].astype("datetime64[D]")
    vendors = ", ".join(f"{row.bars:,} of {row.source} ({row.adjustment})" for row in found.origins)
    how = "built now" if found.built else "built before"
    return (
        f"series {found.series} of the lake {address}, {first} to {last}, "
        f"{len(found.market.symbols)} symbols, {vendors}; its Market was {how}"
        f"{left_out(found.left_out)}"
    )
