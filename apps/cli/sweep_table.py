"""A running sweep on the terminal: one live table, or plain lines where there is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table

from apps.cli.output import cell, reader_console, table

if TYPE_CHECKING:
    from train.sweep.progress import SweepEvent, SweepProgress


@contextmanager
def watched() -> "Iterator[Callable[[SweepEvent], None]]":
    """Yield what a sweep reports to; everything goes to stderr."""
    from train.sweep.progress import SweepProgress

    console = reader_console(stderr=True)
    progress = SweepProgress()

    def say(event: "SweepEvent") -> None:
        progress.add(event)
        console.print(progress.line(event))

    if not console.is_terminal:
        yield say
        return
    with Live(console=console, refresh_per_second=4, transient=False) as live:

        def show(event: "SweepEvent") -> None:
            progress.add(event)
            live.update(trial_table(progress))

        yield show


def trial_table(progress: "SweepProgress") -> Table:
    """The last event of every trial, in the order of their start; speed and time in the title."""
    from train.sweep.progress import sharpe

    trials = progress.trials
    title = f"{progress.ended} of {trials[0].trials} trials ended, {progress.summary()}"
    rows = [
        (
            event.number,
            event.kind,
            f"{event.steps / event.total_steps:.0%}",
            f"{event.steps_per_second:,.0f}",
            sharpe(event.validation_sharpe),
            event.seed,
            cell(event.sampled),
        )
        for event in trials
    ]
    head = ("#", "state", "done", "steps/s", "Sharpe(val)", "seed", "parameters")
    return table(head, rows, title)
