"""What the demo prints: one numbered line a step, with its time, and progress in between."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

STEPS = ("data", "features", "tune", "judge", "serve", "paper")


@dataclass
class DemoConsole:
    """Prints to stdout, or with `quiet` (for --json) to stderr."""

    quiet: bool = False
    started: float = field(default_factory=time.monotonic)
    seconds: dict[str, float] = field(default_factory=dict)  # step -> wall time

    def say(self, text: str) -> None:
        """Print one line at once, also into a pipe."""
        stream = sys.stderr if self.quiet else sys.stdout
        stream.write(f"{text}\n")
        stream.flush()

    def progress(self, text: str) -> None:
        """Print what is going on inside a step."""
        self.say(f"      .. {text}")

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Time a step; the lines that it collects are printed when it ends."""
        begun = time.monotonic()
        lines: list[str] = []
        yield lines
        self.seconds[name] = time.monotonic() - begun
        number = STEPS.index(name) + 1
        head = f"  {number}/{len(STEPS)} {name:<9}"
        for index, line in enumerate(lines):
            lead = head if index == 0 else " " * len(head)
            clock = f"  ({self.seconds[name]:.1f} s)" if index == len(lines) - 1 else ""
            self.say(f"{lead}{line}{clock}")

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started
