"""Which sector each bar belongs to: where the column `sector` comes from."""

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

import polars as pl

from cluster.errors import DataError
from features.universe.sectors import SECTORS
from features.universe.universe import Universe

Bars = TypeVar("Bars", pl.DataFrame, pl.LazyFrame)

_SIMULATED = re.compile(r"SIM([A-Z]+)\d+")


def with_sectors(bars: Bars, sectors: Mapping[str, str] | Universe) -> Bars:
    """Add the column `sector` to bars.

    Args:
        bars: Any frame with symbol and ts.
        sectors: Sector of each symbol, or a universe: then each bar has the sector of its day.

    Returns:
        The bars with `sector`, null where it is not known.
    """
    if not isinstance(sectors, Universe):
        names = pl.col("symbol").replace_strict(dict(sectors), default=None, return_dtype=pl.String)
        return bars.with_columns(names.alias("sector"))
    known = sectors.sectors.drop_nulls("sector").select("symbol", "since", "sector").sort("since")
    days = bars.lazy().select(pl.col("symbol"), pl.col("ts").cast(pl.Date).alias("day"))
    always = known.with_columns(pl.col("since").fill_null(pl.date(1900, 1, 1)))
    first = known.unique("symbol", keep="first", maintain_order=True).select("symbol", "sector")
    of_bar = (
        days.with_row_index("row")
        .sort("day")
        .join_asof(
            always.lazy(), left_on="day", right_on="since", by="symbol", check_sortedness=False
        )
        .join(first.lazy().rename({"sector": "first"}), on="symbol", how="left")
        .sort("row")
        .select(sector=pl.coalesce("sector", "first"))
        .collect()
        .to_series()
    )
    return bars.with_columns(of_bar)


def sectors_of_bars(bars: pl.DataFrame, sectors: Mapping[str, str] | None) -> pl.Series:
    """The sector of each bar: from the mapping, else the bars' own column `sector`.

    Simulated symbols tell theirs by name and need neither.

    Raises:
        DataError: a bar has none, by symbol.
    """
    if sectors is not None:
        found = with_sectors(bars.select("symbol", "ts"), sectors)
    elif "sector" in bars.columns:
        found = bars.select("symbol", pl.col("sector").cast(pl.String))
    else:
        names = bars["symbol"].unique().to_list()
        found = with_sectors(bars.select("symbol", "ts"), sectors_by_name(names))
    lacking = found.filter(pl.col("sector").is_null())["symbol"].unique().sort()
    if len(lacking):
        raise DataError(
            f"no sector for {', '.join(lacking.head(5))}",
            f"{len(lacking)} symbols have none, and the set compares a symbol with its sector",
            "give bars a column `sector` (features.sector_of.with_sectors), or leave these out",
        )
    return found["sector"]


def sectors_by_name(symbols: Iterable[str]) -> dict[str, str]:
    """Sectors that names tell: those of slots and of the simulated market do, others not."""
    symbols = tuple(symbols)
    slots = {name: name.partition("/")[0] for name in symbols if "/" in name}
    codes = {symbol: _SIMULATED.fullmatch(symbol) for symbol in symbols}
    simulated = {s: SECTORS[m[1]] for s, m in codes.items() if m and m[1] in SECTORS}
    return slots | simulated


def are_simulated(symbols: Iterable[str]) -> bool:
    """Whether all are names of the simulated market."""
    return all(_SIMULATED.fullmatch(symbol) for symbol in symbols)
