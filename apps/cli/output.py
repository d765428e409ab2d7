"""What a command prints: data on stdout (a table, or one JSON document), talk on stderr."""

import json
import math
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console, ConsoleOptions, JustifyMethod, RenderResult
from rich.table import Table

from cluster.entry.streams import NARROW

if TYPE_CHECKING:
    import polars as pl

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
WIDE = 160  # columns of a pipe
MAX_SEED = 2**32 - 1  # the largest that numpy, torch and V6 all take
_TEXT, _GAP = 8, 2  # columns: the least that text is folded to, and between two columns of a table


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
    console = reader_console()
    if render is None:
        print_fields(console, document)
    else:
        render(console)


def reader_console(*, stderr: bool = False) -> Console:
    """Prints every text as it is: `[a]` and `:b:` in it are no markup, and no line is cut.

    It is as wide as COLUMNS or the terminal say; a file or a pipe has room for whole rows.
    """
    width = max(shutil.get_terminal_size((WIDE, 24)).columns, NARROW)
    return Console(
        stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True, width=width
    )


def print_fields(console: Console, document: Mapping[str, Any]) -> None:
    """Print `key  value` lines, keys aligned."""
    width = max((len(key) for key in document), default=0)
    for key, value in document.items():
        console.print(f"{key:<{width}}  {cell(value)}")


class _Whole(Table):
    """A table that is wider than the terminal rather than cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        needed = sum((column.min_width or 0) + _GAP for column in self.columns)
        wide = options.update_width(max(options.max_width, needed))
        return super().__rich_console__(console, wide)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> Table:
    """A plain table: numbers to the right, and only text may be folded to fit the width.

    All else stays whole, and where that leaves no room, the table is wider than the terminal.
    """
    lines = [list(row) for row in rows]
    view = _Whole(title=title or None, title_justify="left", box=None, pad_edge=False)
    for index, column in enumerate(columns):
        values = [line[index] for line in lines]
        text = any(isinstance(value, str | list | tuple) for value in values)
        numeric = not text and any(isinstance(value, int | float | Decimal) for value in values)
        justify: JustifyMethod = "right" if numeric else "left"
        longest = max((len(cell(value)) for value in values), default=0)
        view.add_column(
            column,
            justify=justify,
            no_wrap=not text,
            overflow="fold",
            min_width=min(longest, _TEXT) if text else longest,
        )
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
    """A value for a reader: at most six significant digits, `-` where there is none.

    No power of ten is left to reckon with, and what was counted exactly keeps all its digits.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) >= 1000 else f"{Decimal(f'{value:.6g}'):f}"
    if isinstance(value, Decimal):
        return f"{value:,f}"
    if isinstance(value, bytes):
        return value.hex()
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
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str | int | bool):
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):  # numpy arrays and scalars
        return plain(value.tolist())
    return str(value)


def _number(value: Decimal) -> int | float | str | None:
    """A decimal as JSON's number where that is exact, else its digits as text."""
    if not value.is_finite():
        return None
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)
