"""A replay as the command line asks for it: which bundle, which bars, who decides."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apps.cli.readers import find_bundle
from cluster.errors import DataError, UsageError
from cluster.settings import Home, home

if TYPE_CHECKING:
    from features import CheckedBars
    from trade.policy.policy import Policy
    from trade.risk.limits import RiskLimits
    from trade.session.replay import Candidates, SessionReport
    from trade.session.replay_result import ReplayResult
    from train.bundle.manifest import Manifest

SIMULATED = "SIMULATED"


@dataclass(frozen=True, kw_only=True)
class ReplayOptions:
    """The options of `ploutos trade replay`."""

    start: date | None
    end: date | None
    bundle: str | None
    bars: Path | None
    source: str | None
    local: bool
    risk: bool
    limits: tuple[str, ...] = ()  # each `name=value`; over those of the bundle's scenario
    session: str | None
    resume: bool
    seed: int


def run_replay(
    options: ReplayOptions, on_session: "Callable[[SessionReport], None]"
) -> "ReplayResult":
    """Replay a bundle of this home.

    Raises:
        PloutosError: no bundle, no bars, no endpoint, or what `trade.session.replay.replay` raises.
    """
    from trade.orders.protection import Protection
    from trade.session.replay import ReplayRequest, replay
    from train.bundle.bundle import read_manifest

    place = home()
    folder = find_bundle(place, options.bundle)
    manifest = read_manifest(folder)
    name = options.session or f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    with _policy(options, folder, manifest, place) as policy:
        bars = _bars(options, manifest, place)
        request = ReplayRequest(
            bars=bars,
            bundle=manifest,
            policy=policy,
            journal=place.journal / f"{name}.jsonl",
            label=SIMULATED if manifest.data.label == SIMULATED else "REPLAY",
            start=options.start,
            end=options.end,
            limits=limits_of(options, manifest.risk),
            protection=Protection() if options.risk else None,
            seed=options.seed,
            resume=options.resume,
            candidates=_candidates(manifest, place, bars),
        )
        return replay(request, on_session)


def limits_of(
    options: ReplayOptions, of_scenario: Mapping[str, float] | None
) -> "RiskLimits | None":
    """The gate's limits: the defaults, over them the scenario's, over them the command line's.

    Raises:
        UsageError: a setting that cannot be read, or one for a gate that is off.
        ConfigError: no limit has it, or it is out of its range.
    """
    from trade.risk.limits import RiskLimits

    if not options.risk:
        if options.limits:
            raise UsageError("--limit and --no-risk contradict each other", "", "drop one of them")
        return None
    named = dict(_setting(text) for text in options.limits)
    return RiskLimits(**{**(of_scenario or {}), **named})


def _setting(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        number = float(value)
    except ValueError as error:
        why = "NAME=NUMBER is wanted"
        raise UsageError(f"--limit {text}", why, "for example --limit max_position=0.05") from error
    return name.strip(), int(number) if number.is_integer() else number


def _candidates(manifest: "Manifest", place: Home, bars: "CheckedBars") -> "Candidates | None":
    """Who may sit in the bundle's slots, by the home's universe; None where it has no slots.

    Of the simulated market, everybody may.

    Raises:
        DataError: the home has no universe.
    """
    from features.universe.sector_of import sectors_by_name
    from features.universe.store import load_universe
    from features.universe.universe import Universe
    from trade.session.replay import Candidates

    if manifest.slots is None:
        return None
    if manifest.data.label == SIMULATED:
        sectors = sectors_by_name(bars.symbols)
        known = Universe.of_all(sectors, SIMULATED)
    else:
        known = load_universe(place.universe)
    return Candidates(known, place.tables / "scan")


def _bars(options: ReplayOptions, manifest: "Manifest", place: Home) -> "CheckedBars":
    """The bars of the bundle's symbols, from a file or from one source of the lake.

    Raises:
        DataError: there are none.
        UsageError: the lake has them from more than one source.
    """
    from features import Lake, check_bars, read_bars

    if options.bars is not None:
        return read_bars(options.bars)
    interval = manifest.data.interval
    symbols = None if manifest.slots else list(manifest.symbols)
    lake = Lake(place.lake)
    bars = lake.scan(interval, source=options.source, symbols=symbols).collect()
    if bars.is_empty():
        named = manifest.symbols
        simulated = manifest.data.label == SIMULATED
        raise DataError(
            f"the lake has no {interval} bars of this bundle's symbols",
            f"it was made for {', '.join(named[:5])}{', ...' if len(named) > 5 else ''}",
            "ploutos data simulate" if simulated else "ploutos trade replay --bars FILE",
        )
    sources = sorted(bars["series"].unique())
    if len(sources) > 1:
        raise UsageError(
            "the lake has these bars from more than one source",
            ", ".join(sources),
            f"ploutos trade replay --source {sources[0]}",
        )
    return check_bars(bars, origin=f"{interval} bars of the lake")


@contextmanager
def _policy(
    options: ReplayOptions, folder: Path, manifest: "Manifest", place: Home
) -> "Iterator[Policy]":
    """The bundle in this process, or the endpoint of this home."""
    from trade.policy.actors import HttpPolicy, LocalPolicy
    from train.bundle.bundle import PolicyBundle

    if options.local:
        yield LocalPolicy(PolicyBundle.load(folder))
        return
    from apps.cli.endpoint import connected_client

    with connected_client() as client:
        policy = HttpPolicy(client, manifest)
        policy.check()
        yield policy
