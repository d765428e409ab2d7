"""How a source can fail: it is down, or it does not serve what was asked."""

import polars as pl

from cluster.errors import DataError


class SourceDown(DataError):
    """No usable answer; another attempt, or another source, may help.

    Args:
        source: Its name.
        why: What happened.
        again: Whether the same request may succeed in a moment.
        wait_s: How long the source asks to be left alone, seconds.
    """

    def __init__(
        self, source: str, why: str, *, again: bool = True, wait_s: float | None = None
    ) -> None:
        super().__init__(f"{source} is down", why, "run the same command again: it goes on")
        self.source = source
        self.again = again
        self.wait_s = wait_s


class BrokenOff(SourceDown):
    """The source went down within an answer; what came is whole as far as it goes.

    Args:
        failure: What ended it.
        came: `BAR_SCHEMA`.
    """

    def __init__(self, failure: SourceDown, came: pl.DataFrame) -> None:
        super().__init__(failure.source, failure.why, again=False)
        self.came = came


class NotServed(DataError):
    """A definite answer: the source does not have this, or not in this form."""

    def __init__(self, source: str, why: str, advice: str = "") -> None:
        super().__init__(f"{source} does not serve this", why, advice)
        self.source = source


class NotKnown(NotServed):
    """The source knows no such symbol, or no longer."""


class NotEntitled(NotServed):
    """The key is right, but its plan does not include this; the source is not down."""
