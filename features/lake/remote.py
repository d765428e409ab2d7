"""A lake behind an fsspec URL: the blocks of an interval are brought here, then read as any."""

import re
from hashlib import sha256
from pathlib import Path

from cluster.artifacts import ArtifactStore
from cluster.errors import DataError
from features.lake.blocks import only_writer
from features.lake.lake import Lake

_BLOCK = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}/block-[0-9]{2}\.parquet")


def local_copy(url: str, interval: str, cache: Path) -> Lake:
    """The lake with this interval's blocks as they are behind the URL now; only changed ones come.

    Args:
        url: As fsspec knows it, `s3://bucket/lake`, without a password in it.
        interval: Such as `1h`.
        cache: Folder for copies of lakes.

    Raises:
        DataError: there are no such blocks.
        PloutosError: the place refuses or fails, or a block changed while it came.
    """
    store = ArtifactStore(url)
    lake = Lake(cache / sha256(store.url.encode()).hexdigest()[:16])
    folder = lake.folder(interval, "any").parent
    with only_writer(folder):
        if not store.mirror(interval, folder, _BLOCK):
            raise DataError(
                f"no {interval} bars in the lake {url}",
                f"it holds no {interval}/<series>/block-NN.parquet",
                f"copy PLOUTOS_HOME/lake there, after ploutos data fetch --interval {interval}",
            )
    return lake
