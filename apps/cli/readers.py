"""What the app and the doctor read: journals, bundles, the ledger and the lake of one home.

A file that is torn, damaged or missing becomes a state with a reason, never an exception.
"""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from cluster.errors import BundleError, PloutosError
from cluster.files import newest_first
from cluster.settings import Home

if TYPE_CHECKING:
    import polars as pl

    from trade.journal.journal_format import Record
    from train.bundle.manifest import Manifest
    from train.bundle.verdict_record import VerdictRecord
    from train.sweep.plan import SweepPlan

_TAIL = 1 << 16  # bytes, longer than most records


@dataclass(frozen=True)
class JournalLog:
    """One journal as far as it can be trusted.

    Args:
        session: Its name.
        records: Every whole record; none when the file is damaged.
        fault: What is wrong with the file, "" when it is whole.
    """

    session: str
    records: "tuple[Record, ...]"
    fault: str

    @property
    def last_written(self) -> datetime | None:
        """When the last record was written, UTC."""
        return datetime.fromisoformat(self.records[-1].ts) if self.records else None


@dataclass(frozen=True)
class BundleCard:
    """A policy bundle's manifest and verdict, or why they cannot be read."""

    path: Path
    manifest: "Manifest | None"
    verdict: "VerdictRecord | None"
    fault: str

    @property
    def badge(self) -> str:
        """BETTER or NOT BETTER; NOT JUDGED, or DAMAGED, where there is no verdict."""
        if self.manifest is None:
            return "DAMAGED"
        return self.verdict.label if self.verdict else "NOT JUDGED"


def journal_paths(home: Home) -> list[Path]:
    """The journals of a home, the one written last first."""
    found = [path for path in home.journal.glob("*.jsonl") if not path.name.startswith(".")]
    return newest_first(found, _last_written)


def _last_written(path: Path) -> str:
    """The time in the last whole line of a journal."""
    with path.open("rb") as file:
        for size in (_TAIL, path.stat().st_size):
            file.seek(-min(size, path.stat().st_size), os.SEEK_END)
            lines = file.read().splitlines(keepends=True)[::-1]
            for line in lines:
                if line.startswith(b"{") and line.endswith(b"}\n"):
                    return str(json.loads(line)["ts"])
    raise ValueError("no whole line")


def read_log(path: Path) -> JournalLog:
    """Read one journal; a torn last write is left out and told."""
    from trade.journal.journal_format import parse_lines

    try:
        data = path.read_bytes()
        records, whole = parse_lines(data, path.name)
    except PloutosError as error:
        return JournalLog(path.stem, (), f"{error.what}: {error.why}")
    except OSError as error:
        return JournalLog(path.stem, (), f"cannot read {path.name}: {error.strerror}")
    torn = len(data) - whole
    fault = f"the last write is torn ({torn} bytes); shown is all before it" if torn else ""
    return JournalLog(path.stem, tuple(records), fault)


def newest_journal(home: Home) -> JournalLog | None:
    """The journal written last, None when there is none."""
    paths = journal_paths(home)
    return read_log(paths[0]) if paths else None


def bundle_cards(home: Home) -> list[BundleCard]:
    """Every bundle of a home, newest first, damaged ones last."""
    from train.bundle.bundle import list_bundles

    return [_card(folder) for folder in list_bundles(home.bundles)]


def _card(folder: Path) -> BundleCard:
    from train.bundle.bundle import read_manifest, read_verdict

    manifest = None
    try:
        manifest = read_manifest(folder)
        return BundleCard(folder, manifest, read_verdict(folder, manifest), "")
    except PloutosError as error:
        return BundleCard(folder, manifest, None, f"{error.what}: {error.why}")
    except OSError as error:
        return BundleCard(folder, manifest, None, f"cannot read {folder.name}: {error.strerror}")


def find_bundle(home: Home, name: str | None) -> Path:
    """The folder of a bundle, by path, stage or the first digits of its id; by default the newest.

    `champion` is the one there is; of several in another stage, it is the newest.

    Raises:
        BundleError: there is none, or more than one.
        DataError: a stage is asked for, and the log of stages was changed.
    """
    from train.bundle.stages import Stage, read_stages

    cards = bundle_cards(home)
    if name in get_args(Stage):
        stages = read_stages(home)
        cards = [card for card in cards if stages.of(card.path.name) == name]
        if not cards:
            raise BundleError(f"no bundle is {name}", f"in {home.bundles}", "ploutos model list")
        return cards[0].path
    if name is not None and Path(name).is_dir():
        return Path(name)
    found = [card.path for card in cards if name is None or card.path.name.startswith(name)]
    if not found:
        wanted = f"no bundle {name}" if name else "no bundle"
        raise BundleError(f"{wanted} in {home.bundles}", "", "ploutos model list, or ploutos demo")
    if name is not None and len(found) > 1:
        raise BundleError(f"{name} names {len(found)} bundles", "", "give more digits of the id")
    return found[0]


@dataclass(frozen=True)
class Trials:
    """The ledger's trials, one row each as `unread_hidden` leaves it, and what is unreadable."""

    table: "pl.DataFrame | None"
    faults: tuple[str, ...]


def read_trials(home: Home) -> Trials:
    """Every trial of every problem of a home."""
    import polars as pl

    from train.ledger.ledger import TrialLedger

    ledger = TrialLedger(home.ledger)
    tables, faults = [], []
    for problem in ledger.problems():
        try:
            tables.append(unread_hidden(home, problem, ledger.trials(problem)))
        except PloutosError as error:
            faults.append(f"{error.what}: {error.why}")
    return Trials(pl.concat(tables) if tables else None, tuple(faults))


def unread_hidden(home: Home, problem: str, trials: "pl.DataFrame") -> "pl.DataFrame":
    """A problem's trials without `test_sharpe` where no bundle of theirs was walked over its test.

    Whoever saw the test window of every trial would choose by it, and nothing were out of sample.
    """
    import polars as pl

    from train.bundle.window_reading import LATER
    from train.ledger.ledger import TrialLedger

    rows = TrialLedger(home.ledger).readings(problem).rows()
    walked = {row.get("bundle") for row in rows if row.get("fold") != LATER}
    chosen = [
        card.manifest.lineage.trial
        for card in bundle_cards(home)
        if card.manifest is not None
        and card.manifest.problem == problem
        and (card.verdict is not None or card.manifest.bundle_id in walked)
    ]
    return trials.with_columns(
        test_sharpe=pl.when(pl.col("trial_id").is_in(chosen)).then("test_sharpe")
    )


def sweep_plans(home: Home) -> "list[SweepPlan]":
    """The sweeps of a home, newest first.

    Raises:
        DataError: a plan is damaged.
    """
    from train.sweep.plan import SWEEP_PLANS

    return [SWEEP_PLANS.read(home, name) for name in SWEEP_PLANS.names(home)]


@dataclass(frozen=True)
class LakeEnd:
    """The newest bar of the lake."""

    ts: datetime  # open time, UTC
    source: str


def newest_bar(home: Home) -> LakeEnd | None:
    """The newest bar in the lake; None when it holds none that can be read."""
    from features.lake.lake import Lake

    try:
        status = Lake(home.lake).status().sort("last", descending=True)
    except PloutosError:
        return None
    if status.is_empty():
        return None
    newest = status.row(0, named=True)
    return LakeEnd(newest["last"].astimezone(UTC), newest["source"])
