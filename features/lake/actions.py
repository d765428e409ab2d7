"""Splits and dividends: one Parquet file a source, beside the bars that they explain."""

from collections.abc import Iterable
from datetime import date, datetime
from io import BytesIO
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from cluster.files import write_atomic
from features.bars.symbols import canonical_symbols, respelt
from features.lake.blocks import only_writer

SPLIT, DIVIDEND = "split", "dividend"
ACTION_SCHEMA = {
    "symbol": pl.String(),
    "ex_date": pl.Date(),  # the first session that trades without it
    "kind": pl.String(),  # `SPLIT` or `DIVIDEND`
    "ratio": pl.Float64(),  # of a split: shares after it for one before it; else null
    "amount": pl.Float64(),  # of a dividend: cash for a share of that day; else null
    "currency": pl.String(),  # of the amount; null of a split
}
STORED_SCHEMA = {
    **ACTION_SCHEMA,
    "retrieved": pl.Datetime("us", "UTC"),
    "source": pl.String(),
}
_KEY = ["symbol", "ex_date", "kind"]


class ActionStore:
    """Corporate actions under `root/actions/<source>.parquet`; nothing before the first write.

    Args:
        root: Of the lake.
    """

    def __init__(self, root: Path) -> None:
        self.folder = root.absolute() / "actions"

    def add(self, actions: pl.DataFrame, *, source: str, retrieved: datetime) -> None:
        """Merge actions of a source; of one symbol, day and kind the later write wins.

        The file is replaced atomically: a crash leaves the old one or the new one.

        Args:
            actions: `ACTION_SCHEMA`; symbols in any spelling.
            source: Who said so; a plain name.
            retrieved: When, UTC.

        Raises:
            DataError: a row that is no action, by symbol and day, or a damaged file.
            PloutosError: the disk is full, read-only or forbidden.
        """
        rows = respelt(actions.select(*ACTION_SCHEMA).cast(pl.Schema(ACTION_SCHEMA)))
        _refuse_nonsense(rows, source)
        if rows.is_empty():
            return
        rows = rows.with_columns(
            retrieved=pl.lit(retrieved, dtype=STORED_SCHEMA["retrieved"]), source=pl.lit(source)
        )
        path = self.folder / f"{source}.parquet"
        with only_writer(self.folder):
            if path.exists():
                rows = pl.concat([read_actions(path), rows])
            buffer = BytesIO()
            rows.unique(_KEY, keep="last").sort(_KEY).write_parquet(buffer, compression="zstd")
            write_atomic(path, buffer.getvalue())

    def actions(
        self,
        symbols: Iterable[str] | None = None,
        start: date | None = None,
        end: date | None = None,
    ) -> pl.DataFrame:
        """Actions with `start` <= ex_date <= `end`, sorted by symbol, day and kind.

        A position that was held at the close before `ex_date` has `ratio` times its shares from
        that session on, or is paid `amount` for each.

        Args:
            symbols: Whose; all when None.
            start: First day; from the first on when None.
            end: Last day, included.

        Returns:
            `STORED_SCHEMA`; where several sources know an action, what was retrieved last.

        Raises:
            DataError: a damaged file.
        """
        found = [read_actions(path) for path in self.files()]
        known = pl.concat([pl.DataFrame(schema=STORED_SCHEMA), *found])
        if symbols is not None:
            known = known.filter(pl.col("symbol").is_in(list(canonical_symbols(symbols))))
        if start is not None:
            known = known.filter(pl.col("ex_date") >= start)
        if end is not None:
            known = known.filter(pl.col("ex_date") <= end)
        return known.sort(*_KEY, "retrieved", "source").unique(
            _KEY, keep="last", maintain_order=True
        )

    def files(self) -> list[Path]:
        """The file of each source, sorted."""
        return sorted(self.folder.glob("*.parquet"))


def read_actions(path: Path) -> pl.DataFrame:
    """What one source said: `STORED_SCHEMA`.

    Raises:
        DataError: the file is damaged.
    """
    try:
        stored = pl.read_parquet(path, glob=False)
        return stored.select(*STORED_SCHEMA).cast(pl.Schema(STORED_SCHEMA))
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0]
        advice = "ploutos data repair sets it aside"
        raise DataError(f"corporate actions {path} are damaged", why, advice) from error


def _refuse_nonsense(rows: pl.DataFrame, source: str) -> None:
    """Refuse what is neither a split with a ratio nor a dividend with an amount."""
    ratio, amount = (pl.col(name).is_finite() & (pl.col(name) > 0) for name in ("ratio", "amount"))
    is_split = (pl.col("kind") == SPLIT) & ratio & pl.col("amount").is_null()
    is_dividend = (pl.col("kind") == DIVIDEND) & amount & pl.col("ratio").is_null()
    named = pl.col("symbol").is_not_null() & pl.col("ex_date").is_not_null()
    bad = rows.filter(~((is_split | is_dividend) & named).fill_null(value=False))
    if bad.height:
        row = bad.row(0, named=True)
        what = f"{source}: {row['symbol']} on {row['ex_date']} is no corporate action"
        raise DataError(what, f"{row['kind']}, ratio {row['ratio']}, amount {row['amount']}")
