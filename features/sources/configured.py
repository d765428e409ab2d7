"""Every source by its name, and those that the settings allow."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cluster.errors import ConfigError, UsageError
from cluster.settings import Settings
from features.sources.alpaca import AlpacaSource
from features.sources.polygon import PolygonSource
from features.sources.protocol import BarSource, ConfiguredSource
from features.sources.yahoo import YahooSource

SOURCES: Final[dict[str, type[ConfiguredSource]]] = {  # in order of failover
    "alpaca": AlpacaSource,
    "yahoo": YahooSource,
    "polygon": PolygonSource,
}


@dataclass(frozen=True)
class Sources:
    """Who can be asked, in order, and who cannot, and why."""

    usable: tuple[BarSource, ...]
    skipped: dict[str, str]


def configured_sources(settings: Settings, cache: Path, only: str | None = None) -> Sources:
    """All of `SOURCES`, as far as they have keys; nothing is connected.

    Args:
        settings: Their keys.
        cache: Folder for what their clients keep.
        only: The one source to use; None: all.

    Raises:
        UsageError: no such source.
        ConfigError: `only` has no key.
    """
    if only is not None and only not in SOURCES:
        why = f"it is one of {', '.join(SOURCES)}"
        raise UsageError(f"source {only!r}", why, "ploutos data fetch --help")
    usable: list[BarSource] = []
    skipped: dict[str, str] = {}
    for name in SOURCES if only is None else (only,):
        source = SOURCES[name].from_settings(settings, cache)
        if source is not None:
            usable.append(source)
        else:
            skipped[name] = f"it has no key ({SOURCES[name].key_variables})"
    if only is not None and not usable:
        why = f"{SOURCES[only].key_variables} is not set"
        raise ConfigError(f"{only} needs a key", why, "set it in .env or the environment")
    return Sources(tuple(usable), skipped)
