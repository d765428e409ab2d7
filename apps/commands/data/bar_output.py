"""Bars that a command writes to a file, and what it says of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def write_bars(bars: "pl.DataFrame", out: Path) -> None:
    """Write a Parquet or CSV file, whole or not at all.

    Raises:
        UsageError: the file's name ends otherwise.
        PloutosError: the disk is full, read-only or forbidden.
    """
    from io import BytesIO

    from cluster.errors import UsageError
    from cluster.files import write_atomic

    suffix, buffer = out.suffix.lower(), BytesIO()
    if suffix == ".parquet":
        bars.write_parquet(buffer)
    elif suffix == ".csv":
        bars.write_csv(buffer)
    else:
        why = "a bar file ends in .parquet or .csv"
        raise UsageError(f"cannot write {out}", why, f"--out {out.with_suffix('.parquet')}")
    write_atomic(out, buffer.getvalue())


def span(bars: "pl.DataFrame") -> dict[str, Any]:
    """How many bars there are, of how many symbols, from when to when."""
    return {
        "bars": bars.height,
        "symbols": bars["symbol"].n_unique(),
        "first": bars["ts"].min(),
        "last": bars["ts"].max(),
    }
