"""The quarantine: bars taken out of the lake, or never let in, kept with the reason.

root/<interval>/<series>/<time>-<hash>.parquet    bars taken out of that series; can go back
root/rejected/<source>/<time>-<hash>.parquet      bars that broke a rule when they came in
root/damaged/<folder of the lake>/<time>-<name>   files of the lake that cannot be read
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import polars as pl

from cluster.errors import DataError
from cluster.files import storage_errors, write_atomic
from features.bars.symbols import respelt
from features.lake.blocks import (
    KEY,
    block_name,
    blocks_of,
    merge_block,
    only_writer,
    scan_blocks,
    write_block,
    writing,
)
from features.lake.lake import Lake

_REJECTED = "rejected"


@dataclass(frozen=True)
class Batch:
    """One file of bars that were taken out of a series together."""

    path: Path
    interval: str
    series: str
    bars: int


class Quarantine:
    """Bars set aside under `root`; nothing is created before the first one."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def set_aside(
        self, lake: Lake, wrong: pl.DataFrame, *, interval: str, series: str, now: datetime
    ) -> int:
        """Take bars out of the lake; they are in the quarantine before they leave it.

        A crash in between leaves them in both, and the same call again completes it.

        Args:
            lake: Where they are.
            wrong: `symbol`, `ts` and `reason`.
            interval: Of the bars.
            series: That they are in.
            now: UTC, written beside them.

        Returns:
            How many bars were set aside; those that the lake does not have are not counted.

        Raises:
            DataError: a block is damaged.
            PloutosError: the disk is full, read-only or forbidden.
        """
        folder = lake.folder(interval, series)
        reasons = wrong.unique(KEY, keep="first", maintain_order=True)
        reasons = reasons.select(*KEY, "reason", quarantined=pl.lit(now))
        with writing(folder):
            names = {block_name(symbol) for symbol in reasons["symbol"]}
            paths = [path for path in blocks_of(folder) if path.name in names]
            found = [_bars_of(path).join(reasons, on=KEY) for path in paths]
            taken = pl.concat(found) if found else pl.DataFrame()
            if taken.height:
                self._write(self.root / interval / series, taken, now)
                for path in paths:
                    _drop(path, taken)
        return taken.height

    def set_file_aside(self, lake: Lake, path: Path, *, now: datetime) -> Path:
        """Move a file that cannot be read out of the lake, as it is; returns its new place.

        Raises:
            PloutosError: the disk is full, read-only or forbidden.
        """
        place = self.root / "damaged" / path.parent.relative_to(lake.root)
        target = place / f"{now:%Y%m%dT%H%M%S}-{path.name}"
        with only_writer(path.parent), storage_errors(target):
            place.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)
        return target

    def reject(self, broken: pl.DataFrame, *, source: str, now: datetime) -> Path | None:
        """Keep bars that broke a rule; returns their file, None when there is none."""
        if broken.is_empty():
            return None
        return self._write(self.root / _REJECTED / source, broken, now)

    def batches(self, series: str | None = None) -> list[Batch]:
        """What can go back into the lake, oldest first; of one series, or of all."""
        return sorted(self._batches(series), key=lambda batch: batch.path.name)

    def restore(self, lake: Lake, batch: Batch) -> int:
        """Put a batch back; a bar that the lake has by now at that time stays in quarantine.

        Returns:
            How many bars went back.
        """
        bars = _read(batch.path)
        folder = lake.folder(batch.interval, batch.series)
        stay = []
        with writing(folder):
            blocks = bars.with_columns(
                block=pl.col("symbol").map_elements(block_name, return_dtype=pl.String)
            ).partition_by("block", include_key=False, as_dict=True)
            for (name,), part in blocks.items():
                path = folder / str(name)
                held = _bars_of(path).select(KEY) if path.exists() else part.clear()
                back = part.join(held, on=KEY, how="anti")
                stay.append(part.join(held, on=KEY, how="semi"))
                if back.height:
                    merge_block(path, back.drop("reason", "quarantined"))
        left = pl.concat(stay)
        if left.height:
            write_atomic(batch.path, _encoded(left))
        else:
            batch.path.unlink()
        return bars.height - left.height

    def _batches(self, series: str | None) -> Iterator[Batch]:
        for path in self.root.glob("*/*/*.parquet"):
            interval, found = path.parent.parent.name, path.parent.name
            if interval != _REJECTED and series in (None, found):
                yield Batch(path, interval, found, _read(path).height)

    @staticmethod
    def _write(folder: Path, bars: pl.DataFrame, now: datetime) -> Path:
        data = _encoded(bars)
        path = folder / f"{now:%Y%m%dT%H%M%S}-{sha256(data).hexdigest()[:8]}.parquet"
        write_atomic(path, data)
        return path


def _encoded(bars: pl.DataFrame) -> bytes:
    buffer = BytesIO()
    bars.write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _read(path: Path) -> pl.DataFrame:
    try:
        return respelt(pl.read_parquet(path, glob=False))
    except (pl.exceptions.PolarsError, OSError) as error:
        why = str(error).splitlines()[0]
        advice = "move it out of the quarantine: nothing else needs it"
        raise DataError(f"quarantine file {path} is damaged", why, advice) from error


def _drop(path: Path, taken: pl.DataFrame) -> None:
    """Replace a block by itself without the bars that were taken."""
    write_block(path, _bars_of(path).join(taken, on=KEY, how="anti"))


def _bars_of(path: Path) -> pl.DataFrame:
    return scan_blocks([path]).drop("series").collect()
