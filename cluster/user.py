"""Who runs this process."""

import getpass
import os


def user_name() -> str:
    """Who runs this process; a number where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
