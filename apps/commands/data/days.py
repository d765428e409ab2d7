"""Days as they are written on the command line."""

from datetime import date


def day_of(text: str) -> date:
    """The day.

    Raises:
        UsageError: it is none.
    """
    from cluster.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is no day", "a day is YYYY-MM-DD", "2024-01-31") from error
