"""The report's sections on the search, on stress and on timing."""

import json
from typing import TYPE_CHECKING, Any

from cluster.html.page import Bullets, Chart, Facts, Heading, Note, Section, Table
from cluster.html.wording import number, percent, readable, short
from train.bundle.manifest import Manifest
from train.bundle.stress_record import Spread, StressRecord
from train.bundle.verdict_record import VerdictRecord
from train.diagnose.timing import SIDES, TARGET, Timing, TimingRow
from train.verdict.checks import MAX_OVERFITTING, MAX_SPA_P
from train.verdict.promotion_gate import TARGET_VALIDATION_SHARPE

if TYPE_CHECKING:
    import polars as pl

MAX_TRIAL_ROWS = 60


def luck_section(trials: "pl.DataFrame", verdict: VerdictRecord) -> Section:
    """The distribution of all trials, with the threshold of luck."""
    from train.report.charts import trials_chart

    remark = Note(
        "Every trial's Sharpe on the test window. The dashed line is what the best of as many "
        "trials without any skill is expected to show; the chosen one must clear it by far."
    )
    return Section("All trials", (remark, Chart(trials_chart(trials, verdict), "trials")))


def search_section(verdict: VerdictRecord, manifest: Manifest) -> Section:
    """What the number of trials takes away from the result."""
    effective = verdict.deflated_sharpe_effective
    overfitting = verdict.overfitting
    tests = [
        f"{readable(row.baseline)} {row.spa_p:.3f}"
        for row in verdict.excess
        if row.spa_p is not None
    ]
    pairs = [
        ("deflated Sharpe", f"{verdict.deflated_sharpe:.3f} over {verdict.trials} trial(s)"),
        (
            "counting clusters",
            "not measured"
            if effective is None
            else f"{effective:.3f} over {verdict.effective_trials} different thing(s) tried",
        ),
        (
            "probability of overfitting",
            f"not measured; the gate wants at most {MAX_OVERFITTING:g}"
            if overfitting is None
            else f"{overfitting:.3f}; the gate wants at most {MAX_OVERFITTING:g}",
        ),
        (f"Hansen's p, at most {MAX_SPA_P:g}", ", ".join(tests) or "not measured"),
        ("Sharpe on validation", _validation(manifest)),
        ("the test window was read", _times(verdict.readings)),
    ]
    return Section("What searching explains", (Facts(pairs),))


def trials_section(trials: "pl.DataFrame", manifest: Manifest) -> Section:
    """Every trial, the best on validation first."""
    import polars as pl

    trials = trials.sort("validation_sharpe", descending=True, nulls_last=True)
    counts = trials["status"].value_counts(sort=True).rows()
    endings = ", ".join(f"{count} {status}" for status, count in counts)
    shown = trials.head(MAX_TRIAL_ROWS).select(
        "trial_id", "validation_sharpe", "test_sharpe", "status", "seed", "steps", "config"
    )
    ids = shown["trial_id"].to_list()
    chosen = ids.index(manifest.lineage.trial) if manifest.lineage.trial in ids else -1
    rows = [_trial_row(row) for row in shown.iter_rows()]
    lead = Note(
        f"{trials.height} trials of {trials.select(pl.col('sweep').n_unique()).item()} sweep(s): "
        f"{endings}. Best on validation first; validation chose, the test window did not."
    )
    left = trials.height - len(rows)
    more = [Note(f"{left} more are in the ledger.")] if left else []
    columns = ["trial", "validation", "test", "status", "seed", "steps", "parameters"]
    return Section("What was tried", (lead, Table(columns, rows, chosen=chosen, text=6), *more))


def _trial_row(row: tuple[Any, ...]) -> list[str]:
    trial, validation, test, status, seed, steps, config = row
    parameters = ", ".join(f"{name} {short(value)}" for name, value in json.loads(config).items())
    return [
        trial,
        number(validation),
        number(test),
        status,
        str(seed),
        f"{steps:,}",
        parameters,
    ]


def _times(readings: int | None) -> str:
    """Of the sessions that were read most often."""
    return "not counted" if readings is None else "once" if readings == 1 else f"{readings} times"


def _validation(manifest: Manifest) -> str:
    reached = number(manifest.metrics.get("validation_sharpe"))
    return f"{reached}; the original sought more than {TARGET_VALIDATION_SHARPE:g}"


def stress_section(stress: StressRecord | None) -> Section:
    """Costs, delay, regimes, seeds and starts; says what measures them where nobody has."""
    title = "Under stress"
    if stress is None:
        remark = "Not measured yet: ploutos backtest stress measures it on the same test window."
        return Section(title, (Note(remark),))
    spreads = [
        ("Sharpe, seeds of the configuration", _spread(stress.seeds)),
        ("Sharpe, begun up to a month later", _spread(stress.starts)),
    ]
    return Section(
        title,
        (
            Note("The same test window on worse terms, for the policy and for equal weight."),
            _harder(stress),
            Heading("By the kind of market before the session"),
            _regimes(stress),
            Heading("Of several walks the median and the range, never the best"),
            Facts(spreads),
        ),
    )


def _harder(stress: StressRecord) -> Table:
    rows = [
        [
            row.name,
            number(row.sharpe),
            percent(row.total_return),
            percent(row.max_drawdown),
            number(row.equal_weight),
        ]
        for row in stress.harder
    ]
    return Table(["", "Sharpe ratio", "return", "worst drawdown", "Sharpe, equal weight"], rows)


def _regimes(stress: StressRecord) -> Table:
    rows = [
        [
            row.name,
            str(row.sessions),
            number(row.sharpe),
            percent(row.mean_return, digits=3),
            number(row.equal_weight),
        ]
        for row in stress.regimes
    ]
    columns = ["", "sessions", "Sharpe ratio", "mean return a session", "Sharpe, equal weight"]
    return Table(columns, rows)


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return "not measured: the ledger knows no other seed"
    low, high = number(spread.low), number(spread.high)
    return f"median {number(spread.median)}, from {low} to {high} ({spread.count} walks)"


def timing_section(timing: Timing | None) -> Section:
    """The sentences, then the chart; what there is instead without trades."""
    from train.report.charts import timing_chart

    if timing is None:
        return Section("Timing", (Note("Too few trades to say anything of their timing."),))
    lead = Note(
        "A buy is good when the mean of the next ten closes lies more than 1 % above its price, a "
        f"sell when it lies below. The original sought more than {TARGET:.0%} good buys. Grey: "
        "where 95 % of random trades lie, as many, of the same assets, at the same hours."
    )
    chart = Chart(timing_chart(timing), "timing")
    return Section("Timing", (lead, Bullets(timing_words(timing)), chart))


def timing_words(timing: Timing) -> list[str]:
    """A sentence for buys, for sells and for missed moves."""
    words = [_trades(row) for side in SIDES if (row := timing.row(side)) is not None]
    for move in timing.missed:
        how = "not held" if move.move == "rise" else "held"
        words.append(
            f"Strong {move.move}s: {how} in {move.wrong:.0%} of {move.bars:,} asset-bars "
            f"({move.low:.0%} to {move.high:.0%}); at any bar {move.usual:.0%}."
        )
    return words


def _trades(row: TimingRow) -> str:
    text = (
        f"Good {row.side}s: {row.good:.0%} of {row.trades:,} "
        f"(95 %: {row.low:.0%} to {row.high:.0%}), bad {row.bad:.0%}"
    )
    if row.random is None:
        return f"{text}."
    return f"{text}; random {row.side}s {row.random:.0%}."
