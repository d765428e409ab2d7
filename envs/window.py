"""A run of bars: half-open, wherever it is counted."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Window:
    """The bars `start` to `stop`, `stop` not among them.

    An account that walks it decides at every bar but the last one, which only marks it.
    """

    start: int
    stop: int

    @property
    def last(self) -> int:
        """The last bar."""
        return self.stop - 1

    @property
    def slice(self) -> slice:
        """The rows of its bars in an array (T, ...)."""
        return slice(self.start, self.stop)

    def __len__(self) -> int:
        """Number of bars; 0 where there is none."""
        return max(0, self.stop - self.start)

    def touches(self, other: "Window") -> bool:
        """Whether the two have a bar in common."""
        return max(self.start, other.start) < min(self.stop, other.stop)
