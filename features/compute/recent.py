"""The last bars of every symbol, kept so that one more bar costs no sorting: `RecentBars`."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.compute.compute import BAR_FIELDS, KEY, bar_numbers

Rows = NDArray[np.int64] | slice  # which symbols, by their place


class RecentBars:
    """At most `length` bars of each of S symbols, each array (S, length) aligned to its end.

    Symbols are sorted; where a symbol has fewer bars, the places before them mean nothing.
    """

    def __init__(self, bars: pl.DataFrame, length: int) -> None:
        """Keep the end of `bars`, sorted by (symbol, ts): the key, `BAR_FIELDS`, maybe `sector`."""
        self.length = length
        self.symbols = bars["symbol"].unique(maintain_order=True)
        self._schema = bars.drop("symbol").schema
        self._sectors = pl.Series("sector", [], dtype=pl.String())
        numbers = bar_numbers(bars).to_numpy()
        owner = np.cumsum(numbers == 0) - 1
        self._counts = np.bincount(owner, minlength=len(self.symbols))
        place = length - self._counts[owner] + numbers
        kept = place >= 0
        self._values = {}
        for name, values in self._numbers(bars).items():
            array = np.zeros((len(self.symbols), length), dtype=values.dtype)
            array[owner[kept], place[kept]] = values[kept]
            self._values[name] = array

    def append(self, bars: pl.DataFrame) -> None:
        """Add one bar of each of some symbols, sorted by symbol, later than those that it has."""
        if not bars["symbol"].is_in(self.symbols.implode()).all():
            kept = self.frame(self.length).drop("bar_number")
            both = pl.concat([kept, bars]).sort(KEY)
            self.__init__(both, self.length)  # type: ignore[misc]
            return
        rows = self.rows(bars)
        for name, values in self._numbers(bars).items():
            array = self._values[name]
            array[rows, :-1] = array[rows, 1:]
            array[rows, -1] = values
        self._counts[rows] += 1

    def rows(self, bars: pl.DataFrame) -> Rows:
        """Places of the symbols of `bars`, which are sorted and have one bar each."""
        if bars.height == len(self.symbols):
            return slice(None)
        return self.symbols.search_sorted(bars["symbol"]).to_numpy().astype(np.int64)

    def frame(self, bars: int, rows: Rows = slice(None)) -> pl.DataFrame:
        """The last `bars` bars of each symbol, or of those at `rows`, sorted by (symbol, ts).

        With `bar_number`, i32: how many of these the symbol has before each.
        """
        counts = np.minimum(self._counts[rows], bars)
        chosen = np.arange(bars) >= bars - counts[:, None]
        names = pl.Series("symbol", self.symbols.to_numpy()[rows], dtype=pl.String())
        owner = np.repeat(np.arange(len(counts)), counts)
        number = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
        found = {
            name: values[rows, self.length - bars :][chosen]
            for name, values in self._values.items()
        }
        return pl.DataFrame(
            {
                "symbol": names.gather(pl.Series(owner)),
                **self._typed(found),
                "bar_number": number.astype(np.int32),
            }
        )

    def last(self) -> pl.DataFrame:
        """`symbol` and the time `last` of its last bar."""
        times = pl.Series("last", self._values["ts"][:, -1]).cast(self._schema["ts"])
        return self.symbols.to_frame().hstack([times])

    def _numbers(self, bars: pl.DataFrame) -> Mapping[str, NDArray[np.generic]]:
        """Columns other than the symbol as numbers: times as their unit's count, sectors coded."""
        found = {"ts": bars["ts"].to_physical().cast(pl.Int64).to_numpy()}
        found |= {name: bars[name].to_numpy() for name in BAR_FIELDS}
        if "sector" in self._schema:
            sectors = pl.concat([self._sectors, bars["sector"]]).unique(maintain_order=True)
            codes = bars["sector"].replace_strict(
                sectors, range(len(sectors)), return_dtype=pl.Int64
            )
            self._sectors = sectors
            found["sector"] = codes.to_numpy()
        return found

    def _typed(self, numbers: Mapping[str, NDArray[np.generic]]) -> dict[str, pl.Series]:
        columns = {name: pl.Series(name, values) for name, values in numbers.items()}
        columns["ts"] = columns["ts"].cast(self._schema["ts"])
        if "sector" in columns:
            columns["sector"] = self._sectors.gather(columns["sector"])
        return columns
