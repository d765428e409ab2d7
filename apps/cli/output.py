"""What a command prints: data on stdout (a table, or one JSON document), talk on stderr."""

import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, JustifyMethod
from rich.table import Table

if TYPE_CHECKING:
    import polars as pl

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
WIDE = 160  # columns


def emit(
    document: Mapping[str, Any], as_json: bool, render: Callable[[Console], None] | None = None
) -> None:
    """Print the result of a command.

    Args:
        document: The result, as plain values.
        as_json: Print `document` as JSON instead of for a reader.
        render: Prints the result for a reader; by default one `key  value` line an entry.
    """
    if as_json:
        sys.stdout.write(json.dumps(plain(document), indent=2, allow_nan=False) + "\n")
        return
    console = Console(highlight=False, soft_wrap=True, width=_width())
    if render is None:
        print_fields(console, document)
    else:
        render(console)


def _width() -> int | None:
    """The terminal's; a file or a pipe has room for whole rows."""
    return None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDE


def print_fields(console: Console, document: Mapping[str, Any]) -> None:
    """Print `key  value` lines, keys aligned."""
    width = max((len(key) for key in document), default=0)
    for key, value in document.items():
        console.print(f"{key:<{width}}  {cell(value)}", markup=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """A plain table: numbers to the right, and only text may be folded to fit the width."""
    lines = [list(row) for row in rows]
    view = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        values = [line[index] for line in lines]
        text = any(isinstance(value, str | list | tuple) for value in values)
        numeric = not text and any(isinstance(value, int | float) for value in values)
        justify: JustifyMethod = "right" if numeric else "left"
        view.add_column(column, justify=justify, no_wrap=not text, overflow="fold")
    for line in lines:
        view.add_row(*(cell(value) for value in line))
    return view


def row_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """At least one row, all with the same keys, which head the columns."""
    return table(tuple(rows[0]), [tuple(row.values()) for row in rows])


def frame_table(frame: "pl.DataFrame", title: str = "") -> Table:
    """A Polars frame as a table."""
    return table(frame.columns, frame.iter_rows(), title)


def cell(value: Any) -> str:
    """A value for a reader: at most six significant digits, `-` where there is none."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{value:.6g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, list | tuple):
        return ", ".join(cell(item) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={cell(item)}" for key, item in value.items())
    return str(value)


def talk(message: str) -> None:
    """Say something about the work to whoever watches; never part of the result."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


def plain(value: Any) -> Any:
    """The value in JSON's own types: a number that is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | datetime):
        return value.isoformat()
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    return str(value)
