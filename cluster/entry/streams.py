"""Standard streams that take every text, and a width that a table fits into."""

import os
import sys
from io import TextIOWrapper


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


def drop_stdout() -> None:
    """Let nothing more be written to stdout, which cannot take it: not at our end either."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
