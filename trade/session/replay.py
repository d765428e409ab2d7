"""Replay: the trading session over bars of the past, on a clock that the bars drive."""

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cluster.errors import DataError, UsageError
from envs.params import V6Params
from trade.bars.bar_table import BarTable
from trade.bars.slot_map import Seats
from trade.brokers.port import BrokerSetup
from trade.brokers.registry import PAPER, create_broker
from trade.journal.journal import Journal, read_journal
from trade.journal.session_log import SessionLog
from trade.orders.account import Account
from trade.orders.protection import Protection
from trade.policy.policy import Policy
from trade.risk.limits import RiskLimits
from trade.session.desk import Desk
from trade.session.replay_result import ReplayResult, summarise
from trade.session.session import TradingSession
from trade.session.session_config import DATA_SCHEME, Terms

if TYPE_CHECKING:
    from features import Bars
    from features.slots.bars import SlotRules
    from features.slots.occupancy import Seating
    from features.universe.universe import Universe
    from train.bundle.manifest import Manifest


__all__ = [
    "Candidates",
    "ReplayRequest",
    "ReplayResult",
    "SessionReport",
    "replay",
    "replay_table",
]


@dataclass(frozen=True)
class Candidates:
    """Who may sit in the slots of a bundle.

    Args:
        universe: Members and sectors of every day.
        scans: Folder in which scans are kept.
    """

    universe: "Universe"
    scans: Path


@dataclass(frozen=True, kw_only=True)
class ReplayRequest:
    """What to replay.

    Args:
        bars: Bars of the bundle's symbols, with enough before `start` for the warm-up; of a bundle
            with slots, of all that may sit in them, from a lookback before its slots start.
        bundle: The policy's manifest.
        policy: Who decides.
        journal: File of the session; its stem is the session id.
        label: SIMULATED or REPLAY, shown wherever numbers of this session are.
        start: First date; None for the first bar.
        end: Last date, included; None for the last bar.
        limits: The risk gate; None switches it off.
        protection: Stop-loss and take-profit; None switches them off.
        seed: Of the slippage stream.
        resume: Go on with the journal if there is one; otherwise it must not exist.
        candidates: For a bundle with slots.
    """

    bars: "Bars"
    bundle: "Manifest"
    policy: Policy
    journal: Path
    label: str = "REPLAY"
    start: date | None = None
    end: date | None = None
    limits: RiskLimits | None = field(default_factory=RiskLimits)
    protection: Protection | None = field(default_factory=Protection)
    seed: int = 0
    resume: bool = False
    candidates: Candidates | None = None


@dataclass(frozen=True)
class SessionReport:
    """One exchange session of a replay, told as it ends."""

    day: date
    decisions: int
    orders: int
    fills: int
    denials: int
    equity: float  # USD, at the session's close


OnSession = Callable[[SessionReport], None]


def replay(request: ReplayRequest, on_session: OnSession | None = None) -> ReplayResult:
    """Trade a policy over bars of the past with the built-in paper broker.

    Args:
        request: What to replay.
        on_session: Called as each exchange session ends.

    Raises:
        BundleError: the bundle was made for other feature definitions.
        UsageError: the journal exists and `resume` is off; a bundle with slots lacks candidates.
        ConfigError: the journal is of a session under other terms.
        DataError: fewer than two bars between `start` and `end`, or a damaged journal.
        LockedError: another process writes the journal.
        PloutosError: the journal cannot be written.
    """
    from features import aligned_table, feature_fingerprint

    bundle = request.bundle
    bundle.check_features(feature_fingerprint(bundle.feature_set))
    if bundle.slots is not None:
        return _replay_slots(request, bundle.slots.rules(), on_session)
    table = aligned_table(request.bars, bundle.feature_set, list(bundle.symbols))
    return replay_table(request, table, on_session)


