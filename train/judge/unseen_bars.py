"""Judge a bundle on bars that came after those it was made on; nothing is trained or chosen.

Unseen are the sessions after the last bar that the bundle's making had at hand, its test window
included. Earlier bars in the file warm the features up, and are not judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from cluster.errors import BundleError, DataError, UsageError
from cluster.settings import Home
from envs import Market, V6Params
from features import Bars, CheckedBars, check_bars
from train.backtest.evaluation import Evaluation
from train.backtest.exposure import exposure
from train.backtest.stitched import Piece, walk_baselines, walk_policy
from train.bundle.bundle import PolicyBundle
from train.bundle.inference import likeliest
from train.bundle.manifest import DataSpan, Manifest
from train.bundle.resize import for_assets, is_shared
from train.bundle.window_reading import LATER
from train.bundle.windows import later_window, market_of_bars
from train.diagnose.timing import timing_if_traded
from train.judge.judge_bundle import check_whole
from train.ledger.attempts import Attempt, attempt_table
from train.ledger.ledger import TrialLedger
from train.ledger.readings import times_read
from train.ledger.record import TrialEnd, TrialRecord
from train.ledger.related_trials import Tried, tried_on
from train.report.report import ReportInput
from train.verdict.verdict import Verdict, judge


@dataclass(frozen=True, eq=False)
class UnseenJudgement:
    """A verdict on later bars, all that a report tells of it, and what a reader must know."""

    verdict: Verdict
    report: ReportInput
    remarks: tuple[str, ...]


def judge_on_bars(
    home: Home,
    folder: Path,
    bars: Bars,
    *,
    label: str,
    symbols: Sequence[str] | Literal["all"] | None = None,
    seed: int = 0,
) -> UnseenJudgement:
    """Walk the bundle's policy once through the unseen sessions of `bars`, beside the baselines.

    Args:
        home: of the ledger, which counts the reading and says how much was tried.
        folder: the bundle.
        bars: of its interval; earlier ones too, to warm the features up.
        label: where the bars are from.
        symbols: which, in slot order. By default the bundle's own; a shared network that lacks
            some of those takes all that there are.
        seed: of slippage draws and bootstrap.

    Raises:
        BundleError: the bundle is refused, has other features, or is not for these symbols.
        ConfigError: the bars have another interval.
        DataError: no unseen session, or the ledger is not whole.
    """
    bundle = PolicyBundle.load(folder)
    manifest = bundle.manifest
    onnx = (folder / "policy.onnx").read_bytes()  # just checked against the manifest
    remarks: list[str] = []
    checked = check_bars(bars, origin="bars")
    if manifest.slots is not None:
        _refuse_choice_of_slots(manifest, symbols)
        market = market_of_bars(home, checked, manifest)
    else:
        chosen, remarks = _symbols(manifest, checked, symbols, shared=is_shared(onnx))
        market = market_of_bars(home, checked, manifest, chosen)
    piece = Piece(
        act=bundle.act
        if market.symbols == manifest.tickers
        else likeliest(for_assets(onnx, manifest, market.num_assets)),
        policy=manifest.bundle_id,
        trial=manifest.lineage.trial,
        market=market,
        params=V6Params.from_dict(manifest.v6_params),
        window=later_window(manifest, market),
        fold=LATER,
    )
    tried = tried_on(TrialLedger(home.ledger), manifest.problem, {manifest.data.fingerprint})
    return _judged(piece, manifest, tried, label=label, seed=seed, remarks=remarks)


def _judged(
    piece: Piece,
    manifest: Manifest,
    tried: Tried,
    *,
    label: str,
    seed: int,
    remarks: Sequence[str],
) -> UnseenJudgement:
    """Count the reading, walk, judge."""
    check_whole(tried)
    tried.log.note([piece.reading("later bars")])
    (candidate,) = walk_policy([piece], seed=seed)
    others = walk_baselines([piece], seed=seed)
    dates = candidate.dates()
    at_hand = bool(tried.own)
    table = tried.table if at_hand else _alone(manifest, candidate)
    verdict = judge(candidate, others, table, seed=seed)
    verdict = verdict.model_copy(update={"readings": times_read(tried.logs, dates)})
    return UnseenJudgement(
        verdict=verdict,
        report=ReportInput(
            verdict=verdict,
            candidate=candidate,
            baselines=others,
            trials=table,
            manifest=_on_market(manifest, piece.market, label),
            exposure=exposure(candidate, piece.market),
            timing=timing_if_traded(candidate, piece.market, piece.params),
        ),
        remarks=(*remarks, *_told(piece, manifest, dates, at_hand=at_hand)),
    )


def _told(piece: Piece, manifest: Manifest, dates: Sequence[date], *, at_hand: bool) -> list[str]:
    """Which sessions count as unseen, and what the verdict cannot know."""
    made = f"the bundle was made on bars up to {manifest.data.end:%Y-%m-%d}"
    told = [f"unseen and judged: {len(dates)} sessions from {dates[0]} to {dates[-1]}; {made}"]
    earlier = len(np.unique(piece.market.session[: piece.window.start]))
    if earlier:
        told.append(f"{earlier} earlier sessions of the file only warm the features up")
    if not at_hand:
        told.append(
            f"the ledger of problem {manifest.problem} is not in this home: how much was tried "
            "is not known, so the Sharpe ratio is not deflated"
        )
    return told


def _symbols(
    manifest: Manifest,
    bars: CheckedBars,
    asked: Sequence[str] | Literal["all"] | None,
    *,
    shared: bool,
) -> tuple[tuple[str, ...], list[str]]:
    """Which symbols are walked, in slot order, and what is to be said of it."""
    known = bars.symbols
    own = manifest.tickers
    wanted = known if asked == "all" else tuple(asked) if asked else own
    missing = [symbol for symbol in wanted if symbol not in known]
    if not shared:
        _refuse_other_symbols(manifest, wanted, missing)
        return own, []
    if asked:
        if missing:
            raise DataError(
                f"no bars for {', '.join(missing)}", f"there are bars of {', '.join(known[:10])}"
            )
        return wanted, []
    present = tuple(symbol for symbol in own if symbol in known)
    if not missing:
        return own, []
    if present:
        return present, [f"no bars for {', '.join(missing)}: the rest of its symbols is walked"]
    return known, [f"no bars of its own symbols: it is walked on {', '.join(known)}"]


def _refuse_other_symbols(
    manifest: Manifest, wanted: Sequence[str], missing: Sequence[str]
) -> None:
    """A flat network has weights for each symbol.

    Raises:
        BundleError: it would be given others, or lacks some.
    """
    lacking = missing or [symbol for symbol in manifest.tickers if symbol not in wanted]
    foreign = [symbol for symbol in wanted if symbol not in manifest.tickers]
    if not lacking and not foreign:
        return
    told = [f"no bars for {', '.join(lacking)}"] if lacking else []
    told += [f"it knows nothing of {', '.join(foreign)}"] if foreign else []
    raise BundleError(
        f"bundle {manifest.bundle_id} is a flat network, for its own symbols only",
        "; ".join(told),
        "give bars of all its symbols, or a bundle of a shared network: --set network.kind=shared",
    )


def _refuse_choice_of_slots(
    manifest: Manifest, asked: Sequence[str] | Literal["all"] | None
) -> None:
    if asked:
        raise UsageError(
            f"the symbols of bundle {manifest.bundle_id} cannot be chosen",
            "it trades slots, and a monthly scan of the home's universe says who sits in them",
            "leave --symbols out",
        )


def _on_market(manifest: Manifest, market: Market, label: str) -> Manifest:
    """For the report: the bundle's manifest with the bars and symbols that it was walked on."""
    first, last = (market.ts[index].item().replace(tzinfo=UTC) for index in (0, -1))
    span = DataSpan(
        label=label,
        interval=manifest.data.interval,
        start=first,
        end=last,
        fingerprint=market.fingerprint,
        bars=market.num_bars,
    )
    return manifest.model_copy(update={"data": span, "symbols": market.symbols})


def _alone(manifest: Manifest, candidate: Evaluation) -> pl.DataFrame:
    """The table of a ledger that holds the candidate and nothing else."""
    record = TrialRecord(
        trial_id=manifest.lineage.trial,
        problem=manifest.problem,
        sweep=manifest.lineage.sweep,
        scenario=manifest.scenario,
        learner=manifest.learner,
        seed=manifest.lineage.seed,
        config=manifest.lineage.config,
        status=TrialEnd.COMPLETED,
        steps=int(manifest.metrics.get("steps", 0)),
        validation_sharpe=manifest.metrics.get("validation_sharpe"),
        test_dates=candidate.dates(),
        test_returns=candidate.daily_returns,
        code_version="not known",
        data_fingerprint=manifest.data.fingerprint,
        created=manifest.created,
    )
    return attempt_table([Attempt("", (record,))])
