"""Bearer tokens, each in a file that only its owner can read."""

import os
import secrets
import stat
from pathlib import Path

from cluster.errors import ConfigError
from cluster.files import storage_errors, write_atomic

_MIN_CHARACTERS = 32


def ensure_token(path: Path) -> str:
    """The token in `path`; made at the first call, with mode 0600.

    Raises:
        ConfigError: others can read the file, or it holds no token.
        PloutosError: the folder cannot be written to.
    """
    if not path.exists():
        with storage_errors(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, secrets.token_urlsafe(32).encode() + b"\n", mode=0o600)
    return read_token(path)


def read_token(path: Path) -> str:
    """The token in `path`.

    Raises:
        ConfigError: no such file, others can read it, or it holds no token.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text().strip()
    except (FileNotFoundError, PermissionError) as error:
        why = os.strerror(error.errno or 0)
        raise ConfigError(f"cannot read the token in {path}", why, "ploutos serve up") from error
    if mode & 0o077:
        raise ConfigError(
            f"others can read the token in {path}",
            f"its mode is {mode:04o}",
            f"mv {path} {path}.old, then ploutos serve down, ploutos serve up",
        )
    if len(text) < _MIN_CHARACTERS or not text.isascii() or not text.isprintable():
        raise ConfigError(
            f"{path} holds no token", "", f"mv {path} {path}.old, then ploutos serve up"
        )
    return text
