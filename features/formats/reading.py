"""What a user says about a file that the file does not say itself."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import available_timezones

from cluster.errors import UsageError
from features.bars.intervals import INTERVALS
from features.bars.schema import BAR_COLUMNS
from features.bars.times import EPOCHS, ORDERS, Clock

_HELP = "ploutos data import --help"


@dataclass(frozen=True)
class Reading:
    """How a file is to be read; what is "" or empty is found out.

    Args:
        symbol: Of a file of one symbol.
        columns: Heading by column of a bar (`BAR_COLUMNS`), where headings do not tell.
        epoch: Unit of times that are numbers since 1970, one of `EPOCHS`.
        interval: Of the bars, one of `INTERVALS`.
        zone: IANA name of the zone of times without an offset.
        dates: Order of dates such as 03/04/2024, one of `ORDERS`.
        source: Of the series that the bars are for; it changes nothing of how they are read.

    Raises:
        UsageError: a value that cannot be.
    """

    symbol: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    epoch: str = ""
    interval: str = ""
    zone: str = ""
    dates: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        """Refuse values that cannot be."""
        known = {"epoch": EPOCHS, "interval": tuple(INTERVALS), "dates": ORDERS}
        for name, allowed in known.items():
            value = getattr(self, name)
            if value and value not in allowed:
                raise UsageError(f"--{name} {value}", f"it is one of {', '.join(allowed)}", _HELP)
        if self.zone and self.zone not in available_timezones():
            why = "it is no time zone; they are named such as America/New_York or UTC"
            raise UsageError(f"--zone {self.zone}", why, _HELP)
        unknown = sorted(set(self.columns) - set(BAR_COLUMNS))
        if unknown:
            why = f"{unknown[0]!r} is no column of a bar: {', '.join(BAR_COLUMNS)}"
            raise UsageError("--columns", why, "--columns ts=HEADING,close=HEADING")

    @classmethod
    def columns_of(cls, text: str) -> dict[str, str]:
        """The columns of `ts=Date,close=Last`.

        Raises:
            UsageError: it has another form.
        """
        pairs = [part.partition("=") for part in text.split(",") if part.strip()]
        if any(not sign or not heading.strip() for _, sign, heading in pairs):
            why = "it is a list of COLUMN=HEADING"
            raise UsageError(f"--columns {text}", why, "--columns ts=Date,close=Last")
        return {column.strip(): heading.strip() for column, _, heading in pairs}

    def clock(self, dates: str) -> Clock:
        """What the times mean; `dates` is the order of the file's maker."""
        return Clock(self.zone, self.epoch, self.dates or dates)

    def command(self, path: Path, *more: str) -> str:
        """The import of `path` as it was asked for, and `more` options."""
        options = [
            item
            for name in ("symbol", "epoch", "interval", "zone", "dates", "source")
            if (value := getattr(self, name)) and f"--{name}" not in more
            for item in (f"--{name}", value)
        ]
        if self.columns and "--columns" not in more:
            pairs = ",".join(f"{column}={heading}" for column, heading in self.columns.items())
            options += ["--columns", pairs]
        return shlex.join(["ploutos", "data", "import", str(path), *options, *more])
