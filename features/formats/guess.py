"""Which column of a table may be which of a bar, by its values: for the command that is advised."""

from collections.abc import Collection, Sequence

import polars as pl

from cluster.errors import DataError
from features.bars.times import read_times
from features.formats.numbers import read_numbers

_ROWS = 200  # that are looked at


def guess_columns(
    table: pl.DataFrame, missing: Sequence[str], taken: Collection[str]
) -> dict[str, str]:
    """Heading by column, for those of `missing` that the values of the other columns fit.

    The time is the first column of times; the highest prices are `high`, the lowest `low`, the
    others `open` and `close` in their order; the number furthest from all prices is the volume.
    """
    sample = table.select(pl.exclude(list(taken)).cast(pl.String)).head(_ROWS)
    if sample.is_empty():
        return {}
    times = [name for name in sample.columns if _all_read(read_times(sample[name]), sample[name])]
    found = {"ts": times[0]} if times and "ts" in missing else {}
    numbers = sample.drop(times[:1])
    try:
        read = read_numbers(numbers, numbers.columns, "")
    except DataError:
        return found
    values = read.select(pl.selectors.float()).drop_nulls()
    if values.is_empty():
        return found
    return found | _by_size(values, [column for column in missing if column != "ts"])


def _all_read(read: pl.Series, given: pl.Series) -> bool:
    return read.null_count() == given.null_count() < len(given)


def _by_size(values: pl.DataFrame, missing: Sequence[str]) -> dict[str, str]:
    """Prices by their order on each row, volume by its size."""
    size = {name: abs(float(values[name].median() or 0.0)) for name in values.columns}  # type: ignore[arg-type]
    found: dict[str, str] = {}
    if "volume" in missing:
        found["volume"] = max(size, key=lambda name: size[name])
    prices = [name for name in values.columns if name not in found.values()]
    for column, bound in (("high", pl.max_horizontal), ("low", pl.min_horizontal)):
        if column in missing and prices:
            share = {
                name: (values[name] == values.select(bound(prices)).to_series()).mean()
                for name in prices
            }
            found[column] = max(prices, key=lambda name: share[name])  # type: ignore[arg-type,return-value]
            prices.remove(found[column])
    rest = [column for column in ("open", "close") if column in missing]
    return found | dict(zip(rest, prices, strict=False))
