"""The report's sections on the search: what was tried, and what trying explains."""

import json
from typing import TYPE_CHECKING, Any

from train.bundle.manifest import Manifest
from train.bundle.verdict_record import VerdictRecord
from train.report import html as html
from train.verdict.promotion_gate import MAX_OVERFITTING, MAX_SPA_P, TARGET_VALIDATION_SHARPE

if TYPE_CHECKING:
    import polars as pl

MAX_TRIAL_ROWS = 60


def luck_section(trials: "pl.DataFrame", verdict: VerdictRecord) -> str:
    """The distribution of all trials, with the threshold of luck."""
    from train.report.charts import trials_chart

    remark = html.note(
        "Every trial's Sharpe on the test window. The dashed line is what the best of as many "
        "trials without any skill is expected to show; the chosen one must clear it by far."
    )
    return html.section("All trials", remark, html.chart(trials_chart(trials, verdict), "trials"))


def search_section(verdict: VerdictRecord, manifest: Manifest) -> str:
    """What the number of trials takes away from the result."""
    from train.report.charts import readable

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
    return html.section("What searching explains", html.facts(pairs))


def tried_section(trials: "pl.DataFrame", manifest: Manifest) -> str:
    """Every trial, the best on validation first."""
    import polars as pl

    trials = trials.sort("validation_sharpe", descending=True, nulls_last=True)
    counts = trials["status"].value_counts(sort=True).rows()
    told = ", ".join(f"{count} {status}" for status, count in counts)
    shown = trials.head(MAX_TRIAL_ROWS).select(
        "trial_id", "validation_sharpe", "test_sharpe", "status", "seed", "steps", "config"
    )
    ids = shown["trial_id"].to_list()
    chosen = ids.index(manifest.lineage.trial) if manifest.lineage.trial in ids else -1
    rows = [_trial_row(row) for row in shown.iter_rows()]
    lead = html.note(
        f"{trials.height} trials of {trials.select(pl.col('sweep').n_unique()).item()} sweep(s): "
        f"{told}. Best on validation first; validation chose, the test window did not."
    )
    left = trials.height - len(rows)
    more = html.note(f"{left} more are in the ledger.") if left else ""
    columns = ["trial", "validation", "test", "status", "seed", "steps", "parameters"]
    return html.section(
        "What was tried", lead, html.table(columns, rows, chosen=chosen, text=6), more
    )


def _trial_row(row: tuple[Any, ...]) -> list[str]:
    trial, validation, test, status, seed, steps, config = row
    told = ", ".join(f"{name} {html.short(value)}" for name, value in json.loads(config).items())
    return [
        trial,
        html.number(validation),
        html.number(test),
        status,
        str(seed),
        f"{steps:,}",
        told,
    ]


def _times(readings: int | None) -> str:
    """Of the sessions that were read most often."""
    return "not counted" if readings is None else "once" if readings == 1 else f"{readings} times"


def _validation(manifest: Manifest) -> str:
    reached = html.number(manifest.metrics.get("validation_sharpe"))
    return f"{reached}; the original sought more than {TARGET_VALIDATION_SHARPE:g}"