def _replay_slots(
    request: ReplayRequest, rules: "SlotRules", on_session: OnSession | None
) -> ReplayResult:
    from features.slots.bars import slotted_bars

    if request.candidates is None:
        raise UsageError(
            f"bundle {request.bundle.bundle_id} trades slots",
            "a universe says who may sit in them",
            "pass candidates=Candidates(universe, folder)",
        )
    known = request.candidates
    feature_set = request.bundle.feature_set
    slotted = slotted_bars(request.bars, known.universe, rules, feature_set, known.scans)
    return replay_table(request, slotted.names, on_session, seating=slotted.seating)


def replay_table(
    request: ReplayRequest,
    table: BarTable,
    on_session: OnSession | None = None,
    *,
    seating: "Seating | None" = None,
) -> ReplayResult:
    """`replay` over a table that is there already; `request.bars` is not looked at.

    With a `seating` the policy's assets are its slots, else the table's symbols.
    """
    seats = Seats(table, seating)
    first, last = _bar_range(table, request.start, request.end)
    if request.journal.exists() and not request.resume:
        raise UsageError(
            f"journal {request.journal} exists",
            "a session is written once",
            "resume it with --resume, or name another --session",
        )
    terms = _terms(request, seats, first, last)
    with Journal(request.journal) as journal:
        log = SessionLog(journal)
        account = deepcopy(log.state.account)
        if log.state.opening is None:
            account = Account.opened_with(terms.params.initial_balance)
        setup = BrokerSetup(
            seats=seats,
            v6=terms.params.rule_params(),
            account=account,
            seed=terms.seed,
            known_ids=log.state.settled,
        )
        broker = create_broker(PAPER, setup)
        teller = _Teller(table, log, on_session)
        session = TradingSession(Desk(terms, seats, broker, log), request.policy)
        session.run(first, last, teller.tell)
    return summarise(request.journal, read_journal(request.journal))


class _Teller:
    """Tells of each session as its last bar is marked."""

    def __init__(self, table: BarTable, log: SessionLog, on_session: OnSession | None) -> None:
        self._table = table
        self._log = log
        self._on_session = on_session
        self._before = Counter(log.counts)

    def tell(self, bar: int) -> None:
        sessions = self._table.session
        if bar + 1 < len(sessions) and sessions[bar + 1] == sessions[bar]:
            return
        new = self._log.counts - self._before
        self._before = Counter(self._log.counts)
        if self._on_session:
            day: date = self._table.ts[bar].astype("datetime64[D]").item()
            self._on_session(
                SessionReport(
                    day,
                    new["decision"],
                    new["order"],
                    new["fill"],
                    new["denial"],
                    self._log.state.account.equity,
                )
            )


def _terms(request: ReplayRequest, seats: Seats, first: int, last: int) -> Terms:
    return Terms(
        session_id=request.journal.stem,
        label=request.label,
        bundle_id=request.bundle.bundle_id,
        params=V6Params.from_dict(request.bundle.v6_params),
        limits=request.limits,
        protection=request.protection,
        seed=request.seed,
        data=DATA_SCHEME + seats.fingerprint(max(0, first - _looks_back(request.limits)), last),
    )


def _looks_back(limits: RiskLimits | None) -> int:
    """Bars before the first one that decide as well: the gate correlates over them."""
    return int(limits.settings()["correlation_bars"]) if limits else 0


def _bar_range(table: BarTable, start: date | None, end: date | None) -> tuple[int, int]:
    """First and last bar of the dates, both included. XNYS sessions lie within one UTC date."""
    days = table.ts.astype("datetime64[D]")
    low = int(np.searchsorted(days, np.datetime64(start))) if start else 0
    high = int(np.searchsorted(days, np.datetime64(end), "right")) if end else len(days)
    if high - low < 2:
        span = f"{days[0]} to {days[-1]}" if len(days) else "nothing"
        raise DataError(
            f"fewer than two bars between {start or 'the first'} and {end or 'the last'}",
            f"the bars cover {span}",
            "choose --from and --to inside that",
        )
    return low, high - 1
