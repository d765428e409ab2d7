"""A bar on stderr that shows how far long work is, when somebody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def watching(what: str) -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar; what is handed out is called with how much is done, of how much, and a name."""
    from rich import progress

    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
    )
    shown = progress.Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total, name: shown.update(
            task, completed=done, total=total, description=name
        )
