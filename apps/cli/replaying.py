"""A replay as the command line asks for it: which bundle, which bars, who decides."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apps.cli.output import talk
from apps.cli.readers import find_bundle
from cluster.errors import UsageError
from cluster.files import check_name
from cluster.settings import Home, home

if TYPE_CHECKING:
    from features import CheckedBars
    from trade.policy.policy import Policy
    from trade.risk.limits import RiskLimits
    from trade.session.replay import Candidates, SessionReport
    from trade.session.replay_result import ReplayResult
    from train.bundle.manifest import Manifest
    from train.bundle.windows import WalkedDays

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
) -> "tuple[ReplayResult, WalkedDays]":
    """Replay a bundle of this home, by default over its test window; the reading is counted.

    Raises:
        UsageError: the session's name is none.
        PloutosError: no bundle, no bars, no endpoint, or what `trade.session.replay.replay` raises.
    """
    from trade.orders.protection import Protection
    from trade.session.replay import ReplayRequest, replay
    from train.bundle.bundle import read_manifest
    from train.bundle.stages import bundle_to_serve
    from train.bundle.window_reading import note_days
    from train.bundle.windows import walked_days
    from train.ledger.ledger import TrialLedger

    place = home()
    name = options.session or f"replay-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    check_name(name, "session")
    folder = find_bundle(place, options.bundle) if options.bundle else bundle_to_serve(place)[0]
    manifest = read_manifest(folder)
    with _policy(options, folder, manifest, place) as policy:
        bars, simulated = _bars(options, manifest, place)
        days = walked_days(place, manifest, options.start, options.end, bars)
        talk(f"walking {days.first} to {days.last} ({days.parts or 'not known to the bundle'})")
        if days.trained_on:
            talk("note: the bundle was trained on some of these days: a profit there says nothing")
        journal = place.journal / f"{name}.jsonl"
        if not journal.exists():
            note_days(TrialLedger(place.ledger), manifest, days, "replay")
        request = ReplayRequest(
            bars=bars,
            bundle=manifest,
            policy=policy,
            journal=journal,
            label=_label(days, simulated=simulated),
            start=days.first,
            end=days.last,
            limits=limits_of(options, manifest.risk),
            protection=Protection() if options.risk else None,
            seed=options.seed,
            resume=options.resume,
            candidates=_candidates(manifest, place, bars, simulated=simulated),
        )
        return replay(request, on_session), days


def _label(days: "WalkedDays", *, simulated: bool) -> str:
    """What every page says of the session's numbers: of which bars, and whether they are news."""
    kind = SIMULATED if simulated else "REPLAY"
    return f"{kind} of training days" if days.trained_on else kind


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


def _candidates(
    manifest: "Manifest", place: Home, bars: "CheckedBars", *, simulated: bool
) -> "Candidates | None":
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
    if simulated:
        sectors = sectors_by_name(bars.symbols)
        known = Universe.of_all(sectors, SIMULATED)
    else:
        known = load_universe(place.universe)
    return Candidates(known, place.tables / "scan")


def _bars(options: ReplayOptions, manifest: "Manifest", place: Home) -> "tuple[CheckedBars, bool]":
    """The bars of the bundle's symbols, of a file or of the lake, and whether they are simulated.

    Raises:
        DataError: there are none.
        UsageError: the lake has them in more than one series.
    """
    from features import read_bars
    from features.lake.origins import is_simulated
    from features.universe.sector_of import are_simulated
    from train.bundle.lake_bars import lake_bars

    if options.bars is not None:
        bars, series = read_bars(options.bars), ""
    else:
        bars, series = lake_bars(place, manifest, options.source)
    return bars, is_simulated(series) or are_simulated(bars.symbols)


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
