"""Which code a trial ran with: trials of other code are other attempts."""

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("features", "envs", "train")  # what the numbers of a trial depend on


@cache
def code_version() -> str:
    """Version of the package and a digest of the code that results depend on.

    Trials that earlier versions wrote, whose digest was over the files' names too, count as trials
    of other code.
    """
    files = [path for package in _PACKAGES for path in (_ROOT / package).rglob("*.py")]
    try:
        version = metadata.version("ploutos")
    except metadata.PackageNotFoundError:  # run from a folder, as in a Ray job
        version = "0"
    return f"{version}+{code_digest(path.read_bytes() for path in files)}"


def code_digest(contents: Iterable[bytes]) -> str:
    """Twelve hex digits over what files hold, in whatever order, folder and name they lie."""
    digests = sorted(hashlib.sha256(content).digest() for content in contents)
    return hashlib.sha256(b"".join(digests)).hexdigest()[:12]
