"""Tables in text files: packed or not, of any encoding, separator and line end."""

import gzip
import zipfile
import zlib
from pathlib import Path

import polars as pl

from cluster.errors import DataError

MAX_FILE = 2**32  # bytes in memory
_SEPARATORS = (",", ";", "\t", "|")
_MARKS = {  # how a text says its encoding
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def read_cells(path: Path) -> pl.DataFrame:
    """The cells of a text table, all as text, with no headings taken off; null where empty.

    Raises:
        DataError: it is too large, no text, or no table; `polars.exceptions` of a broken one.
    """
    content = _utf8(_unpacked(path), path)
    first = content.lstrip().split(b"\n", 1)[0].decode().lower()
    separator = max(_SEPARATORS, key=first.count)
    if first.startswith("sep=") and first[4:5] in _SEPARATORS:
        separator, content = first[4], content.lstrip().partition(b"\n")[2]
    cells = pl.read_csv(
        content, has_header=False, infer_schema=False, null_values=[""], separator=separator
    )
    cells = cells.select(pl.all().str.strip_chars().replace("", None))
    cells = cells.filter(~pl.all_horizontal(pl.all().is_null()))
    if cells.is_empty():
        raise pl.exceptions.NoDataError("empty")
    return cells


def _unpacked(path: Path) -> bytes:
    """The content of a file, or of what is packed in it."""
    try:
        if path.suffix.lower() == ".zip":
            return _of_zip(path)
        with path.open("rb") as file:
            packed = path.suffix.lower() == ".gz"
            content: bytes = (gzip.GzipFile(fileobj=file) if packed else file).read(MAX_FILE + 1)
    except (EOFError, zlib.error, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise OSError(str(error)) from error
    _refuse_above(path, len(content))
    return content


def _of_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as packed:
        names = [
            info for info in packed.infolist() if info.filename.lower().endswith((".csv", ".txt"))
        ]
        if len(names) != 1:
            why = f"it holds {len(names)} text files, not one"
            raise DataError(f"cannot read {path}", why, f"unzip {path}, then import the folder")
        _refuse_above(path, names[0].file_size)
        return packed.read(names[0])


def _refuse_above(path: Path, size: int) -> None:
    if size > MAX_FILE:
        why = f"its text is over {MAX_FILE // 2**30} GiB"
        raise DataError(f"{path} is too large", why, "split it by symbols or years")


def _utf8(content: bytes, path: Path) -> bytes:
    """The text as UTF-8 with line ends that everybody knows."""
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "")
    if not encoding and b"\0" in content[:1000]:
        high, low = content[:1000:2].count(0), content[1:1000:2].count(0)
        if (high and low) or (high + low) * 4 < len(content[:1000]):
            raise DataError(f"{path} is not a readable csv file", "it is no text", f"file {path}")
        encoding = "utf-16-be" if high else "utf-16-le"
    try:
        text = content.decode(encoding or "utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
        encoding = "latin-1"
    content = text.encode() if encoding else content
    return content if b"\n" in content else content.replace(b"\r", b"\n")
