"""The artefact store: where results outlive the cluster that made them.

A folder of this machine or any fsspec URL (`s3://bucket/path`, `gs://...`); a cloud's own package
(s3fs, gcsfs) must be installed there, and credentials come from where that package looks for them.
"""

import json
import os
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cluster.errors import ConfigError, DataError, PloutosError, UsageError
from cluster.files import canonical_json, sha256_of, write_atomic

_PROBE = ".writable"
_INDEX = ".mirror.json"


class ArtifactStore:
    """Folders of files under one URL.

    A file that was stored once is never rewritten, so that storing a folder again costs one
    listing, and two clusters may store into the same place.

    Args:
        url: A local folder, or an fsspec URL without a password in it.

    Raises:
        UsageError: the URL holds a password, or is of no kind that fsspec knows.
        ConfigError: the package for this kind of URL is not installed.
        PloutosError: the store refuses or fails; so do all methods.
    """

    def __init__(self, url: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        _refuse_password(url)
        with self._answers(url):
            self._files, root = fsspec.core.url_to_fs(os.path.expanduser(url))
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._files, LocalFileSystem)
        self.url = self._root if self._is_local else url.rstrip("/")

    def check(self) -> None:
        """Write and remove a small file: better to fail now than when the results are there."""
        path = self._path(_PROBE)
        self._write(path, b"ploutos\n")
        with self._answers(self.url):
            self._files.rm_file(path)

    def put(
        self, folder: Path, name: str, *, last: str = "", mutable: Collection[str] = ()
    ) -> list[str]:
        """Store the files of `folder` under `name`; returns the names of those that were new.

        A file of the same name and size is there already and is kept; one that is in `mutable` is
        written anew. Hidden files are drafts and stay at home.

        Args:
            folder: Read with its subfolders.
            name: Such as `bundles/<bundle id>`; the store knows no other structure.
            last: The file that says the others are whole; it is written after them.
            mutable: File names that may change.

        Raises:
            DataError: the store has another file of that name.
        """
        there = self._sizes(name)
        paths = {path.relative_to(folder).as_posix(): path for path in _visible_files(folder)}
        written = []
        for key in sorted(paths, key=lambda key: (key == last, key)):
            size = paths[key].stat().st_size
            if key in there and paths[key].name not in mutable:
                if there[key] != size:
                    raise self._taken(f"{name}/{key}", there[key], size)
                continue
            self._write(self._path(f"{name}/{key}"), paths[key].read_bytes())
            written.append(key)
        return written

    def get(self, name: str, folder: Path) -> list[str]:
        """Bring the files under `name` into `folder`, less those that are there in that size.

        Raises:
            UsageError: the store has nothing of that name.
            DataError: `folder` has another file of a name.
        """
        sizes = self._sizes(name)
        if not sizes:
            raise UsageError(
                f"no {name} in {self.url}", "", f"ploutos job artifacts --artifacts {self.url}"
            )
        written = []
        for key, size in sorted(sizes.items()):
            target = folder / key
            if target.is_file() and target.stat().st_size == size:
                continue
            if target.exists():
                raise DataError(
                    f"{target} is not the file of {self.url}/{name}",
                    f"{target.stat().st_size} bytes here, {size} there",
                    "move it away, then run the command again",
                )
            with self._answers(self.url):
                data = self._files.cat_file(self._path(f"{name}/{key}"))
            write_atomic(target, data)
            written.append(key)
        return written

    def mirror(self, name: str, folder: Path, only: re.Pattern[str]) -> list[str]:
        """Make the files in `folder` those under `name`; returns the names of all of them.

        A file comes when it is new here, or changed there or here: an index beside them keeps what
        the store said of each, and the SHA-256 of what came.

        Args:
            name: As for `put`.
            folder: Of nothing else; it must exist.
            only: What the wanted names look like.

        Raises:
            PloutosError: a file changed while it came.
        """
        index = folder / _INDEX
        known = json.loads(index.read_bytes()) if index.is_file() else {}
        details = self._details(name)
        wanted = {key: detail for key, detail in details.items() if only.fullmatch(key)}
        for key, detail in sorted(wanted.items()):
            stated = repr(sorted(detail.items(), key=lambda item: item[0]))
            target, entry = folder / key, known.get(key, {})
            if (
                entry.get("stated") == stated
                and target.is_file()
                and sha256_of(target) == entry["sha256"]
            ):
                continue
            with self._answers(self.url):
                data = self._files.cat_file(self._path(f"{name}/{key}"))
            if len(data) != int(detail["size"]):
                raise PloutosError(f"{self.address(name)}/{key} changed while it was read")
            write_atomic(target, data)
            known[key] = {"stated": stated, "sha256": sha256(data).hexdigest()}
        for key in known.keys() - wanted.keys():
            (folder / key).unlink(missing_ok=True)
        write_atomic(index, canonical_json({key: known[key] for key in wanted}))
        return sorted(wanted)

    def names(self, prefix: str, *, complete: str = "") -> list[str]:
        """The folders right under `prefix`, less those without the file `complete`."""
        found: dict[str, set[str]] = {}
        for key in self._sizes(prefix):
            name, slash, rest = key.partition("/")
            if slash:
                found.setdefault(name, set()).add(rest)
        return sorted(name for name, files in found.items() if not complete or complete in files)

    def address(self, name: str) -> str:
        """The full URL or path of `name`."""
        return f"{self.url}/{name}"

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _sizes(self, name: str) -> dict[str, int]:
        """Bytes of each visible file under `name`, by its path in there."""
        return {key: int(detail["size"]) for key, detail in self._details(name).items()}

    def _details(self, name: str) -> dict[str, dict[str, Any]]:
        """What the store says of each visible file under `name`, by its path in there."""
        root = self._path(name)
        with self._answers(self.url):
            self._files.invalidate_cache()
            found: dict[str, dict[str, Any]] = self._files.find(root, detail=True)
        details = {path.removeprefix(root).lstrip("/"): detail for path, detail in found.items()}
        return {key: detail for key, detail in details.items() if not _is_hidden(key)}

    def _write(self, path: str, data: bytes) -> None:
        """Whole or not at all: by a rename on a disk, by the service itself in an object store."""
        if self._is_local:
            write_atomic(Path(path), data)
            return
        with self._answers(self.url):
            self._files.pipe_file(path, data)

    def _taken(self, name: str, there: int, here: int) -> DataError:
        return DataError(
            f"{self.address(name)} is another file",
            f"{there} bytes there, {here} here, and stored files are never rewritten",
            "store into another folder: --artifacts URL",
        )

    @contextmanager
    def _answers(self, url: str) -> Iterator[None]:
        """Say what is wrong in our words; every cloud's package has errors of its own."""
        try:
            yield
        except PloutosError:
            raise
        except ImportError as error:
            raise ConfigError(
                f"{url} needs a package that is not installed",
                str(error),
                "install it here and in the cluster's image (s3fs for s3://, gcsfs for gs://)",
            ) from error
        except ValueError as error:
            raise UsageError(
                f"{url} is no place for artefacts", str(error), "give a folder, or an s3:// URL"
            ) from error
        except Exception as error:
            why = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            raise PloutosError(
                f"the artefact store {url} fails", why, "check the URL and its credentials"
            ) from error


def _refuse_password(url: str) -> None:
    """A URL is printed, and stands in the entrypoint of a job for all to read."""
    if urlsplit(url).password is not None:
        raise UsageError(
            "the URL holds a password",
            "it would be printed, and shown to everybody who may list jobs",
            "give the credentials in the environment of the cluster",
        )


def _visible_files(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return [path for path in found if not _is_hidden(path.relative_to(folder).as_posix())]


def _is_hidden(key: str) -> bool:
    return any(part.startswith(".") for part in key.split("/"))
