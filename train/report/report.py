"""The report of a verdict: one HTML file that needs nothing else, verdict first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.errors import DataError
from cluster.files import write_atomic
from train.backtest.baselines import names_by_fold
from train.backtest.evaluation import Evaluation
from train.backtest.exposure import Exposure
from train.bundle.manifest import Manifest
from train.bundle.stress_record import StressRecord
from train.bundle.verdict_record import VerdictRecord
from train.diagnose.timing import Timing
from train.report import html as html
from train.report.fold_choice import FoldChoice
from train.report.months import monthly_returns, months_table
from train.report.search_section import luck_section, search_section, tried_section
from train.report.stress_section import stress_section
from train.report.timing_section import timing_section
from train.verdict.verdict import MIN_DEFLATED_SHARPE

if TYPE_CHECKING:
    import polars as pl

SIMULATED = "SIMULATED"


@dataclass(frozen=True, eq=False)
class ReportInput:
    """Everything that a report tells; it computes nothing that a verdict hangs on."""

    verdict: VerdictRecord
    candidate: Evaluation
    baselines: Sequence[Evaluation]  # and any other path to draw beside, such as random
    trials: "pl.DataFrame"  # `TrialLedger.trials(problem)`
    manifest: Manifest
    stress: StressRecord | None = None
    folds: Sequence[FoldChoice] = ()  # of a walk-forward
    exposure: Exposure | None = None
    timing: Timing | None = None  # of a walk-forward: in its newest test window


def write_report(path: Path, given: ReportInput) -> Path:
    """Write the report; the same input gives the same bytes.

    Raises:
        DataError: the ledger table is empty, or the sessions have no dates.
        PloutosError: the file cannot be written.
    """
    from plotly.offline import get_plotlyjs

    if given.trials.height == 0:
        raise DataError("no report without trials", "the ledger table is empty")
    body = [
        _banner(given),
        _tiles(given),
        _reasons(given.verdict),
        _equity(given),
        _excess(given.verdict),
        _months(given.candidate),
        _numbers(given),
        _exposed(given.exposure),
        _timed(given.timing),
        luck_section(given.trials, given.verdict),
        search_section(given.verdict, given.manifest),
        stress_section(given.stress),
        tried_section(given.trials, given.manifest),
        _folds(given),
        _made_of(given),
    ]
    title = f"{given.verdict.label}: {given.manifest.scenario}"
    write_atomic(path, html.page(title, body, get_plotlyjs()).encode())
    return path


def _banner(given: ReportInput) -> str:
    manifest, dates = given.manifest, given.candidate.dates()
    simulated = manifest.data.label == SIMULATED
    return html.banner(
        given.verdict.label,
        f"Test window {dates[0]} to {dates[-1]}, {given.candidate.days} sessions, "
        "never seen in training or choice.",
        good=given.verdict.better,
        label="SIMULATED MARKET: NO REAL PRICES" if simulated else "",
        context=f"Ploutos · scenario {manifest.scenario} · bundle {manifest.bundle_id}",
    )


def _tiles(given: ReportInput) -> str:
    verdict = given.verdict
    span = f"95 %: {html.number(verdict.sharpe_low)} to {html.number(verdict.sharpe_high)}"
    return html.tiles(
        [
            (html.number(verdict.sharpe), "Sharpe ratio, test", span),
            (
                html.number(verdict.deflated_sharpe),
                "Deflated Sharpe",
                f"needs {MIN_DEFLATED_SHARPE:.2f}",
            ),
            (
                html.number(verdict.deflation_threshold),
                "Luck alone reaches",
                f"best of {verdict.trials} trial(s)",
            ),
            (
                html.percent(given.candidate.performance.total_return),
                "Return, test",
                f"worst drawdown {html.percent(given.candidate.performance.max_drawdown)}",
            ),
        ]
    )


def _reasons(verdict: VerdictRecord) -> str:
    from train.report.charts import readable

    if verdict.better:
        return html.section("Why", "<p>Every condition was met.</p>")
    lead = html.note(
        "All conditions must be met. Most policies on most data fail them, and should: "
        "a NO that is right costs nothing, a YES that is luck costs money."
    )
    return html.section("What failed", lead, html.bullets([*map(readable, verdict.reasons)]))


def _equity(given: ReportInput) -> str:
    from train.report.charts import equity_chart

    chart = html.chart(equity_chart(given.candidate, given.baselines), "equity")
    remark = html.note("After slippage, spread and fees; the same costs and fills for all.")
    return html.section("Equity against the baselines", remark, chart)


def _excess(verdict: VerdictRecord) -> str:
    from train.report.charts import excess_chart

    remark = html.note("The bar is the 95 % interval. Better means: all of it lies right of zero.")
    return html.section(
        "Sharpe above each baseline", remark, html.chart(excess_chart(verdict), "excess")
    )


def _months(candidate: Evaluation) -> str:
    months = monthly_returns(candidate.dates(), candidate.daily_returns)
    remark = html.note("Return of the policy in percent, after costs.")
    return html.section("Month by month", remark, months_table(months))


def _exposed(exposure: Exposure | None) -> str:
    from train.report.exposure_chart import exposure_chart

    if exposure is None:
        return ""
    remark = html.note(
        "Share of equity at the end of each session, by sector, or by symbol where no sector is "
        "known; what is missing to 100 % is cash."
    )
    chart = html.chart(exposure_chart(exposure), "exposure")
    return html.section("What it was invested in", remark, chart)


def _timed(timing: Timing | None) -> str:
    from train.report.timing_chart import timing_chart

    return timing_section(timing, html.chart(timing_chart(timing), "timing") if timing else "")


def _numbers(given: ReportInput) -> str:
    from train.report.charts import readable

    paths = [given.candidate, *given.baselines]
    values = [path.to_dict() for path in paths]
    rows = [[name, *(form(value[key]) for value in values)] for name, key, form in _METRICS]
    return html.section("Numbers", html.table(["", *(readable(path.name) for path in paths)], rows))


def _folds(given: ReportInput) -> str:
    rows = [
        [str(fold.index), *(f"{low:,} to {high - 1:,}" for low, high in windows)]
        for fold in given.manifest.folds
        for windows in [(fold.train, fold.validation, fold.test)]
    ]
    remark = html.note("Bar numbers; between two windows a purge and an embargo are left out.")
    table = html.table(["fold", "train", "validation", "test"], rows)
    return html.section("Folds", _choices(given), remark, table)


def _choices(given: ReportInput) -> str:
    """What validation chose in each fold of a walk, and what came of it."""
    if not given.folds:
        return ""
    from train.report.charts import readable

    names = names_by_fold(given.baselines)
    rows = [
        [
            f"{fold.fold}: {fold.test[0]} to {fold.test[1]}",
            html.number(fold.validation_sharpe),
            html.number(fold.test_sharpe),
            *(html.number(fold.baselines[name]) for name in names),
            str(fold.seeds),
            ", ".join(f"{name} {html.short(value)}" for name, value in fold.parameters.items()),
        ]
        for fold in given.folds
    ]
    head = ["fold", "validation", "test", *map(readable, names), "seeds", "parameters"]
    remark = html.note(
        "Sharpe ratios. Each fold's choice was made by validation alone, the median over seeds, "
        "before the fold's test window was read; the test windows follow each other as one path."
    )
    return remark + html.table(head, rows, text=len(head) - 1)


def _made_of(given: ReportInput) -> str:
    manifest, data = given.manifest, given.manifest.data
    versions = ", ".join(given.trials["code_version"].unique().sort().to_list())
    pairs = [
        ("data", f"{data.label}, {data.interval}, {data.bars:,} bars"),
        ("span", f"{data.start:%Y-%m-%d} to {data.end:%Y-%m-%d}"),
        ("symbols", ", ".join(manifest.symbols)),
        ("data fingerprint", data.fingerprint),
        ("features", f"{manifest.feature_set}, {len(manifest.feature_names)} a symbol"),
        ("feature fingerprint", manifest.feature_fingerprint),
        ("learner", manifest.learner),
        ("trial", f"{manifest.lineage.trial} of sweep {manifest.lineage.sweep}"),
        ("seed", str(manifest.lineage.seed)),
        ("code", versions),
        ("problem", manifest.problem),
        ("bundle made", f"{manifest.created:%Y-%m-%d %H:%M} {manifest.created.tzname()}"),
    ]
    return html.section("What it was made of", html.facts(pairs))


def _count(value: float) -> str:
    return f"{value:,.0f}"


_METRICS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("Sharpe ratio", "sharpe_ratio", html.number),
    ("Sortino ratio", "sortino_ratio", html.number),
    ("Calmar ratio", "calmar_ratio", html.number),
    ("return", "total_return", html.percent),
    ("CAGR", "cagr", html.percent),
    ("volatility", "volatility", html.percent),
    ("worst drawdown", "max_drawdown", html.percent),
    ("days that gained", "hit_rate", html.percent),
    ("turnover a year", "turnover", html.number),
    ("exposure", "exposure", html.percent),
    ("costs a year", "cost_drag", html.percent),
    ("fills", "fills", _count),
)
