"""Standard streams that take every text, and a width that a table fits into."""

import os
import sys
from io import TextIOWrapper

NARROW = 40  # columns: the least that a text is fitted into


def open_streams() -> None:
    """Let a result be printed whatever the locale: what it cannot spell is escaped.

    A stream that whoever started us has closed reads or writes nothing, like /dev/null.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115  # open until the end
        elif mode == "w" and isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def forget_silly_width() -> None:
    """Unset a COLUMNS that no help page and no table fits into, such as 0."""
    columns = os.environ.get("COLUMNS", "")
    if not columns.isdecimal() or int(columns) < NARROW:
        os.environ.pop("COLUMNS", None)


def drop_stdout() -> None:
    """Let nothing more be written to stdout, which cannot take it: not at our end either."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
