"""The lake of this home, as commands over all of it use it: a fault is said, the rest goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from apps.cli.output import talk

if TYPE_CHECKING:
    from cluster.errors import DataError
    from features import Lake
    from features.quality.quarantine import Quarantine

QUARANTINE = "lake-quarantine"


def home_lake() -> "Lake":
    """The lake; damaged blocks and stored bars that are refused are said once each."""
    from cluster.settings import home
    from features import Lake

    said: set[str] = set()

    def say(fault: "DataError") -> None:
        text = str(fault)
        if text not in said:
            talk(f"left out: {text}")
        said.add(text)

    return Lake(home().lake, say)


def home_quarantine() -> "Quarantine":
    """Where bars go that are taken out of the lake."""
    from cluster.settings import home
    from features.quality.quarantine import Quarantine

    return Quarantine(home().root / QUARANTINE)


def only_series(lake: "Lake", interval: str | None, series: str | None) -> tuple[str, str]:
    """The one interval and series that the lake has of those asked for; None: any.

    Raises:
        DataError: it has none.
        UsageError: it has several; names them.
    """
    from cluster.errors import DataError, UsageError

    found = [
        (own, name)
        for own, name, _ in lake.parts()
        if interval in (None, own) and series in (None, name)
    ]
    asked = " ".join(part for part in (interval, series) if part)
    if not found:
        raise DataError(f"no {asked} bars in the lake", str(lake.root), "ploutos data status")
    if len(found) > 1:
        names = ", ".join(" ".join(each) for each in found)
        advice = f"add --interval {found[0][0]} --source {found[0][1]}"
        raise UsageError("the lake has more than one series of these bars", names, advice)
    return found[0]


def refuse_absent(symbols: Iterable[str], known: Iterable[str], where: str) -> None:
    """Refuse symbols that are not among the known ones, by name.

    Raises:
        DataError: there are some.
    """
    from cluster.errors import DataError
    from features.bars.symbols import canonical_symbols

    having = set(known)
    missing = [symbol for symbol in canonical_symbols(symbols) if symbol not in having]
    if missing:
        what = f"no bars of {', '.join(missing)} in the lake"
        raise DataError(what, where, "ploutos data status --symbols")
