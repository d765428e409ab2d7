"""Where numba keeps compiled code when the code's own folder cannot be written to.

Left to itself it would try the user's folder next, and refuse to compile where there is none, as
in a container that runs as some number.
"""

import os
import tempfile
from pathlib import Path

from cluster.errors import PloutosError

VARIABLE = "NUMBA_CACHE_DIR"
_ROOT = Path(__file__).resolve().parents[2]
_COMPILED = (_ROOT / "features" / "formulas", _ROOT / "envs")  # folders with cached functions


def place_compiled_code() -> None:
    """Name a folder for numba, for this process and its children, where one is needed.

    That is the home's `cache/numba`, or where the home is read-only, one of this user alone in
    the temporary folder: compiled code is run, so nobody else may write it. What the user has
    set stays. Nothing is made before numba needs it.
    """
    if not os.environ.get(VARIABLE) and not all(map(_takes_cache, _COMPILED)):
        os.environ[VARIABLE] = str(_in_home() or _temporary())


def compiled_code_folder() -> str:
    """Where compiled code is kept, for a reader."""
    return os.environ.get(VARIABLE) or "beside the code"


def _takes_cache(folder: Path) -> bool:
    cache = folder / "__pycache__"
    return os.access(cache if cache.exists() else folder, os.W_OK)


def _in_home() -> Path | None:
    from cluster.settings import home

    try:
        root = home().root
    except PloutosError:
        return None  # the command itself will say so
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    return root / "cache" / "numba" if os.access(there, os.W_OK | os.X_OK) else None


def _temporary() -> Path:
    folder = Path(tempfile.gettempdir()) / f"ploutos-numba-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        state = folder.lstat()
    except OSError:
        return Path(tempfile.mkdtemp(prefix="ploutos-numba-"))
    ours = state.st_uid == os.getuid() and not state.st_mode & 0o022 and not folder.is_symlink()
    return folder if ours else Path(tempfile.mkdtemp(prefix="ploutos-numba-"))
