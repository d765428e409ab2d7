"""Local files that are replaced as a whole, for libraries that write by themselves.

Ray Tune rewrites the state of a running sweep in place, every second, together with every JSON
file that it finds beside it. A driver that is killed, or a disk that gets full, in the middle of
that would leave half a file, from which no sweep goes on.
"""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsspec.implementations.local import LocalFileSystem

from cluster.files import sync_folder

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

PARTIAL = ".partial"  # what a killed writer leaves ends so


class AtomicFileSystem(LocalFileSystem):  # type: ignore[misc]  # fsspec is untyped
    """fsspec's local files, but a file that is written appears when it is closed."""

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **kwargs: Any) -> Any:
        if mode != "wb":
            return super()._open(path, mode, block_size, **kwargs)
        target = Path(self._strip_protocol(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        return _Replacement(target)


class _Replacement:
    """A file beside its target, which takes the target's place unless a write has failed."""

    def __init__(self, target: Path) -> None:
        self._handle, name = tempfile.mkstemp(PARTIAL, f".{target.name}.", target.parent)
        self._partial, self._target = Path(name), target
        self.closed = False
        self._size = 0

    def write(self, data: Any) -> int:
        """Write all of `data`, which is not buffered; nothing is left of a file that cannot be."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
        except OSError:
            self._end()
            self._partial.unlink()
            raise
        self._size += size
        return size

    def tell(self) -> int:
        """Bytes written so far."""
        return self._size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        """Put the file in its place, once it is on the disk."""
        if self.closed:
            return
        os.fchmod(self._handle, 0o644)
        os.fsync(self._handle)
        self._end()
        self._partial.replace(self._target)
        sync_folder(self._target.parent)

    def _end(self) -> None:
        self.closed = True
        os.close(self._handle)


def atomic_storage() -> "FileSystem":
    """The file system in the form that Ray takes; it travels to workers by reference."""
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    return PyFileSystem(FSSpecHandler(AtomicFileSystem()))


def remove_partial(folder: Path) -> None:
    """Remove what killed writers have left below a folder that nobody writes to now."""
    for path in folder.rglob(f".*{PARTIAL}"):
        path.unlink(missing_ok=True)
