"""A running sweep on the terminal: one live table, or plain lines where there is no terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from apps.output import cell, table

if TYPE_CHECKING:
    from train.sweep_progress import SweepEvent


@contextmanager
def watched() -> "Iterator[Callable[[SweepEvent], None]]":
    """Yield what a sweep reports to; everything goes to stderr."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda event: console.print(line(event), markup=False, soft_wrap=True)
        return
    latest: dict[str, SweepEvent] = {}
    with Live(console=console, refresh_per_second=4, transient=False) as live:

        def show(event: "SweepEvent") -> None:
            latest[event.trial] = event
            live.update(trial_table(list(latest.values())))

        yield show


def line(event: "SweepEvent") -> str:
    """One event as a line."""
    return (
        f"[{event.elapsed_s:6.1f} s] trial {event.number}/{event.trials} {event.kind:9} "
        f"{event.steps:>11,} of {event.total_steps:,} steps "
        f"{event.steps_per_second:>8,.0f}/s  validation Sharpe {_sharpe(event)}  "
        f"{cell(event.sampled)}"
    )


def trial_table(events: "list[SweepEvent]") -> Table:
    """The last event of every trial, in the order of their start."""
    ordered = sorted(events, key=lambda event: event.number)
    done = sum(event.kind in ("completed", "pruned", "failed") for event in ordered)
    title = f"{done} of {ordered[0].trials} trials ended"
    rows = [
        (
            event.number,
            event.kind,
            f"{event.steps / event.total_steps:.0%}",
            f"{event.steps_per_second:,.0f}",
            _sharpe(event),
            cell(event.sampled),
        )
        for event in ordered
    ]
    return table(("#", "state", "done", "steps/s", "Sharpe(val)", "parameters"), rows, title)


def _sharpe(event: "SweepEvent") -> str:
    return "-" if event.validation_sharpe is None else f"{event.validation_sharpe:.2f}"
