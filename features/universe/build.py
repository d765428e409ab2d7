"""Building the universe from the public list, or the last good copy when that is out of reach."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cluster.errors import DataError
from features.universe.history import universe_from_page
from features.universe.store import age_of, keep_known_sectors, load_universe, save_universe
from features.universe.universe import Universe
from features.universe.wikipedia import (
    BASE_URL,
    FEWEST_COMPANIES,
    TIMEOUT_S,
    fetch_list_page,
    read_list_page,
)


@dataclass(frozen=True)
class Build:
    """What a build led to.

    Attributes:
        universe: The one that is stored now.
        fresh: Whether the page was read; otherwise `universe` is the last good copy.
        age: Of the copy.
        trouble: Why the page could not be read, with the command that helps; empty when fresh.
    """

    universe: Universe
    fresh: bool
    age: timedelta
    trouble: str = ""


def build_universe(
    folder: Path,
    *,
    page: Path | None = None,
    base_url: str = BASE_URL,
    timeout_s: float = TIMEOUT_S,
    fewest: int = FEWEST_COMPANIES,
) -> Build:
    """Read the public list, store what it says, and fall back on the copy that is stored.

    Args:
        folder: `PLOUTOS_HOME/universe`.
        page: A saved copy of the page, read in place of the network.
        base_url: Of the site.
        timeout_s: For the whole page.
        fewest: Companies below which a list is refused.

    Raises:
        DataError: the page cannot be fetched or read, and there is no copy.
    """
    try:
        text = _saved(page) if page else fetch_list_page(base_url, timeout_s)
        origin = str(page) if page else base_url
        universe = universe_from_page(read_list_page(text, fewest=fewest), origin)
    except DataError as error:
        if page is not None or not (folder / "universe.json").exists():
            raise
        former = load_universe(folder)
        return Build(former, False, age_of(former), str(error))
    if (folder / "universe.json").exists():
        universe = keep_known_sectors(universe, load_universe(folder))
    save_universe(universe, folder)
    return Build(universe, True, age_of(universe))


def _saved(page: Path) -> str:
    try:
        return page.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {page}", str(error), f"ls -l {page}") from error
