"""The sources that the settings allow."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from cluster.errors import ConfigError, UsageError
from cluster.settings import Settings
from features.sources import alpaca, polygon
from features.sources.alpaca import AlpacaSource
from features.sources.polygon import PolygonSource
from features.sources.protocol import BarSource
from features.sources.yahoo import YahooSource

ORDER = ("alpaca", "yahoo", "polygon")
_KEY_VARIABLES = {"alpaca": alpaca.KEY_VARIABLES, "polygon": polygon.KEY_VARIABLES}


@dataclass(frozen=True)
class Sources:
    """Who can be asked, in order, and who cannot, and why."""

    usable: tuple[BarSource, ...]
    skipped: dict[str, str]


def configured_sources(settings: Settings, cache: Path, only: str | None = None) -> Sources:
    """Alpaca, Yahoo and Polygon, as far as they have keys; nothing is connected.

    Args:
        settings: Their keys.
        cache: Folder for what yfinance keeps.
        only: The one source to use; None: all.

    Raises:
        UsageError: no such source.
        ConfigError: `only` has no key.
    """
    if only is not None and only not in ORDER:
        why = f"it is one of {', '.join(ORDER)}"
        raise UsageError(f"source {only!r}", why, "ploutos data fetch --help")
    usable: list[BarSource] = []
    skipped: dict[str, str] = {}
    for name in ORDER if only is None else (only,):
        source = _source(name, settings, cache)
        if source is not None:
            usable.append(source)
        else:
            skipped[name] = f"it has no key ({_KEY_VARIABLES[name]})"
    if only is not None and not usable:
        why = f"{_KEY_VARIABLES[only]} is not set"
        raise ConfigError(f"{only} needs a key", why, "set it in .env or the environment")
    return Sources(tuple(usable), skipped)


def _source(name: str, settings: Settings, cache: Path) -> BarSource | None:
    if name == "yahoo":
        return YahooSource(cache)
    if name == "alpaca":
        key, secret = settings.alpaca_paper_api_key, settings.alpaca_paper_secret_key
        return AlpacaSource(_text(key), _text(secret)) if key and secret else None
    polygon_key = settings.massive_api_key or settings.polygon_api_key
    return PolygonSource(_text(polygon_key)) if polygon_key else None


def _text(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""
